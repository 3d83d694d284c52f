import ApusAddresses
import ApusHTTP
import ApusModel
import Testing

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

    /// The work grows with what changed: of ten thousand rows of counters, a few stretches move.
    @Test func oneEndpointMovesFewStretchesOfCounters() {
        let count = 100
        let listeners = [(UInt16(80), (0..<count * 10).map { (name: "\($0)", pools: [$0 % count]) })]
        func pools(_ extra: Int) -> [(name: String, endpoints: [UInt8])] {
            (0..<count).map { ("\($0)", $0 == extra ? [1, 2, 3, 4] : [1, 2, 3]) }
        }
        let old = Draft(pools: pools(-1), listeners: listeners).snapshot
        let draft = Draft(pools: pools(50), listeners: listeners).snapshot
        let succession = Succession(from: old, to: old.replacing(pools: draft.pools, endpoints: draft.endpoints))
        let (before, after) = (CounterLayout(old), CounterLayout(succession.snapshot))
        let moves = CounterMoves(succession, from: before, to: after).moves
        // Ten routes lead to the pool; what is before, between and behind their rows goes in one piece.
        #expect(moves.count <= 60, "\(moves.count)")
        #expect(moves.reduce(0) { $0 + $1.count } == before.count)
        #expect(succession.keepsMembers.count { !$0 } == 1)
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
