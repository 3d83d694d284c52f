import ApusAddresses
import ApusModel
import Synchronization
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
        // Nor does it make one of how many there are.
        let one = try #require(own.first.flatMap { loaded.resolving(["web.test": [$0.address.ip]]) })
        #expect(one.ownEndpoints(in: one.snapshot).map(\.name) == ["web.test:8080"])
        #expect(one.ownEndpoints(in: one.snapshot).map(\.cause) == [own[0].cause])
    }

    // MARK: - The addresses of this machine

    @Test func theMachineHasItsLoopback() {
        #expect(LocalAddresses.ofThisMachine()?.contains(IPAddress("127.0.0.1")!) == true)
    }

    /// However many endpoints have the port of what is bound to all addresses.
    @Test func theSystemIsAskedOnceForEachLook() throws {
        let asked = Mutex(0)
        let ips = (0..<2_000).map { IPAddress(ipv4: 0x0a00_0000 + $0) }
        var loader = ConfigurationLoader(resolve: { _ in ips }, defaultWorkers: 1)
        loader.localAddresses = {
            asked.withLock { $0 += 1 }
            return [ips[7]]
        }
        func load(port: Int) throws -> LoadedConfiguration {
            try loader.load(
                text: """
                    listeners: [{ bind: ":8080" }]
                    admin: { bind: "0.0.0.0:9900", role: metrics }
                    pools: { web: { endpoints: ["web.test:\(port)"] } }
                    """, file: "f")
        }
        for (port, forNames) in [(8080, 0), (9900, 1), (9901, 0)] {
            asked.withLock { $0 = 0 }
            let loaded = try load(port: port)
            #expect(asked.withLock { $0 } == forNames, "loaded, port \(port)")
            _ = loaded.resolving(["web.test": ips.dropLast()])
            #expect(asked.withLock { $0 } == 2 * forNames, "resolved, port \(port)")
            asked.withLock { $0 = 0 }
            let own = loaded.ownEndpoints(in: loaded.snapshot)
            #expect(own.map(\.address.ip) == (port == 9901 ? [] : [ips[7]]))
            #expect(asked.withLock { $0 } == (port == 9901 ? 0 : 1), "looked, port \(port)")
        }
    }

    @Test func whatTheSystemSaidLastCountsWhenItSaysNothing() {
        let answer = Mutex<Set<IPAddress>?>(nil)
        let addresses = LocalAddresses { answer.withLock { $0 } }
        #expect(addresses.current() == nil)
        for said in ["10.0.0.5", "10.0.0.6"] {
            answer.withLock { $0 = [IPAddress(said)!] }
            #expect(addresses.current() == [IPAddress(said)!])
            answer.withLock { $0 = nil }
            #expect(addresses.current() == [IPAddress(said)!])
        }
    }

    /// No descriptor is left, or a service manager forbids to ask.
    @Test(arguments: [
        ("web.test:9900", "0.0.0.0:9900", true), ("web.test:9900", "[::]:9900", true),
        ("10.0.0.6:9900", "0.0.0.0:9900", false), ("web.test:9901", "0.0.0.0:9900", false),
        ("web.test:9900", "10.0.0.7:9900", false), ("web.test:8080", "0.0.0.0:9900", false),
    ])
    func aNameThatMayLeadToTheAdminServerIsRefused(endpoint: String, admin: String, isRefused: Bool) throws {
        var loader = ConfigurationLoader(resolve: { _ in [IPAddress("10.0.0.6")!] }, defaultWorkers: 1)
        loader.localAddresses = { nil }
        let loaded = try loader.load(
            text: """
                listeners: [{ bind: ":8080" }]
                admin: { bind: "\(admin)", role: metrics }
                pools: { web: { endpoints: ["\(endpoint)"] } }
                """, file: "f")
        #expect(Self.addresses(loaded) == (isRefused ? ["refused"] : ["10.0.0.6:\(endpoint.suffix(4))"]))
        let own = loaded.ownEndpoints(in: loaded.snapshot)
        #expect(own.map(\.isUnsure) == (isRefused ? [true] : []))
        #expect(loaded.warnings.count { $0.message.contains("may lead to the admin server") } == (isRefused ? 1 : 0))
    }

    /// It is bound to port 0.
    @Test func aNameDoesNotLeadToThePortThatTheSystemGave() throws {
        var loaded = try Self.load("web.test:9900", ["127.0.0.1"], admin: "127.0.0.1:0")
        #expect(Self.addresses(loaded) == ["127.0.0.1:9900"])
        loaded.adminAddresses = [SocketAddress("127.0.0.1:9900")!]
        let next = loaded.resolving(loaded.lookups)
        #expect(Self.addresses(next) == ["refused"])
        #expect(next.ownEndpoints(in: next.snapshot).map(\.place) == [.admin(SocketAddress("127.0.0.1:9900")!)])
    }
}
