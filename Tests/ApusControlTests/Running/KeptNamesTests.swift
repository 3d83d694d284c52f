import ApusAddresses
import ApusModel
import Dispatch
import Foundation
import Logging
import Synchronization
import Testing

@testable import ApusConfig
@testable import ApusControl

/// What host names stood for goes on being used when the name service is away at an upgrade or a restart.
@Suite struct KeptNamesTests {
    static let one = IPAddress("10.0.0.1")!
    static let two = IPAddress("10.0.0.2")!

    static func resolve(_ addresses: IPAddress...) -> @Sendable (String) -> [IPAddress] { { _ in addresses } }

    static func kept(_ addresses: IPAddress..., age: Int64 = 0) -> KeptNames {
        let found = Int64(Date().timeIntervalSince1970) - age
        return KeptNames(["web.test": .init(addresses: addresses, found: found)])
    }

    static func open(_ directory: String, _ log: LogRecorder = LogRecorder()) throws -> RevisionStore {
        try RevisionStore(directory: directory, logger: Logger(label: "test") { _ in log })
    }

    static func fixture(
        _ store: RevisionStore? = nil, handed: HandedState? = nil, _ log: LogRecorder = LogRecorder(),
        resolve: @escaping @Sendable (String) -> [IPAddress] = { _ in [] }
    ) throws -> ConfigurationFixture {
        try ConfigurationFixture(
            FollowedNamesTests.text, store: store, handed: handed, resolve: resolve,
            logger: Logger(label: "test") { _ in log })
    }

    static func words(_ fixture: ConfigurationFixture) -> [String] {
        fixture.live.view.snapshot.endpoints.map { "\($0.name) \($0.address) \($0.weight)" }
    }

    static let both = ["web.test:80 10.0.0.1:80 1", "10.0.0.9:80 10.0.0.9:80 1"]

    // MARK: - A restart

    @Test func aRestartFindsTheLastAddresses() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            do {
                let fixture = try Self.fixture(try Self.open(directory), resolve: Self.resolve(Self.one))
                // Nothing has to happen: what was found at the start is kept at once.
                await fixture.running.keepNames()
                await fixture.running.keepingNames?.value
            }
            let log = LogRecorder()
            let fixture = try Self.fixture(try Self.open(directory), log)
            #expect(Self.words(fixture) == Self.both)
            // It is said that it is kept, of which name, and how old it is.
            #expect(
                log.lines.contains {
                    $0.hasPrefix(
                        "warning: the host name web.test has no address now: 10.0.0.1 of before this start is used")
                        && $0.contains(" s ago")
                }, "\(log.lines)")
            let facts = await fixture.running.nameFacts
            #expect(facts.unresolved == ["web.test"] && facts.kept.names["web.test"]?.addresses == [Self.one])
            // Nothing that was kept is lost by the restart.
            await fixture.running.keepNames()
            await fixture.running.keepingNames?.value
            #expect(try Self.open(directory).names.names["web.test"]?.addresses == [Self.one])
        }
    }

    @Test func whatIsFoundAlwaysWins() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let store = try Self.open(directory)
            #expect(try store.keep(Self.kept(Self.one)) == 0)
            let log = LogRecorder()
            let found = try Self.fixture(try Self.open(directory), log, resolve: Self.resolve(Self.two))
            #expect(Self.words(found)[0] == "web.test:80 10.0.0.2:80 1")
            #expect(await found.running.nameFacts.kept == KeptNames())
            #expect(!log.lines.contains { $0.contains("before this start") })
            // And later.
            let fixture = try Self.fixture(try Self.open(directory), log)
            #expect(Self.words(fixture) == Self.both)
            fixture.files.resolver.withLock { $0 = Self.resolve(Self.two) }
            await fixture.running.look(up: ["web.test"])
            #expect(Self.words(fixture)[0] == "web.test:80 10.0.0.2:80 1")
            #expect(log.lines.contains { $0.contains("stands for 10.0.0.2 now; before: 10.0.0.1") })
            #expect(await fixture.running.nameFacts.kept == KeptNames())
            await fixture.running.keepingNames?.value
            #expect(try Self.open(directory).names.names["web.test"]?.addresses == [Self.two])
        }
    }

    /// As long as the name service is away, nothing changes and nothing is said again.
    @Test func lookupsThatFindNothingLeaveWhatIsKept() async throws {
        let log = LogRecorder()
        let fixture = try Self.fixture(handed: HandedState(names: Self.kept(Self.one, age: 7_300)), log)
        #expect(log.lines.count { $0.contains("last found 2 h ago") } == 1, "\(log.lines)")
        for _ in 0..<3 { await fixture.running.look(up: ["web.test"]) }
        #expect(Self.words(fixture) == Self.both)
        #expect(await fixture.adopter.adopted.isEmpty)
        #expect(log.lines.count { $0.contains("web.test") } == 1, "\(log.lines)")
        fixture.files.resolver.withLock { $0 = Self.resolve(Self.one) }
        await fixture.running.look(up: ["web.test"])
        #expect(log.lines.count { $0.contains("is found again, and") } == 1)
        #expect(await fixture.adopter.adopted.isEmpty)
    }

    /// A reload is told what is known; that finds nothing.
    @Test func aReloadKeepsWhatIsKept() async throws {
        let log = LogRecorder()
        let fixture = try Self.fixture(handed: HandedState(names: Self.kept(Self.one)), log)
        fixture.files["apus.yaml"] = FollowedNamesTests.text + "\nlimits: { head: 4KiB }"
        try await fixture.running.reload(.signal)
        #expect(Self.words(fixture) == Self.both)
        let facts = await fixture.running.nameFacts
        #expect(facts.unresolved == ["web.test"] && facts.kept.names.keys.sorted() == ["web.test"])
        await fixture.running.look(up: ["web.test"])
        #expect(log.lines.count { $0.contains("the host name web.test") } == 1, "\(log.lines)")
    }

    /// With `resolve: off` a reload asks, and a name server that says nothing takes no address away.
    @Test(arguments: ["off", "10s"]) func aSilentNameServiceTakesNothingAtAReload(resolve: String) async throws {
        let text = FollowedNamesTests.text + "\nresolve: \(resolve)"
        let files = ConfigurationFixture.Files(["apus.yaml": text])
        files.resolver.withLock { $0 = Self.resolve(Self.one) }
        var loader = files.loader
        loader.patienceWithNames = .milliseconds(200)
        let first = try loader.load(path: "apus.yaml")
        let live = Live(.of(first.snapshot))
        let running = RunningConfiguration(
            path: "apus.yaml", loader: loader, first: first, adopter: FakeAdopter(live: live), live: live,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let isOver = DispatchSemaphore(value: 0)
        defer { for _ in 0..<4 { isOver.signal() } }
        files.resolver.withLock {
            $0 = { _ in
                isOver.wait()
                return []
            }
        }
        files["apus.yaml"] = text + "\nlimits: { head: 4KiB }"
        try await running.reload(.signal)
        #expect(live.view.snapshot.endpoints.map { "\($0.address)" } == ["10.0.0.1:80", "10.0.0.9:80"])
        #expect(live.view.snapshot.limits.headBytes == 4_096)
    }

    // MARK: - An upgrade

    @Test func aSuccessorGetsTheLastAddresses() async throws {
        let before = try Self.fixture(resolve: Self.resolve(Self.one))
        before.files.resolver.withLock { $0 = { _ in [] } }
        await before.running.look(up: ["web.test"])
        let handed = try await before.running.handOver { _, state in state }
        #expect(handed.names.names["web.test"]?.addresses == [Self.one])
        let told = try #require(HandedState(encoded: handed.encoded))
        #expect(told == handed)
        let after = try Self.fixture(handed: told)
        #expect(Self.words(after) == Self.both)
        // And the one after that.
        let next = try await after.running.handOver { _, state in state }
        #expect(next.names.names["web.test"]?.addresses == [Self.one])
    }

    /// The two processes are different versions of Apus.
    @Test func oldAndNewVersionsUnderstandEachOther() throws {
        let old = #"[{"pool": "web", "endpoint": "10.0.0.9:80", "drained": true, "persistent": true}]"#
        let told = try #require(HandedState(encoded: Array(old.utf8)))
        #expect(told.dynamic.entries.count == 1 && told.names == KeptNames())
        // As a version reads it that knows changes alone.
        struct Change: Decodable {
            var pool: String
            var endpoint: String
            var persistent: Bool
        }
        let new = HandedState(dynamic: told.dynamic, names: Self.kept(Self.one)).encoded
        let read = try JSONDecoder().decode([Change].self, from: Data(new))
        #expect(read.compactMap { SocketAddress($0.endpoint) } == [SocketAddress("10.0.0.9:80")!])
        #expect(try #require(HandedState(encoded: new)).dynamic == told.dynamic)
    }

    /// Both may know it: the state directory from before, and the process that hands over.
    @Test func whatWasFoundLaterCounts() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            _ = try Self.open(directory).keep(Self.kept(Self.two, age: 100))
            let fixture = try Self.fixture(
                try Self.open(directory), handed: HandedState(names: Self.kept(Self.one, age: 50)))
            #expect(Self.words(fixture) == Self.both)
            // A version before this one tells nothing of names.
            let without = try Self.fixture(try Self.open(directory), handed: HandedState())
            #expect(Self.words(without)[0] == "web.test:80 10.0.0.2:80 1")
        }
    }

    /// The name of a syslog server is kept as well.
    @Test func linesOfTheAccessLogGoWhereTheyWent() throws {
        let text =
            FollowedNamesTests.text.replacing("web.test:80, ", with: "") + "\naccess_log: \"syslog:web.test:514\""
        let fixture = try ConfigurationFixture(text, handed: HandedState(names: Self.kept(Self.one)))
        guard case .syslog(let syslog)? = fixture.live.view.snapshot.accessLog.destination else {
            Issue.record("no syslog")
            return
        }
        #expect(syslog.target == .udp(SocketAddress("10.0.0.1:514")!))
    }

    // MARK: - What is written

    @Test func damageIsAMessage() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            _ = try Self.open(directory).keep(Self.kept(Self.one))
            let path = "\(directory)/names"
            let whole = try Data(contentsOf: URL(filePath: path))
            for length in 0..<whole.count {
                try whole.prefix(length).write(to: URL(filePath: path))
                let log = LogRecorder()
                #expect(try Self.open(directory, log).names == KeptNames(), "cut after \(length) bytes")
                #expect(log.lines.count == 1)
            }
            let texts = [
                "", "[]]", #"{"web.test": ["10.0.0.1"]}"#, #"[{"name": "web.test"}]"#,
                #"[{"name": "web.test", "addresses": ["10.0.0.1"], "found": "yesterday"}]"#, "\u{0}\u{1}",
            ]
            for text in texts {
                try DurableFile(path: path).write(Array(text.utf8))
                let log = LogRecorder()
                #expect(try Self.open(directory, log).names == KeptNames(), "\(text)")
                #expect(log.lines.count == 1 && log.lines[0].hasPrefix("warning: the state directory: "), "\(text)")
            }
            // What is no address is none.
            let text = #"[{"name": "web.test", "addresses": ["x", "10.0.0.1"], "found": "2001-01-01T00:00:00Z"}]"#
            try DurableFile(path: path).write(Array(text.utf8))
            #expect(try Self.open(directory).names.names["web.test"]?.addresses == [Self.one])
            try DurableFile(path: path).write([UInt8](repeating: 0x20, count: 9 << 20))
            let log = LogRecorder()
            #expect(try Self.open(directory, log).names == KeptNames() && log.lines.count == 1)
        }
    }

    static var longest: KeptNames {
        var names: [String: KeptNames.Name] = [:]
        for number in 0..<KeptNames.mostAddresses {
            let address = IPAddress(high: .max / 3, low: .max / 3 + UInt64(number))
            names[String(repeating: "a", count: 245) + "\(10_000_000 + number)"] = .init(addresses: [address], found: 5)
        }
        return KeptNames(names)
    }

    @Test func itIsBounded() async throws {
        let many = (0..<UInt32(KeptNames.mostAddresses)).map { IPAddress(ipv4: 0x0a00_0000 + $0) }
        let names = KeptNames([
            "a.test": .init(addresses: Array(many.prefix(7)), found: 5), "b.test": .init(addresses: many, found: 5),
            "c.test": .init(addresses: [Self.one], found: 5),
        ])
        try await RevisionStoreTests.withDirectory { directory in
            let store = try Self.open(directory)
            #expect(try store.keep(names) == 1)
            #expect(try Self.open(directory).names.names.keys.sorted() == ["a.test", "c.test"])
            #expect(HandedState(encoded: HandedState(names: names).encoded)?.names.names.count == 2)
            // Each address under a name of its own, as long as they can be.
            let longest = Self.longest
            #expect(try store.keep(longest) == 0)
            let log = LogRecorder()
            #expect(try Self.open(directory, log).names == longest, "\(log.lines)")
        }
    }

    /// The disk is asked when something has changed, and else to say that it is still so, now and then.
    @Test func whatStaysIsNotWrittenAgain() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let fixture = try Self.fixture(try Self.open(directory), resolve: Self.resolve(Self.one))
            await fixture.running.look(up: ["web.test"])
            await fixture.running.keepingNames?.value
            let path = "\(directory)/names"
            #expect(FileManager.default.fileExists(atPath: path))
            try FileManager.default.removeItem(atPath: path)
            await fixture.running.look(up: ["web.test"])
            await fixture.running.keepingNames?.value
            #expect(!FileManager.default.fileExists(atPath: path))
            // One whose last word is old says that it is still true.
            _ = try Self.open(directory).keep(Self.kept(Self.one, age: 100_000))
            let later = try Self.fixture(try Self.open(directory), resolve: Self.resolve(Self.one))
            await later.running.keepNames()
            await later.running.keepingNames?.value
            let kept = try #require(try Self.open(directory).names.names["web.test"])
            #expect(kept.age < 1_000)
        }
    }

    @Test func whatCannotBeWrittenIsToldOnce() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let log = LogRecorder()
            let fixture = try Self.fixture(try Self.open(directory), log, resolve: Self.resolve(Self.one))
            try FileManager.default.removeItem(atPath: directory)
            for addresses in [[Self.two], [Self.one], [Self.two]] {
                fixture.files.resolver.withLock { $0 = { _ in addresses } }
                await fixture.running.look(up: ["web.test"])
                while let writing = await fixture.running.keepingNames { await writing.value }
            }
            #expect(log.lines.count { $0.contains("what host names stand for could not be kept") } == 1, "\(log.lines)")
        }
    }

    @Test func aNameThatIsFollowedNoLongerIsForgotten() async throws {
        try await RevisionStoreTests.withDirectory { directory in
            let fixture = try Self.fixture(try Self.open(directory), resolve: Self.resolve(Self.one))
            await fixture.running.keepNames()
            await fixture.running.keepingNames?.value
            fixture.files["apus.yaml"] = FollowedNamesTests.text.replacing("web.test:80, ", with: "")
            try await fixture.running.reload(.signal)
            while let writing = await fixture.running.keepingNames { await writing.value }
            #expect(try Self.open(directory).names == KeptNames())
        }
    }
}
