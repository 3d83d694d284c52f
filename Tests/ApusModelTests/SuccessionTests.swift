import ApusAddresses
import ApusHTTP
import ApusModel
import Testing

/// Which thing of a new configuration is which of the old one, and what is carried along because it may be in use.
@Suite struct SuccessionTests {
    /// A configuration in short: pools with the last bytes of their endpoints' addresses, listeners with ports and routes.
    struct Draft {
        var pools: [(name: String, endpoints: [UInt8])]
        var listeners: [(port: UInt16, routes: [(name: String, pools: [Int])])] = [(80, [("*", [0])])]
        var change: (inout [Pool]) -> Void = { _ in }

        var snapshot: Snapshot {
            var endpoints: [Endpoint] = []
            var pools: [Pool] = []
            for (index, draft) in self.pools.enumerated() {
                let first = endpoints.count
                endpoints += draft.endpoints.map { last in
                    Endpoint(
                        name: "\(last)",
                        address: SocketAddress(ip: IPAddress(ipv4: 0x0a00_0000 | UInt32(last)), port: 80),
                        pool: index)
                }
                pools.append(Pool(name: draft.name, endpoints: first..<endpoints.count))
            }
            change(&pools)
            var routes: [Route] = []
            let listeners = self.listeners.map { draft in
                let first = routes.count
                routes += draft.routes.map { route in
                    Route(name: route.name, action: .forward(Split(route.pools.map { WeightedPool(pool: $0) })))
                }
                return Listener(
                    name: ":\(draft.port)", bind: SocketAddress(ip: .anyIPv6, port: draft.port),
                    routes: first..<routes.count)
            }
            return Snapshot(workers: 1, listeners: listeners, routes: routes, pools: pools, endpoints: endpoints)
        }
    }

    private func names(_ snapshot: Snapshot, pool: Int) -> [String] {
        snapshot.endpoints[snapshot.pools[pool].endpoints].map { $0.name + ($0.isRetired ? "!" : "") }
    }

    @Test func theSameAgainIsTheSame() {
        let old = Draft(pools: [("a", [1, 2]), ("b", [3])], listeners: [(80, [("x", [0]), ("*", [1])])]).snapshot
        let succession = Succession(from: old, to: old)
        #expect(succession.snapshot == old)
        for renaming in [succession.listeners, succession.routes, succession.pools, succession.endpoints] {
            #expect(renaming.isIdentity)
        }
        #expect(succession.unchangedPools == [true, true])
    }

    @Test func thingsAreKnownByWhatTheyAreAndNotByTheirPlace() {
        let old = Draft(
            pools: [("a", [1, 2]), ("b", [3])],
            listeners: [(80, [("x", [0]), ("y", [1])]), (81, [("*", [1])])]
        ).snapshot
        let new = Draft(
            pools: [("b", [3]), ("a", [2, 1])],
            listeners: [(81, [("*", [0])]), (80, [("y", [0]), ("x", [1])])]
        ).snapshot
        let succession = Succession(from: old, to: new)
        #expect(succession.snapshot == new)
        #expect(succession.pools.toOld == [1, 0])
        #expect(succession.endpoints.toOld == [2, 1, 0])
        #expect(succession.listeners.toOld == [1, 0])
        #expect(succession.routes.toOld == [2, 1, 0])
        // The order of endpoints is part of what a pool is: `first` fills them in order.
        #expect(succession.unchangedPools == [true, false])
        #expect(succession.members(ofPool: 1).toOld == [1, 0])
    }

    @Test func whatIsGoneIsCarriedAlongUntilNobodyUsesIt() {
        let old = Draft(
            pools: [("a", [1, 2]), ("b", [3])], listeners: [(80, [("x", [1]), ("*", [0])]), (81, [("*", [1])])]
        )
        .snapshot
        let new = Draft(pools: [("a", [2, 4])]).snapshot
        let first = Succession(from: old, to: new)
        let merged = first.snapshot
        #expect(merged.pools.map(\.name) == ["a", "b"])
        #expect(merged.pools.map(\.isRetired) == [false, true])
        #expect(names(merged, pool: 0) == ["2", "4", "1!"])
        #expect(names(merged, pool: 1) == ["3"])
        #expect(merged.listeners.map(\.isRetired) == [false, true])
        #expect(merged.routes.count == 3)
        #expect(first.endpoints.toNew == [2, 0, 3])
        #expect(!first.endpoints.toNew.contains(nil) && !first.routes.toNew.contains(nil))
        for route in merged.routes { for branch in route.pools { #expect(merged.pools.indices.contains(branch.pool)) } }
        // A retired route has no listener that leads to it, and goes where it went.
        let retired = merged.routes[merged.listeners[0].routes.upperBound...]
        #expect(retired.map(\.name).sorted() == ["*", "x"])
        #expect(retired.allSatisfy { $0.pools.map(\.pool) == [1] })

        // A response of the removed endpoint is under way, and a client of the removed listener is there.
        let second = Succession(
            from: merged, to: new, census: Census(listeners: [0, 1], routes: [0], pools: [0], endpoints: [2]))
        #expect(names(second.snapshot, pool: 0) == ["2", "4", "1!"])
        #expect(second.snapshot.pools.count == 1 && second.snapshot.routes.count == 1)
        #expect(second.snapshot.listeners.count == 2)
        let third = Succession(from: second.snapshot, to: new, census: Census())
        #expect(third.snapshot == new)
    }

    /// A census tells of a moment that is over: what was not retired then may have been picked since.
    @Test func aCensusSaysNothingOfWhatWasStillInUse() {
        let old = Draft(pools: [("a", [1, 2])]).snapshot
        let new = Draft(pools: [("a", [1])]).snapshot
        #expect(names(Succession(from: old, to: new, census: Census()).snapshot, pool: 0) == ["1", "2!"])
    }

    @Test func whatComesBackIsWhatItWas() {
        let old = Draft(pools: [("a", [1, 2]), ("b", [3])], listeners: [(80, [("*", [0])]), (81, [("*", [1])])])
            .snapshot
        let without = Succession(from: old, to: Draft(pools: [("a", [1])]).snapshot).snapshot
        let again = Succession(from: without, to: old)
        #expect(again.snapshot.pools == old.pools && again.snapshot.endpoints == old.endpoints)
        #expect(again.endpoints.toOld == [0, 1, 2])
        #expect(again.pools.toOld == [0, 1])
        // Its sockets are closed: it has to be bound again, which whoever adopts it can see.
        #expect(again.listeners.toOld == [0, 1] && again.previous.listeners[1].isRetired)
    }

    @Test func aChangedRuleIsAChangedPool() {
        let old = Draft(pools: [("a", [1]), ("b", [2])]).snapshot
        let new = Draft(pools: [("a", [1]), ("b", [2])], change: { $0[1].panicThreshold = 50 }).snapshot
        #expect(Succession(from: old, to: new).unchangedPools == [true, false])
    }

    @Test func aFallbackIsFoundWhereverItGoes() {
        let old = Draft(pools: [("a", [1]), ("b", [2])], change: { $0[0].fallback = .pool(1) }).snapshot
        let new = Draft(pools: [("c", [3]), ("b", [2])], listeners: [(80, [("*", [0])])]).snapshot
        let snapshot = Succession(from: old, to: new).snapshot
        #expect(snapshot.pools.map(\.name) == ["c", "b", "a"])
        #expect(snapshot.pools[2].fallback == .pool(1))
    }

    // MARK: - Counters

    /// What each counter had before is where the same thing is counted afterwards; nothing is counted twice.
    @Test func countersGoWhereTheirThingsGo() throws {
        let old = Draft(
            pools: [("a", [1, 2]), ("b", [3])], listeners: [(80, [("x", [0, 1]), ("*", [1])])],
            change: { $0[1].fallback = .pool(0) }
        ).snapshot
        let new = Draft(
            pools: [("b", [3, 4]), ("a", [2, 1])],
            listeners: [(81, [("*", [1])]), (80, [("*", [0]), ("x", [1, 0])])],
            change: { $0[0].fallback = .pool(1) }
        ).snapshot
        let succession = Succession(from: old, to: new)
        let (before, after) = (old.counterLayout, succession.snapshot.counterLayout)
        let moves = CounterMoves(succession).moves
        var bank = [Int?](repeating: nil, count: after.count)
        var sources: Set<Int> = []
        for move in moves {
            for offset in 0..<move.count {
                #expect(bank[move.to + offset] == nil, "two counters go to slot \(move.to + offset)")
                bank[move.to + offset] = move.from + offset
                #expect(sources.insert(move.from + offset).inserted, "slot \(move.from + offset) goes to two")
            }
        }
        #expect(bank[after.worker(.loopTurns)] == before.worker(.loopTurns))
        #expect(bank[after.listener(1, .bytesSent)] == before.listener(0, .bytesSent))
        #expect(bank[after.reason(.noRoute, listener: 1)] == before.reason(.noRoute, listener: 0))
        #expect(bank[after.endpoint(0, .retries)] == before.endpoint(2, .retries))
        #expect(bank[after.endpoint(1, .retries)] == nil)
        #expect(bank[after.pool(1, .hedges)] == before.pool(0, .hedges))
        let everything = try #require(succession.routes.toNew[1])
        #expect(
            bank[after.requests(row: after.row(route: everything), endpoint: 0, statusClass: 2)]
                == before.requests(row: before.row(route: 1), endpoint: 2, statusClass: 2))
        // Of the fallback's endpoints too.
        #expect(
            bank[after.requests(row: after.row(route: everything), endpoint: 3, statusClass: 5)]
                == before.requests(row: before.row(route: 1), endpoint: 0, statusClass: 5))
        #expect(
            bank[after.latencySum(row: after.row(route: everything))]
                == before.latencySum(row: before.row(route: 1)))
        // The order of a split has changed: the route is another one, and the old one is carried along with its counts.
        let split = try #require(succession.routes.toNew[0])
        #expect(
            bank[after.requests(row: after.row(route: split, branch: 1), endpoint: 0, statusClass: 2)]
                == before.requests(row: before.row(route: 0, branch: 1), endpoint: 2, statusClass: 2))
        #expect(sources.count == before.count, "every counter of what is there goes somewhere")
    }

    /// Requests are counted for ever, also when what they were counted under is gone: each of their slots is moved or
    /// departs, once.
    @Test func noRequestIsForgotten() {
        let old = Draft(
            pools: [("a", [1, 2]), ("b", [3]), ("c", [4])],
            listeners: [(80, [("x", [0, 1]), ("y", [2]), ("*", [1])]), (81, [("*", [2])])],
            change: { $0[1].fallback = .pool(0) }
        ).snapshot
        let new = Draft(pools: [("b", [5, 3]), ("a", [2])], listeners: [(80, [("*", [0])])]).snapshot
        let succession = Succession(from: old, to: new, census: Census())
        let layout = old.counterLayout
        let counters = CounterMoves(succession)
        var fates = [Int](repeating: 0, count: layout.count)
        for move in counters.moves { for slot in move.from..<(move.from + move.count) { fates[slot] += 1 } }
        for slot in counters.departures.joined() { fates[slot] += 1 }
        let routed = old.routes.indices.flatMap { route in
            old.routes[route].pools.indices.map { layout.row(route: route, branch: $0) }
        }
        let rows = routed + old.listeners.indices.map { layout.unroutedRow(listener: $0) }
        for row in rows {
            for endpoint in layout.endpoints(row: row).map(Int?.some) + [nil] {
                for statusClass in 0..<CounterLayout.statusClasses {
                    let slot = layout.requests(row: row, endpoint: endpoint, statusClass: statusClass)
                    #expect(fates[slot] == 1, "row \(row), endpoint \(endpoint ?? -1), class \(statusClass)")
                }
            }
        }
        #expect(!counters.departures.isEmpty)
        #expect(counters.departures.allSatisfy { $0.count % CounterLayout.statusClasses == 0 })
    }
}
