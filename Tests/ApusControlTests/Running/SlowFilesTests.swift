import ApusAddresses
import ApusConfig
import ApusModel
import Dispatch
import Foundation
import Logging
import Synchronization
import Testing

@testable import ApusControl

/// Files that do not answer hold up nobody but those who asked for them.
@Suite struct SlowFilesTests {
    /// A main file that is read when the test lets it be.
    final class Gate: Sendable {
        private let state = Mutex((isClosed: false, waiting: 0))
        private let semaphore = DispatchSemaphore(value: 0)

        func close() { state.withLock { $0.isClosed = true } }

        func open() {
            let waiting = state.withLock { state in
                state.isClosed = false
                defer { state.waiting = 0 }
                return state.waiting
            }
            for _ in 0..<waiting { semaphore.signal() }
        }

        var waiting: Int { state.withLock { $0.waiting } }

        func pass() {
            let waits = state.withLock { state in
                if state.isClosed { state.waiting += 1 }
                return state.isClosed
            }
            if waits { semaphore.wait() }
        }
    }

    static func fixture(_ gate: Gate) throws -> (running: RunningConfiguration, files: ConfigurationFixture.Files) {
        let files = ConfigurationFixture.Files(["apus.yaml": ConfigurationFixture.text])
        var loader = files.loader
        let first = try loader.load(path: "apus.yaml")
        let readFile = loader.readFile
        loader.readFile = { path, rules in
            gate.pass()
            return try readFile(path, rules)
        }
        let live = Live(.of(first.snapshot))
        return (
            RunningConfiguration(
                path: "apus.yaml", loader: loader, first: first, adopter: FakeAdopter(live: live), live: live,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }), files
        )
    }

    static func text(drain: Int) -> String { ConfigurationFixture.text + "\ntimeouts: { drain: \(drain)s }" }

    /// What is asked for later goes first, and is not undone by what was asked for earlier.
    @Test func aSlowReloadHoldsUpNobody() async throws {
        let gate = Gate()
        let (running, files) = try Self.fixture(gate)
        files["apus.yaml"] = Self.text(drain: 1)
        gate.close()
        let slow = Task { try await running.reload(.signal) }
        while gate.waiting == 0 { try await Task.sleep(for: .milliseconds(1)) }
        let adoption = try await running.apply(text: Self.text(drain: 2))
        #expect(adoption.effect == .adopted && adoption.revision.number == 2)
        try await running.change(.adjust(pool: "api", endpoint: "127.0.0.1:3", weight: nil, isDrained: true))
        #expect(try await running.apply(text: Self.text(drain: 3), dryRun: true).effect == .dryRun)
        gate.open()
        // It is read again, after what was adopted meanwhile.
        let late = try await slow.value
        #expect(late.revision.number == 3)
        #expect(await running.loaded.snapshot.timeouts.drain == .seconds(1))
    }

    /// A caller who leaves, and a process that ends, wait for no file.
    @Test func whoeverLeavesIsLetGoAtOnce() async throws {
        let gate = Gate()
        let (running, _) = try Self.fixture(gate)
        gate.close()
        defer { gate.open() }
        let slow = (0..<3).map { _ in Task { try await running.reload(.signal) } }
        while gate.waiting < 2 { try await Task.sleep(for: .milliseconds(1)) }
        for task in slow { task.cancel() }
        for task in slow {
            await #expect(throws: ConfigurationRefusal.self) { try await task.value }
        }
        #expect(try await running.apply(text: Self.text(drain: 2)).effect == .adopted)
    }

    @Test func whoWaitsForTheTurnMayLeave() async throws {
        let files = ConfigurationFixture.Files(["apus.yaml": ConfigurationFixture.text])
        let first = try files.loader.load(path: "apus.yaml")
        let live = Live(.of(first.snapshot))
        let adopter = FakeAdopter(live: live)
        await adopter.wait(.seconds(30))
        let running = RunningConfiguration(
            path: "apus.yaml", loader: files.loader, first: first, adopter: adopter, live: live,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let busy = Task { try await running.apply(text: Self.text(drain: 1)) }
        while await !running.isTurnTaken { try await Task.sleep(for: .milliseconds(1)) }
        let waiting = Task { try await running.apply(text: Self.text(drain: 2)) }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        await #expect(throws: ConfigurationRefusal.self) { try await waiting.value }
        busy.cancel()
        _ = try? await busy.value
    }

    /// A caller that hangs up during `validate` or `diff` leaves no work behind.
    @Test(arguments: ["validate", "diff"])
    func workStopsWhenItsCallerHasGone(_ operation: String) async throws {
        let gate = Gate()
        gate.close()
        let asked = Mutex<[String]>([])
        try await AdminFixture.run { fixture in
            fixture.configuration.files.resolver.withLock {
                $0 = { name in
                    asked.withLock { $0.append(name) }
                    gate.pass()
                    return []
                }
            }
            let text = "listeners: [{ bind: 127.0.0.1:80 }]\npools: { web: { endpoints: [a.test:1, b.test:1] } }"
            let body =
                operation == "validate"
                ? text : ["files": [["path": "a", "text": text]]].jsonText
            let call = Task { try await fixture.send("POST", "/v1/config/\(operation)", [:], body) }
            while gate.waiting == 0 { try await Task.sleep(for: .milliseconds(1)) }
            call.cancel()
            _ = await call.result
            // The server has to see that.
            let lane = fixture.configuration.running.callersFiles
            while lane.abandoned.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            gate.open()
            try await Task.sleep(for: .milliseconds(100))
            #expect(asked.withLock { $0 } == ["a.test"])
        }
    }

    /// A client that sends no more, but waits, has its answer (RFC 9112 section 9.6).
    @Test(arguments: ["validate", "diff"], [true, false])
    func whoOnlyEndsItsRequestHasAnAnswer(_ operation: String, overTCP: Bool) async throws {
        let gate = Gate()
        let admin = Admin(bind: .address(SocketAddress("127.0.0.1:0")!), token: Secret(Array("token".utf8)))
        try await AdminFixture.run(admin: overTCP ? admin : nil) { fixture in
            fixture.configuration.files.resolver.withLock {
                $0 = { _ in
                    gate.pass()
                    return [IPAddress("127.0.0.1")!]
                }
            }
            gate.close()
            defer { gate.open() }
            let text = "listeners: [{ bind: 127.0.0.1:80 }]\npools: { web: { endpoints: [a.test:1] } }"
            let body = operation == "validate" ? text : ["files": [["path": "a", "text": text]]].jsonText
            let client = try await fixture.connect(
                sending: "POST /v1/config/\(operation) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            try await client.endSending()
            while gate.waiting == 0 { try await Task.sleep(for: .milliseconds(1)) }
            // What the server does about the end, it does by now.
            try await Task.sleep(for: .milliseconds(50))
            gate.open()
            #expect(try await client.comes { $0.isClosed })
            #expect(try AdminFixture.Answer(client.received).status == 200, "\(client.received)")
            #expect(fixture.configuration.running.callersFiles.abandoned.load(ordering: .relaxed) == 0)
        }
    }

    // MARK: - The lane

    /// What is read is let go of when it has been read, not when its time would be over.
    @Test func whatWasDoneIsLetGo() async throws {
        final class Text: Sendable { let number = 1 }
        let lane = FileLane("test", width: 1, longestLine: 1, patience: .seconds(60))
        weak var done: Text?
        weak var cancelled: Text?
        do {
            let text = Text()
            done = text
            let answer = try await lane.run { _ in text.number }
            #expect(answer == 1)
        }
        let gate = Gate()
        gate.close()
        let holdsThePlace = Task { try await lane.run { _ in gate.pass() } }
        while gate.waiting == 0 { try await Task.sleep(for: .milliseconds(1)) }
        do {
            let text = Text()
            cancelled = text
            let waiting = Task { [text] in try await lane.run { [text] _ in withExtendedLifetime(text) {} } }
            waiting.cancel()
            _ = await waiting.result
        }
        #expect(await eventually { done == nil && cancelled == nil })
        gate.open()
        try await holdsThePlace.value
    }

    @Test func aFewRunAtOnceAndAFewWait() async throws {
        let gate = Gate()
        let lane = FileLane("test", width: 2, longestLine: 1, patience: .seconds(30))
        gate.close()
        let running = Mutex(0)
        let work: @Sendable (@escaping FileLane.Question) -> Int = { _ in
            running.withLock { $0 += 1 }
            gate.pass()
            return 7
        }
        let tasks = (0..<3).map { _ in Task { try await lane.run(work) } }
        while gate.waiting < 2 { try await Task.sleep(for: .milliseconds(1)) }
        // The third waits by now, or will: a fourth finds no place once it does.
        var refused = false
        while !refused {
            let extra = Task { try await lane.run(work) }
            try await Task.sleep(for: .milliseconds(5))
            extra.cancel()
            if case .failure(let error as FileLane.Failure) = await extra.result { refused = error == .busy }
        }
        #expect(gate.waiting == 2)
        gate.open()
        for task in tasks { #expect(try await task.value == 7) }
        #expect(running.withLock { $0 } == 3)
    }

    @Test func whatTakesTooLongIsGivenUpAndTold() async throws {
        let lane = FileLane("test", width: 1, longestLine: 1, patience: .milliseconds(50))
        let wasTold = Mutex(false)
        await #expect(throws: FileLane.Failure.tooLong(.milliseconds(50))) {
            try await lane.run { isGivenUp in
                while !isGivenUp() { usleep(1_000) }
                wasTold.withLock { $0 = true }
            }
        }
        // The place is free again.
        #expect(try await lane.run { _ in 1 } == 1)
        #expect(wasTold.withLock { $0 })
    }
}

extension RunningConfiguration {
    fileprivate var isTurnTaken: Bool { turns.isTaken }
}
