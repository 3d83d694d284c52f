import ApusAddresses
import ApusConfig
import ApusModel
import Foundation
import Logging
import Testing

@testable import ApusControl

@Suite struct RevisionStoreTests {
    /// A new directory, which `body` may use.
    static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "apus-state-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    static func open(_ directory: String) throws -> RevisionStore {
        try RevisionStore(directory: directory, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    static func revision(_ number: Int, _ text: String) -> Revision {
        Revision(number: number, cause: .admin, files: [ConfigurationFile(path: "apus.yaml", text: text)])
    }

    @Test func theNewestAreKeptForTheirOwnerAlone() async throws {
        try await Self.withDirectory { directory in
            let store = try Self.open(directory)
            for number in 1...5 { try store.keep(Self.revision(number, "text \(number)"), atMost: 3) }
            let kept = try Self.open(directory).revisions
            #expect(
                kept
                    == (3...5).map { Self.revision($0, "text \($0)") }.map { wanted in
                        Revision(
                            number: wanted.number, time: kept.first { $0.number == wanted.number }!.time, cause: .admin,
                            files: wanted.files)
                    })
            let files = FileManager.default
            #expect(try files.attributesOfItem(atPath: directory)[.posixPermissions] as? Int == 0o700)
            for name in try files.contentsOfDirectory(atPath: directory) {
                #expect(try files.attributesOfItem(atPath: "\(directory)/\(name)")[.posixPermissions] as? Int == 0o600)
            }
        }
    }

    @Test func rollbackAndChangesOutliveTheProcess() async throws {
        try await Self.withDirectory { directory in
            do {
                let fixture = try ConfigurationFixture(store: try Self.open(directory))
                try await fixture.running.apply(text: RunningConfigurationTests.other)
                try await fixture.running.change(
                    .adjust(pool: "web", endpoint: "127.0.0.1:1", weight: nil, isDrained: true))
                try await fixture.running.change(
                    .adjust(pool: "web", endpoint: "127.0.0.1:2", weight: .number(7), isDrained: nil), persistent: false
                )
            }
            // The file is what a new process begins with; what ran last is there to go back to.
            let fixture = try ConfigurationFixture(store: try Self.open(directory))
            #expect(await fixture.running.revisions.map(\.number) == [1, 2, 3])
            #expect(fixture.live.view.snapshot.endpoints.map(\.weight) == [0, 3, 1])
            try await fixture.running.rollback()
            #expect(fixture.live.view.snapshot.endpoints.map(\.name).last == "127.0.0.1:4")
            #expect(fixture.live.view.snapshot.endpoints.map(\.weight) == [0, 3, 1])
            // The same files are the same revision.
            let again = try ConfigurationFixture(RunningConfigurationTests.other, store: try Self.open(directory))
            #expect(await again.running.revision.number == 4)
        }
    }

    /// Whatever of a file is missing or changed: it is recognised.
    @Test func damageIsRecognised() async throws {
        try await Self.withDirectory { directory in
            let store = try Self.open(directory)
            try store.keep(Self.revision(1, "one"), atMost: 10)
            try store.keep(Self.revision(2, "two"), atMost: 10)
            let path = "\(directory)/revision-00000002"
            let whole = try Data(contentsOf: URL(filePath: path))
            for length in 0..<whole.count {
                try whole.prefix(length).write(to: URL(filePath: path))
                #expect(try Self.open(directory).revisions.map(\.number) == [1], "cut after \(length) bytes")
            }
            for place in stride(from: 0, to: whole.count, by: 7) {
                var changed = whole
                changed[place] ^= 1
                try changed.write(to: URL(filePath: path))
                #expect(try Self.open(directory).revisions.map(\.number) == [1], "changed at \(place)")
            }
            try whole.write(to: URL(filePath: path))
            #expect(try Self.open(directory).revisions.map(\.number) == [1, 2])
        }
    }

    @Test func whatCannotBeKeptRunsNevertheless() async throws {
        try await Self.withDirectory { directory in
            let fixture = try ConfigurationFixture(store: try Self.open(directory))
            try FileManager.default.removeItem(atPath: directory)
            try "in its place".write(toFile: directory, atomically: true, encoding: .utf8)
            let adoption = try await fixture.running.apply(text: RunningConfigurationTests.other)
            #expect(adoption.effect == .adopted && adoption.notes.contains { $0.contains("could not be kept") })
            #expect(throws: StateDirectoryError.self) { try Self.open(directory + "/below") }
        }
    }

    /// The disk was full, and is not any more: what was not written then is there, without anybody asking again.
    @Test(.timeLimit(.minutes(1))) func whatCouldNotBeKeptIsKeptLater() async throws {
        try await Self.withDirectory { directory in
            let log = LogRecorder()
            let fixture = try ConfigurationFixture(
                store: try Self.open(directory), logger: Logger(label: "test") { _ in log })
            try FileManager.default.removeItem(atPath: directory)
            let adoption = try await fixture.running.apply(text: RunningConfigurationTests.other)
            #expect(
                adoption.notes == [
                    """
                    revision 2 could not be kept in the state directory, and is forgotten if this process ends before it can: \
                    \(directory)/revision-00000002: no such file or directory (open); that is tried again every 10 s
                    """
                ])
            let weight = DynamicChange.adjust(
                pool: "web", endpoint: "127.0.0.1:2", weight: .number(7), isDrained: nil)
            #expect(try await fixture.running.change(weight).count == 1)
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            let told = try #require(await fixture.running.state.unkept)
            #expect(told.hasPrefix("revision 2, what was changed while running could not be written"), "\(told)")
            // Not at once.
            await fixture.running.keepAgain()
            #expect(await fixture.running.keepingAgain == nil)
            let following = Task { await fixture.running.followNames() }
            defer { following.cancel() }
            await fixture.running.endStatePause()
            while await !fixture.running.unwritten.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            #expect(await fixture.running.state.unkept == nil)
            let store = try Self.open(directory)
            #expect(store.revisions.map(\.number) == [2] && store.dynamicState.entries.count == 1)
            #expect(log.lines.contains("notice: revision 2 is in the state directory now"))
        }
    }

    /// A process that is killed at any moment leaves a state that can be read, and that is one of those it kept.
    @Test(arguments: 0..<40) func killedAtAnyMoment(round: Int) async throws {
        try await Self.withDirectory { directory in
            let microseconds = UInt32.random(in: 0..<30_000)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [directory = directory as String, microseconds = microseconds as UInt32] in
                try Self.writeUntilKilled(directory, after: microseconds)
            }
            let warnings = WarningCount()
            let store = try RevisionStore(directory: directory, logger: Logger(label: "test") { _ in warnings })
            // What was written to its place is whole: there is nothing to warn of.
            #expect(warnings.count == 0)
            let numbers = store.revisions.map(\.number)
            #expect(numbers == numbers.sorted() && numbers.count <= 4)
            if let first = numbers.first { #expect(numbers == Array(first..<(first + numbers.count))) }
            for revision in store.revisions { #expect(revision.files[0].text == Self.text(revision.number)) }
            if let entry = store.dynamicState.entries.first {
                #expect((1...65_535).contains(entry.weight?.weight ?? 0))
            }
            if let kept = store.names.names["web.test"] { #expect(kept.found == Int64(kept.addresses[0].low & 0xffff)) }
            // The next process goes on, and clears away what the killed one left half-written.
            try store.keep(Self.revision((numbers.last ?? 0) + 1, "next"), atMost: 3)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(!names.contains { $0.hasPrefix(DurableFile.temporaryPrefix) })
        }
    }

    /// Almost all the time is spent in writing here: most kills hit it.
    @Test(arguments: 0..<30) func killedWhileAFileIsWritten(round: Int) async throws {
        try await Self.withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let microseconds = UInt32.random(in: 0..<60_000)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [directory = directory as String, microseconds = microseconds as UInt32] in
                Thread.detachNewThread {
                    usleep(microseconds)
                    kill(getpid(), SIGKILL)
                }
                for number in 0... {
                    let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 8 << 20)
                    try DurableFile(path: "\(directory)/file").write(body)
                }
            }
            // Nil when not even the first one was finished.
            let body = try DurableFile(path: "\(directory)/file").read()
            #expect(body.map { $0.count == 8 << 20 && Set($0).count == 1 } ?? true)
        }
    }

    static func text(_ number: Int) -> String { String(repeating: "\(number) ", count: 20_000) }

    static func writeUntilKilled(_ directory: String, after microseconds: UInt32) throws {
        let store = try open(directory)
        Thread.detachNewThread {
            usleep(microseconds)
            kill(getpid(), SIGKILL)
        }
        for number in 1... {
            try store.keep(revision(number, text(number)), atMost: 3)
            var state = DynamicState()
            state.entries = [
                .init(
                    pool: "web", address: SocketAddress("127.0.0.1:1")!,
                    weight: .init(weight: 1 + number % 65_535, configured: 1))
            ]
            try store.keep(state)
            let address = IPAddress(ipv4: UInt32(number & 0xffff))
            _ = try store.keep(KeptNames(["web.test": .init(addresses: [address], found: Int64(number & 0xffff))]))
        }
    }
}

/// Counts what is logged as a warning or worse.
final class WarningCount: LogHandler, @unchecked Sendable {
    private let lock = NSLock()
    private var warnings = 0
    var count: Int { lock.withLock { warnings } }
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        if event.level >= .warning { lock.withLock { warnings += 1 } }
    }
}

extension RunningConfiguration {
    fileprivate func endStatePause() { unwritten.retryAt = 0 }
}
