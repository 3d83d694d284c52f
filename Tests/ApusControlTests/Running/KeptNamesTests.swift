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
    static let three = IPAddress("10.0.0.3")!

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

    /// One record is of a version that is not known here, or makes no sense.
    @Test func whatIsNotUnderstoodIsLeftOutByItself() throws {
        let change = #"{"pool": "web", "endpoint": "10.0.0.9:80", "drained": true, "persistent": true}"#
        func name(_ name: String, _ found: String) -> String {
            #"{"name": "\#(name)", "addresses": ["10.0.0.1"], "found": "\#(found)"}"#
        }
        func names(_ records: String...) -> String {
            #"{"pool": "", "endpoint": "", "persistent": false, "names": [\#(records.joined(separator: ", "))]}"#
        }
        let good = name("web.test", "2001-01-01T00:00:00Z")
        let cases = [
            ([names(good), change], 0), ([#"{"pool": 7}"#, change, names(good)], 1),
            ([change, "[]", "null", names(good, name("b.test", "yesterday"), "1")], 4),
        ]
        for (records, leftOut) in cases {
            let told = try #require(HandedState(encoded: Array("[\(records.joined(separator: ", "))]".utf8)))
            #expect(told.dynamic.entries.map(\.isDrained) == [true], "\(records)")
            #expect(told.names.names.keys.sorted() == ["web.test"], "\(records)")
            #expect(told.leftOut == leftOut, "\(records)")
        }
        // All of the names, and none of the changes.
        let told = try #require(
            HandedState(encoded: Array(#"[\#(change), {"pool": "", "names": {}}]"#.utf8)))
        #expect(told.dynamic.entries.count == 1 && told.names == KeptNames() && told.leftOut == 1)
        // It is said.
        let log = LogRecorder()
        _ = try Self.fixture(handed: told, log)
        #expect(log.lines.contains { $0.contains("1 are not understood, and left out") }, "\(log.lines)")
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

    /// What there is to tell of very many is told in a time that grows as they do.
    @Test func manyKeptNamesAreToldQuickly() {
        var table = NameTable(seed: 1)
        let names = (0..<20_000).map { "n\($0).test" }
        table.follow(Set(names), found: [:], interval: 1_000_000, now: 0)
        let kept = Dictionary(uniqueKeysWithValues: names.map { ($0, (addresses: [Self.one], age: Int64(5_000_000))) })
        #expect(table.keep(kept, now: 10).count == names.count)
        let begin = ContinuousClock.now
        let facts = table.facts(now: 10, wallClock: 1_000)
        #expect(ContinuousClock.now - begin < .seconds(5))
        #expect(facts.kept.names.count == names.count && facts.kept.names["n7.test"]?.found == 995)
    }
}
