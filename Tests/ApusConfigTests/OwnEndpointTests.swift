import ApusAddresses
import ApusModel
import Testing

@testable import ApusConfig

/// Host names that lead to this process itself: by mistake, or because somebody else says what they stand for.
@Suite struct OwnEndpointTests {
    static func load(
        _ endpoints: String, _ name: [String], admin: String = "127.0.0.1:9900", listener: String = "127.0.0.1:8080",
        machine: [String] = []
    ) throws -> LoadedConfiguration {
        var loader = ConfigurationLoader(resolve: { _ in name.compactMap { IPAddress($0) } }, defaultWorkers: 1)
        loader.localAddresses = { Set(machine.compactMap { IPAddress($0) }) }
        return try loader.load(
            text: """
                listeners: [{ bind: "\(listener)", name: front }]
                admin: { bind: "\(admin)", role: metrics }
                pools: { web: { endpoints: [\(endpoints)] } }
                """, file: "f")
    }

    static func addresses(_ loaded: LoadedConfiguration) -> [String] {
        loaded.snapshot.endpoints.map { $0.isUnresolved ? ($0.isRefused ? "refused" : "none") : "\($0.address)" }
    }

    @Test func aNameDoesNotLeadToTheAdminServer() throws {
        let loaded = try Self.load("web.test:9900", ["127.0.0.1"])
        #expect(Self.addresses(loaded) == ["refused"])
        try loaded.snapshot.check()
        let own = loaded.ownEndpoints(in: loaded.snapshot)
        #expect(own.count == 1 && own[0].isRefused && own[0].place == .admin(SocketAddress("127.0.0.1:9900")!))
        #expect(loaded.warnings.count { $0.message.contains("a host name must not") } == 1)
        // Nor later, nor those of its addresses that do.
        let ips = ["10.0.0.1", "127.0.0.1"].compactMap { IPAddress($0) }
        let elsewhere = loaded.resolving(["web.test": [ips[0]]])
        #expect(
            Self.addresses(elsewhere) == ["10.0.0.1:9900"] && elsewhere.ownEndpoints(in: elsewhere.snapshot).isEmpty)
        let both = elsewhere.resolving(["web.test": ips])
        #expect(Self.addresses(both) == ["10.0.0.1:9900"] && both.ownEndpoints(in: both.snapshot) == own)
        #expect(Self.addresses(both.resolving(["web.test": [ips[1]]])) == ["refused"])
        #expect(Self.addresses(both.resolving([:])) == ["none"])
    }

    @Test(arguments: [
        // Another port, and other addresses of the loopback.
        ("web.test:9901", "127.0.0.1", "127.0.0.1:9900", false),
        ("web.test:9900", "127.0.0.2", "127.0.0.1:9900", false),
        ("web.test:9900", "0.0.0.0", "127.0.0.1:9900", true), ("web.test:9900", "::1", "[::1]:9900", true),
        ("web.test:9900", "127.0.0.9", "0.0.0.0:9900", true), ("web.test:9900", "::1", "0.0.0.0:9900", false),
        ("web.test:9900", "127.0.0.1", "[::]:9900", true),
        // Where the admin server takes all addresses, the machine's own are its.
        ("web.test:9900", "10.0.0.5", "0.0.0.0:9900", true), ("web.test:9900", "10.0.0.6", "0.0.0.0:9900", false),
        ("web.test:9900", "2001:db8::5", "[::]:9900", true), ("web.test:9900", "2001:db8::5", "0.0.0.0:9900", false),
        ("web.test:9900", "10.0.0.5", "127.0.0.1:9900", false), ("web.test:9900", "10.0.0.5", "10.0.0.5:9900", true),
    ])
    func itIsWhatIsBoundThere(endpoint: String, address: String, admin: String, isRefused: Bool) throws {
        let loaded = try Self.load(endpoint, [address], admin: admin, machine: ["10.0.0.5", "2001:db8::5"])
        #expect(loaded.snapshot.endpoints[0].isRefused == isRefused)
    }

    /// Who writes the address means it.
    @Test func anAddressIsUsedAndTold() throws {
        let loaded = try Self.load("127.0.0.1:9900", [])
        #expect(Self.addresses(loaded) == ["127.0.0.1:9900"])
        #expect(loaded.warnings.count { $0.message.contains("is the admin server at `127.0.0.1:9900`") } == 1)
    }

    @Test func aNameThatLeadsToAListenerIsTold() throws {
        let loaded = try Self.load("web.test:8080", ["10.0.0.1"])
        #expect(loaded.ownEndpoints(in: loaded.snapshot).isEmpty)
        let next = loaded.resolving(["web.test": [IPAddress("127.0.0.1")!]])
        let own = next.ownEndpoints(in: next.snapshot)
        #expect(own.map(\.place) == [.listener("front")] && own.map(\.isRefused) == [false])
        #expect(Self.addresses(next) == ["127.0.0.1:8080"])
    }

    @Test func aListenerOnAllAddressesIsReachedByThoseOfTheMachine() throws {
        let loaded = try Self.load("web.test:8080", ["10.0.0.5"], listener: "0.0.0.0:8080", machine: ["10.0.0.5"])
        #expect(loaded.ownEndpoints(in: loaded.snapshot).count == 1)
        #expect(loaded.ownEndpoints(in: loaded.snapshot, onThisMachine: false).isEmpty)
    }

    /// Somebody who turns a name about makes no cause of each address.
    @Test func aCauseIsOneWhateverTheAddress() throws {
        let loaded = try Self.load("web.test:8080", ["127.0.0.1", "127.0.0.2"], listener: "0.0.0.0:8080")
        let own = loaded.ownEndpoints(in: loaded.snapshot)
        #expect(own.count == 2 && Set(own.map(\.cause)).count == 1)
    }

    @Test func theMachineHasItsLoopback() {
        #expect(LocalAddresses.ofThisMachine().contains(IPAddress("127.0.0.1")!))
    }
}
