import ApusAddresses
import ApusHTTP
import Testing

@testable import ApusModel

/// A snapshot keeps the half that another one says the same of, and what was made from it.
@Suite struct SnapshotHalvesTests {
    typealias Draft = SuccessionTests.Draft

    private static let listeners: [(port: UInt16, routes: [(name: String, pools: [Int])])] = [
        (80, [("x", [0]), ("*", [1])])
    ]

    @Test func aChangeOfEndpointsKeepsTheRoutes() {
        let old = Draft(pools: [("a", [1, 2]), ("b", [3])], listeners: Self.listeners).snapshot
        for pools: [(name: String, endpoints: [UInt8])] in [
            [("a", [1, 2, 4]), ("b", [3])], [("a", [2]), ("b", [3])], [("a", [1, 2]), ("b", [5])],
        ] {
            let draft = Draft(pools: pools, listeners: Self.listeners).snapshot
            let new = old.replacing(pools: draft.pools, endpoints: draft.endpoints)
            #expect(new == draft && new.routing === old.routing)
            let succession = Succession(from: old, to: new)
            #expect(succession.snapshot.routing === old.routing)
            #expect(succession.routes.isIdentity && succession.listeners.isIdentity)
        }
    }

    /// Connections of a listener that is gone may stay for hours: what is changed meanwhile keeps the routes all the same.
    @Test func whatIsRetiredDoesNotMakeRoutesAnew() {
        let first = Draft(
            pools: [("a", [1, 2]), ("b", [3])], listeners: Self.listeners + [(81, [("y", [0])])]
        ).snapshot
        let next = Draft(pools: [("a", [1, 2]), ("b", [3])], listeners: Self.listeners).snapshot
        let running = Succession(from: first, to: next).snapshot
        #expect(running.listeners.map(\.isRetired) == [false, true] && running.routes.count == 3)
        #expect((0..<2).map { running.looksAtPath(listener: $0) } == [false, false])
        let draft = Draft(pools: [("a", [1, 2, 4]), ("b", [3])], listeners: Self.listeners).snapshot
        let changed = next.replacing(pools: draft.pools, endpoints: draft.endpoints)
        let used = Succession(
            from: running, to: changed, census: Census(listeners: [1], routes: [2], pools: [0], endpoints: [0]))
        #expect(used.routes.toOld == [0, 1, 2] && used.listeners.toOld == [0, 1])
        #expect(used.snapshot.routes == running.routes && used.snapshot.listeners == running.listeners)
        let unused = Succession(from: used.snapshot, to: changed, census: Census())
        #expect(unused.snapshot.routing === next.routing && unused.routes.toNew == [0, 1, nil])
        #expect(unused.snapshot == changed)
    }

    @Test func aChangeOfRoutesKeepsTheEndpoints() {
        let old = Draft(pools: [("a", [1, 2]), ("b", [3])], listeners: Self.listeners).snapshot
        let other = Draft(pools: [("a", [1, 2]), ("b", [3])]).snapshot
        let new = Snapshot(
            workers: 1, listeners: other.listeners, routes: other.routes, pools: other.pools,
            endpoints: other.endpoints, sharing: old)
        #expect(new.upstreams === old.upstreams && new.routing !== old.routing && new == other)
        #expect(Succession(from: old, to: new).snapshot.upstreams === old.upstreams)
    }

    /// Whatever else a configuration says differently.
    @Test func whatSaysTheSameOfRoutesSharesThem() {
        let old = Draft(pools: [("a", [1])]).snapshot
        let same = Snapshot(
            workers: 2, listeners: old.listeners, routes: old.routes, pools: old.pools,
            endpoints: old.endpoints + old.endpoints, timeouts: Timeouts(), sharing: old)
        #expect(same.routing === old.routing && same.upstreams !== old.upstreams)
        let other = Snapshot(
            workers: 1, listeners: old.listeners, routes: [Route(name: "other", pool: 0)], pools: old.pools,
            endpoints: old.endpoints, sharing: old)
        #expect(other.routing !== old.routing && other.upstreams === old.upstreams)
    }

    /// Where pools change places, the same routes lead elsewhere.
    @Test func routesFollowTheirPoolsAllTheSame() {
        let old = Draft(pools: [("a", [1]), ("b", [2])], listeners: Self.listeners).snapshot
        let draft = Draft(pools: [("b", [2]), ("a", [1])], listeners: Self.listeners).snapshot
        let succession = Succession(
            from: old, to: old.replacing(pools: draft.pools, endpoints: draft.endpoints))
        // By name and pool they are others now, and the old ones are retired behind them.
        #expect(succession.snapshot.routes.map(\.name) == ["x", "*", "x", "*"])
        #expect(succession.snapshot.routes.map { $0.pools[0].pool } == [0, 1, 1, 0])
        #expect(succession.routes.toOld == [nil, nil, 0, 1])
    }

    /// The work grows with what changed: of a thousand rows of counters, ten move, and the endpoints' own.
    @Test func oneEndpointMovesFewCounters() {
        let count = 100
        let listeners = [(UInt16(80), (0..<count * 10).map { (name: "\($0)", pools: [$0 % count]) })]
        func pools(_ extra: Int) -> [(name: String, endpoints: [UInt8])] {
            (0..<count).map { ("\($0)", $0 == extra ? [1, 2, 3, 4] : [1, 2, 3]) }
        }
        let old = Draft(pools: pools(-1), listeners: listeners).snapshot
        let draft = Draft(pools: pools(50), listeners: listeners).snapshot
        let succession = Succession(from: old, to: old.replacing(pools: draft.pools, endpoints: draft.endpoints))
        let (before, after) = (old.counterLayout, succession.snapshot.counterLayout)
        let moves = CounterMoves(succession).moves
        #expect(succession.snapshot.counterRoom === old.counterRoom)
        #expect(moves.count <= 42, "\(moves.count)")
        let rows = 10 * (4 * CounterLayout.statusClasses + CounterLayout.latencyBounds.count + 2)
        #expect(CounterMoves(succession).count == 3 * count * CounterLayout.EndpointCounter.allCases.count + rows)
        #expect(CounterMoves(succession).count * 10 < before.count)
        for route in 0..<count * 10 {
            let isKept = after.latencySum(row: route) == before.latencySum(row: route)
            #expect(isKept == (route % count != 50))
        }
        #expect(succession.keepsMembers.count { !$0 } == 1 && succession.changedPools == [50])
    }

    /// Pools are compared by their editions, which a change of one leaves to the others.
    @Test func aChangeOfOnePoolLooksAtNoOther() {
        let old = Draft(pools: [("a", [1, 2]), ("b", [3]), ("c", [4, 5])], listeners: Self.listeners).snapshot
        var members = Array(old.endpoints[old.pools[1].endpoints])
        members.append(Endpoint(name: "9", address: old.endpoints[0].address, weight: 3, pool: 1))
        let new = old.replacing(endpoints: members, ofPool: 1)
        #expect(new.pools.map(\.endpoints) == [0..<2, 2..<4, 4..<6])
        #expect(new.endpoints.map(\.name) == ["1", "2", "3", "9", "4", "5"])
        #expect(new.problems.isEmpty && new.routing === old.routing)
        let isKept = zip(old.upstreams.editions, new.upstreams.editions).map { $0 === $1 }
        #expect(isKept == [true, false, true])
        let succession = Succession(from: old, to: new)
        #expect(succession.unchangedPools == [true, false, true])
        #expect(succession.endpoints.toOld == [0, 1, 2, nil, 3, 4])
        #expect(succession.endpoints.changedOld == 3..<3 && succession.endpoints.changedNew == 3..<4)
        // Back to what it was: the same, whatever its edition.
        let back = Succession(from: old, to: new.replacing(endpoints: [old.endpoints[2]], ofPool: 1))
        #expect(back.unchangedPools == [true, true, true] && back.endpoints.isIdentity && back.snapshot == old)
    }

    /// A snapshot that was read again shares the editions of the pools that it says the same of, wherever they stand.
    @Test func whatIsReadAgainHasTheEditionsThatRun() {
        let old = Draft(pools: [("a", [1, 2]), ("b", [3])], listeners: Self.listeners).snapshot
        let draft = Draft(pools: [("c", [7]), ("a", [1, 2]), ("b", [4])], listeners: Self.listeners).snapshot
        let new = Snapshot(
            workers: 1, listeners: draft.listeners, routes: draft.routes, pools: draft.pools,
            endpoints: draft.endpoints, sharing: old)
        #expect(new.upstreams.editions[1] === old.upstreams.editions[0])
        #expect(new.upstreams.editions[2] !== old.upstreams.editions[1])
        // What nobody has checked may name another pool than its own: that must be found.
        var endpoints = old.endpoints
        endpoints[2].pool = 0
        let wrong = Snapshot(
            workers: 1, listeners: old.listeners, routes: old.routes, pools: old.pools, endpoints: endpoints,
            sharing: old)
        #expect(wrong.problems.map(\.place) == ["endpoints[2].pool"])
        let error = #expect(throws: SnapshotError.self) { try wrong.check(knowing: old) }
        #expect(error?.problems == wrong.problems)
    }

    @Test func whatRunsIsNotCheckedAgain() throws {
        let old = Draft(pools: [("a", [1]), ("b", [2])], listeners: Self.listeners).snapshot
        var endpoints = old.endpoints
        endpoints[1].weight = 1 << 20
        let bad = old.replacing(endpoints: endpoints)
        let problem = try #require(bad.problems.first)
        #expect(bad.problems.count == 1 && problem.place == "endpoints[1].weight")
        let error = #expect(throws: SnapshotError.self) { try bad.check(knowing: old) }
        #expect(error?.problems == [problem])
        try old.replacing(workers: 2).check(knowing: old)
        // With fewer pools, the same routes may lead nowhere.
        var pools = old.pools
        pools.removeLast()
        let short = old.replacing(pools: pools, endpoints: [old.endpoints[0]])
        #expect(!short.problems.isEmpty)
        let found = #expect(throws: SnapshotError.self) { try short.check(knowing: old) }
        #expect(found?.problems == short.problems)
    }
}
