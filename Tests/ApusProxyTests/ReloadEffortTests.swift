import ApusAddresses
import ApusModel
import Testing

@testable import ApusProxy

/// What is made for a reload grows with what changed.
@Suite struct ReloadEffortTests {
    private static let (routes, pools, workers) = (1_000, 200, 2)

    private static func endpoint(_ number: Int, pool: Int) -> Endpoint {
        let address = SocketAddress(ip: IPAddress(ipv4: 0x0a00_0000 | UInt32(number)), port: 80)
        return Endpoint(name: "\(address)", address: address, pool: pool)
    }

    /// Five endpoints in each pool.
    private static func snapshot(lastRoute: String = "last", sharing other: Snapshot? = nil) -> Snapshot {
        Snapshot(
            workers: workers,
            listeners: [Listener(name: "l", bind: SocketAddress("127.0.0.1:0")!, routes: 0..<routes)],
            routes: (0..<routes).map {
                Route(name: $0 == routes - 1 ? lastRoute : "\($0)", pool: $0 % pools)
            },
            pools: (0..<pools).map {
                Pool(name: "\($0)", health: HealthCheck(probe: .none), endpoints: $0 * 5..<$0 * 5 + 5)
            },
            endpoints: (0..<pools * 5).map { endpoint($0, pool: $0 / 5) }, sharing: other)
    }

    /// Has the data plane go over to a snapshot, as far as that is done without workers.
    private func adopt(_ snapshot: Snapshot, _ dataPlane: DataPlane) throws -> ReloadEffort {
        let succession = Succession(from: dataPlane.snapshot, to: snapshot, census: Census())
        let prepared = try dataPlane.prepare(succession)
        #expect(dataPlane.handOver(prepared))
        return prepared.adoption.effort
    }

    @Test func aChangeOfEndpointsMakesNoTableNoSettingsAndOneDispatcher() throws {
        var loaded = Self.snapshot()
        let dataPlane = try DataPlane(loaded)
        let all = loaded.counterLayout.count
        let perEndpoint = CounterLayout.EndpointCounter.allCases.count
        func change(_ pool: Int, _ body: (inout [Endpoint]) -> Void) throws {
            var members = Array(loaded.endpoints[loaded.pools[pool].endpoints])
            body(&members)
            loaded = loaded.replacing(endpoints: members, ofPool: pool)
            let before = dataPlane.snapshot.endpoints
            let effort = try adopt(loaded, dataPlane)
            #expect(effort.routeTables == 0 && effort.routes == 0 && effort.pools == 1)
            #expect(effort.dispatchers == Self.workers)
            // The endpoints' own, and the rows of the five routes that lead to the pool.
            #expect(effort.counters <= before.count * perEndpoint + 5 * 100 && effort.counters < all / 3)
            #expect(effort.stretches <= 40)
        }
        try change(100) { $0.append(Self.endpoint(100_000, pool: 100)) }
        try change(199) { $0.append(Self.endpoint(100_001, pool: 199)) }
        try change(0) { $0.insert(Self.endpoint(100_002, pool: 0), at: 0) }
        try change(100) { $0.removeFirst() }
        try change(100) { $0[0].weight = 7 }
    }

    @Test func whatIsRetiredIsMadeAgainOnlyInItsPool() throws {
        var loaded = Self.snapshot()
        let dataPlane = try DataPlane(loaded)
        loaded = loaded.replacing(endpoints: [Self.endpoint(0, pool: 0)], ofPool: 0)
        _ = try adopt(loaded, dataPlane)
        #expect(dataPlane.snapshot.endpoints.count { $0.isRetired } == 4)
        // A change elsewhere finds that nobody uses them: both pools are made.
        loaded = loaded.replacing(endpoints: [Self.endpoint(500, pool: 100)], ofPool: 100)
        let effort = try adopt(loaded, dataPlane)
        #expect(effort.pools == 2 && effort.dispatchers == 2 * Self.workers && effort.routes == 0)
        #expect(dataPlane.snapshot.endpoints.count { $0.isRetired } == 4)
        #expect(dataPlane.snapshot.presentEndpoints(of: dataPlane.snapshot.pools[0]) == 0..<1)
    }

    /// The workers' own time is in what their loops do then; what a reload of routes makes is all of it.
    @Test func anotherRouteMakesTheRoutesAndKeepsThePools() throws {
        let first = Self.snapshot()
        let dataPlane = try DataPlane(first)
        let effort = try adopt(Self.snapshot(lastRoute: "other", sharing: first), dataPlane)
        #expect(effort.routeTables == 1 && effort.routes == Self.routes + 1)
        #expect(effort.pools == 0 && effort.dispatchers == 0)
        #expect(effort.counters > first.counterLayout.count / 2)
    }

    /// After so many changes that the banks are full, they are made again: once in a while, and not each time.
    @Test func banksAreMadeAgainOnceInAWhile() throws {
        var loaded = Self.snapshot()
        let dataPlane = try DataPlane(loaded)
        var rooms = 0
        for round in 0..<40 {
            let room = dataPlane.snapshot.counterRoom
            loaded = loaded.replacing(
                endpoints: [Self.endpoint(100_000 + round, pool: 0)], ofPool: 0)
            _ = try adopt(loaded, dataPlane)
            if dataPlane.snapshot.counterRoom !== room { rooms += 1 }
        }
        #expect((1...12).contains(rooms), "\(rooms)")
    }
}
