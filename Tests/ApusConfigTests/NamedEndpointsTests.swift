import ApusAddresses
import ApusModel
import Dispatch
import Synchronization
import Testing

@testable import ApusConfig

@Suite struct NamedEndpointsTests {
    static func load(_ pool: String, _ names: [String: [String]]) throws -> LoadedConfiguration {
        let loader = ConfigurationLoader(
            resolve: { name in names[name, default: []].compactMap { IPAddress($0) } }, defaultWorkers: 1)
        return try loader.load(
            text: "listeners: [{ bind: 127.0.0.1:8080 }]\npools: { web: { \(pool) } }", file: "f")
    }

    static func words(_ snapshot: Snapshot) -> [String] {
        snapshot.endpoints.map { "\($0.name) \($0.address) \($0.weight)" }
    }

    @Test func theAddressesOfANameAreEndpoints() throws {
        let loaded = try Self.load("endpoints: [web.test:80]", ["web.test": ["10.0.0.2", "::1", "10.0.0.1"]])
        #expect(
            Self.words(loaded.snapshot) == [
                "web.test@10.0.0.1:80 10.0.0.1:80 1", "web.test@10.0.0.2:80 10.0.0.2:80 1",
            ])
        #expect(loaded.origins.endpoints.count == 2)
    }

    @Test(arguments: [
        ("auto", ["10.0.0.1:80", "10.0.0.2:80"]), ("ipv4", ["10.0.0.1:80", "10.0.0.2:80"]), ("ipv6", ["[::1]:80"]),
    ])
    func onesOfOneFamilyAreUsed(family: String, addresses: [String]) throws {
        let loaded = try Self.load(
            "endpoints: [web.test:80], family: \(family)", ["web.test": ["10.0.0.2", "::1", "10.0.0.1"]])
        #expect(loaded.snapshot.endpoints.map { "\($0.address)" } == addresses)
    }

    @Test func theyShareTheWeightOfTheName() throws {
        let names = ["three.test": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]]
        let loaded = try Self.load(
            "endpoints: [{ address: three.test:80, weight: 3 }, 10.0.0.9:80], balance: weighted-random", names)
        let weights = loaded.snapshot.endpoints.map(\.weight)
        #expect(weights[..<3].reduce(0, +) == 3 * weights[3])
        #expect(Set(weights[..<3]).count == 1)
    }

    @Test(arguments: [
        ([(1, 1), (1, 1)], [1, 1]), ([(1, 3)], [1]), ([(2, 3), (5, 3)], [2, 5]), ([(1, 3), (1, 1)], [1, 3]),
        ([(0, 3), (1, 1)], [0, 3]), ([(1, 0), (4, 1)], [1, 4]), ([(65_535, 2), (1, 1)], [65_535, 2]),
    ])
    func sharesAreWholeNumbers(entries: [(Int, Int)], shares: [Int]) {
        #expect(NamedEndpoints.shares(entries.map { (weight: $0.0, count: $0.1) }) == shares)
    }

    @Test func aNameWithoutAnAddressIsNoMistake() throws {
        let loaded = try Self.load("endpoints: [gone.test:80, 10.0.0.1:80, lost.test:80], sticky: { cookie: id }", [:])
        let endpoints = loaded.snapshot.endpoints
        #expect(endpoints.map(\.isUnresolved) == [true, false, true])
        #expect(endpoints.map(\.weight) == [0, 1, 0])
        #expect(Set(endpoints.map(\.address)).count == 3)
        #expect(loaded.warnings.count { $0.message.contains("has no address now") } == 2)
        try loaded.snapshot.check()
        #expect(loaded.followedNames == ["gone.test", "lost.test"])
    }

    /// A name server that says nothing at all, where nothing ends a lookup.
    @Test(.timeLimit(.minutes(1))) func aSilentNameServiceHoldsTheStartUpForSoLongAltogether() throws {
        #expect(ConfigurationLoader().patienceWithNames == .seconds(5))
        let isOver = DispatchSemaphore(value: 0)
        let asked = Mutex<[String]>([])
        var loader = ConfigurationLoader(
            resolve: { name in
                asked.withLock { $0.append(name) }
                isOver.wait()
                return []
            }, defaultWorkers: 1)
        loader.patienceWithNames = .milliseconds(300)
        defer { for _ in asked.withLock(\.self) { isOver.signal() } }
        let names = (1...50).map { "silent\($0).test:80" }.joined(separator: ", ")
        let start = ContinuousClock.now
        let loaded = try loader.load(
            text: """
                listeners: [{ bind: 127.0.0.1:8080 }]
                pools: { web: { endpoints: [\(names), 10.0.0.1:80] } }
                access_log: "syslog:logs.test:514"
                """, file: "f")
        let time = start.duration(to: .now)
        // One lookup has used it up, and not each of them; a busy machine adds to it.
        #expect(time >= .milliseconds(300) && time < .seconds(10), "\(time)")
        #expect(asked.withLock(\.self) == ["silent1.test"])
        #expect(loaded.snapshot.endpoints.count { !$0.isUnresolved } == 1)
        // What was not asked for is looked up as soon as Apus runs.
        #expect(loaded.lookups.keys.sorted() == ["silent1.test"] && loaded.followedNames.count == 51)
    }

    /// Who only wants to know where the admin server is waits for no name service.
    @Test func withoutPatienceNoEndpointIsLookedUp() throws {
        let asked = Mutex<[String]>([])
        var loader = ConfigurationLoader(
            resolve: { name in
                asked.withLock { $0.append(name) }
                return IPAddress("127.0.0.1").map { [$0] } ?? []
            }, defaultWorkers: 1)
        loader.patienceWithNames = .zero
        let text = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools: { web: { endpoints: [silent.test:80] } }
            admin: { bind: "localhost:9900" }
            """
        let loaded = try loader.load(text: text, file: "f")
        #expect(asked.withLock(\.self) == ["localhost"])
        #expect(loaded.snapshot.operations.admin.map { "\($0.bind)" } == ["127.0.0.1:9900"])
    }

    @Test func aPoolOfNothingButNamesWithoutAnAddressLoads() throws {
        let loaded = try Self.load("endpoints: [gone.test:80]", [:])
        try loaded.snapshot.check()
        #expect(loaded.snapshot.endpoints.count == 1)
    }

    @Test func otherAddressesMakeOtherEndpointsAndNothingElse() throws {
        let loaded = try Self.load("endpoints: [gone.test:80, 10.0.0.1:80]", [:])
        let ip = try #require(IPAddress("10.0.0.7"))
        let next = loaded.resolving(["gone.test": [ip]])
        #expect(Self.words(next.snapshot) == ["gone.test:80 10.0.0.7:80 1", "10.0.0.1:80 10.0.0.1:80 1"])
        #expect(next.snapshot.routing === loaded.snapshot.routing)
        #expect(next.resolving(["gone.test": [ip]]).snapshot === next.snapshot)
        #expect(Self.words(next.resolving([:]).snapshot) == Self.words(loaded.snapshot))
    }

    @Test func anAddressOfTwoNamesIsUsedOnce() throws {
        let names = ["one.test": ["10.0.0.1"], "two.test": ["10.0.0.1"]]
        let loaded = try Self.load("endpoints: [one.test:80, two.test:80, 10.0.0.2:80]", names)
        #expect(loaded.snapshot.endpoints.map(\.name) == ["one.test:80", "10.0.0.2:80"])
        #expect(loaded.warnings.contains { $0.message.contains("is used once") })
    }

    @Test func aSyslogServerWithoutAnAddressIsNoMistake() throws {
        let loader = ConfigurationLoader(resolve: { _ in [] }, defaultWorkers: 1)
        let loaded = try loader.load(
            text: """
                listeners: [{ bind: 127.0.0.1:8080 }]
                pools: { web: { endpoints: [10.0.0.1:80] } }
                access_log: "syslog:logs.test:514"
                """, file: "f")
        let ip = try #require(IPAddress("10.0.0.7"))
        guard case .syslog(let syslog)? = loaded.resolving(["logs.test": [ip]]).snapshot.accessLog.destination else {
            Issue.record("no syslog")
            return
        }
        #expect(syslog.target == .udp(SocketAddress(ip: ip, port: 514)))
    }
}
