import ApusBalancing
import ApusHTTP
import ApusModel
import Testing

@testable import ApusExchange

/// A reload in the middle of a visit, and requests that go over their client's own connection.
@Suite struct PoolVisitReloadTests {
    private static func pool(_ name: String, _ endpoints: Range<Int>, limit: Int = 10) -> Pool {
        var pool = Pool(name: name, endpoints: endpoints)
        pool.requests.perPool = limit
        pool.requests.perEndpoint = 5
        pool.requests.queue = QueueRules(length: 4, timeout: .seconds(9))
        return pool
    }

    private static func visited(limit: Int = 10) -> VisitedPool {
        VisitedPool(endpoints: 3) { $0 = pool("first", 0..<3, limit: limit) }
    }

    /// Another pool comes before the visit's, whose endpoints change places; the first of them goes.
    private static func other(limit: Int = 10) -> ([Pool], [Endpoint]) {
        (
            [Pool(name: "new", endpoints: 0..<1), pool("first", 1..<3, limit: limit)],
            [
                VisitedPool.endpoint(9, pool: 0), VisitedPool.endpoint(2, pool: 1), VisitedPool.endpoint(1, pool: 1),
            ]
        )
    }

    // MARK: Reloads

    @Test func whatAVisitRemembersFollowsItsPoolAndEndpoints() {
        var pool = Self.visited()
        var visit = pool.visit()
        #expect(pool.begin(pool.seek(&visit), &visit) == 0)
        _ = pool.fail(&visit, .connectRefused, .connectFailed)
        #expect(pool.begin(pool.seek(&visit), &visit) == 1)
        visit.pick.session = 2
        let (pools, endpoints) = Self.other()
        let succession = pool.reload(to: pools, endpoints)
        #expect(pool.origins.loads.counts.allSatisfy { $0 == 0 })
        pool.rename(&visit, by: succession)
        #expect(visit.pool == 1 && visit.current.endpoint == 2 && visit.pick.session == 0)
        // Of those that it has tried one is gone, and nothing will choose it.
        #expect(visit.tried.contains(1) && visit.tried.count == 1)
        #expect(pool.origins.loads.counts == [0, 0, 1, 0] && pool.origins.poolLoads.counts == [0, 1])
        #expect(pool.origins.waiting.counts == [0, 0])
        // It goes on there: the other endpoint is next, and nothing is left in the end.
        #expect(pool.fail(&visit, .connectRefused, .connectFailed)?.words == "seek")
        #expect(pool.begin(pool.seek(&visit), &visit) == 1)
        pool.end(&visit)
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    /// The attempt under way is at an endpoint that is removed: it ends where it is, and is counted there until then.
    @Test func anAttemptAtARemovedEndpointIsCountedUntilItEnds() {
        var pool = Self.visited()
        var visit = pool.visit()
        #expect(pool.begin(pool.seek(&visit), &visit) == 0)
        visit.pick.session = 0
        let (pools, endpoints) = Self.other()
        pool.rename(&visit, by: pool.reload(to: pools, endpoints))
        #expect(visit.current.endpoint == 3 && pool.snapshot.endpoints[3].isRetired)
        #expect(visit.tried.isEmpty && visit.pick.session == 2)
        #expect(pool.origins.loads.counts == [0, 0, 0, 1])
        pool.end(&visit)
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    @Test func bothAttemptsOfAHedgedRequestAreCountedAgain() {
        var pool = Self.visited()
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        visit.other = visit.current
        pool.begin(pool.seek(&visit), &visit)
        let (pools, endpoints) = Self.other()
        pool.rename(&visit, by: pool.reload(to: pools, endpoints))
        #expect(visit.other.endpoint == 3 && visit.current.endpoint == 2)
        #expect(pool.origins.loads.counts == [0, 0, 1, 1] && pool.origins.poolLoads.counts == [0, 2])
    }

    @Test func anAttemptThatIsOverIsNotCounted() {
        var pool = Self.visited()
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        pool.end(&visit)
        let (pools, endpoints) = Self.other()
        pool.rename(&visit, by: pool.reload(to: pools, endpoints))
        #expect(pool.origins.loads.counts.allSatisfy { $0 == 0 } && pool.origins.poolLoads.counts == [0, 0])
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    @Test func aPlaceInTheQueueIsKept() {
        var pool = Self.visited(limit: 1)
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var second = pool.visit()
        #expect(pool.seek(&second, as: 7).words == "queue")
        let (pools, endpoints) = Self.other(limit: 1)
        let succession = pool.reload(to: pools, endpoints)
        pool.rename(&first, by: succession)
        pool.rename(&second, by: succession)
        #expect(second.wait == .queued && pool.origins.waiting.counts == [0, 1])
        #expect(pool.origins.dispatchers[1].waitingCount == 1 && pool.origins.dispatchers[1].nextWaiting(now: 0) == 7)
        pool.end(&first)
        pool.leave(&first)
        pool.leave(&second, as: 7)
        #expect(pool.isQuiet)
    }

    /// Where the pool is what it was, only what names endpoints of all pools changes.
    @Test func inAnUnchangedPoolNothingIsForgotten() {
        var pool = Self.visited()
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        visit.pick.session = 2
        let before = visit.tried
        let endpoints = [VisitedPool.endpoint(9, pool: 0)] + (0..<3).map { VisitedPool.endpoint($0, pool: 1) }
        let succession = pool.reload(to: [Pool(name: "new", endpoints: 0..<1), Self.pool("first", 1..<4)], endpoints)
        #expect(succession.unchangedPools == [false, true])
        pool.rename(&visit, by: succession)
        #expect(visit.current.endpoint == 1 && visit.pick.session == 2)
        #expect(visit.tried.contains(0) && visit.tried.count == before.count)
    }

    // MARK: A connection of the client's own

    @Test func aClientsOwnConnectionIsTheOnlyChoice() {
        var pool = Self.visited()
        var visit = pool.visit()
        guard case .endpoint(2, .reuse(44))? = visit.choose(own: 44, to: 2, from: &pool.origins) else {
            Issue.record("not its own")
            return
        }
        #expect(visit.attempts == 1 && visit.tried.contains(2))
        #expect(pool.origins.loads.counts == [0, 0, 1] && pool.origins.poolLoads.counts == [1])
        // No connection was taken from those that the pool keeps, nor opened.
        #expect(pool.origins.connections.allSatisfy { $0.busyCount == 0 })
    }

    /// It waits or is refused rather than sent elsewhere, and nothing is counted.
    @Test func aFullPoolOrEndpointIsFullForItToo() {
        var pool = Self.visited(limit: 1)
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var visit = pool.visit()
        guard case .saturated? = visit.choose(own: 44, to: 2, from: &pool.origins) else {
            Issue.record("the pool was full")
            return
        }
        #expect(pool.origins.poolLoads.counts == [1] && pool.origins.loads.counts == [1, 0, 0])
        #expect(visit.attempts == 0 && visit.tried.isEmpty)
        var roomy = Self.visited()
        for _ in 0..<5 {
            var other = roomy.visit()
            _ = other.choose(own: 1, to: 1, from: &roomy.origins)
        }
        var late = roomy.visit()
        guard case .saturated? = late.choose(own: 44, to: 1, from: &roomy.origins) else {
            Issue.record("the endpoint was full")
            return
        }
        #expect(roomy.origins.loads.counts == [0, 5, 0] && roomy.origins.poolLoads.counts == [5])
    }

    @Test func anEndpointThatIsNotThePoolsOrNotAvailableIsNoChoice() {
        var pool = VisitedPool(endpoints: 3, others: 1) { $0 = Self.pool("first", 0..<3) }
        var visit = pool.visit()
        #expect(visit.choose(own: 44, to: 3, from: &pool.origins) == nil)
        pool.origins.dispatchers[0].setAvailable(1, false, now: 0)
        #expect(visit.choose(own: 44, to: 1, from: &pool.origins) == nil)
        // One that drains keeps the connections that are somebody.
        pool.origins.dispatchers[0].setWeight(2, 0, now: 0)
        #expect(visit.choose(own: 44, to: 2, from: &pool.origins) != nil)
        let (pools, endpoints) = Self.other()
        var next = Self.visited()
        _ = next.reload(to: pools, endpoints)
        var later = PoolVisit(pool: 1)
        #expect(later.choose(own: 44, to: 3, from: &next.origins) == nil, "one that was removed")
    }
}
