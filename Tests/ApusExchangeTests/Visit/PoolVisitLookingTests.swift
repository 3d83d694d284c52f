import ApusBalancing
import ApusHTTP
import ApusModel
import Testing

@testable import ApusExchange

/// What an attempt that is not answered soon tells, and who is asked as well.
@Suite struct PoolVisitLookingTests {
    @Test func whatWaitsWhereNobodyMayBeSentIsAskedElsewhereToo() throws {
        var pool = VisitedPool(endpoints: 3)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        #expect(visit.current.endpoint == 0 && !visit.waitsInVain(pool.origins))
        pool.origins.dispatchers[0].setAvailable(0, false, now: 0)
        #expect(visit.waitsInVain(pool.origins))
        let unsafe = PoolVisit.Request(isSafe: false, isRepeatable: true, isReplayable: true, isKept: true)
        #expect(visit.rescue(unsafe, by: nil, &pool.origins, now: 0) == nil)
        let rescue = visit.rescue(VisitedPool.request, by: nil, &pool.origins, now: 0)
        let (endpoint, lease) = try #require(rescue)
        #expect(endpoint == 1)
        pool.begin(at: endpoint, lease, &visit)
        #expect(!visit.waitsInVain(pool.origins), "two are asked")
        #expect(pool.origins.dispatchers[0].retriesInFlight == 1)
        // The first may answer yet.
        visit.makeCurrent(visit.other.connection)
        let won = visit.win()
        pool.end(try #require(won).loser, of: &visit)
        pool.end(&visit)
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    /// Any client can send one: no endpoint is blamed for it, whether it breaks at once or was overdue before.
    @Test(arguments: [false, true])
    func whatBreaksTwoEndpointsCountsAtNeither(isSlow: Bool) {
        var pool = VisitedPool(endpoints: 2) {
            $0.outliers = OutlierRules(consecutiveGatewayErrors: 1_000)
            $0.retries = RetryRules(backoff: .zero, minimumPerSecond: 1_000)
        }
        for _ in 0..<20 {
            var visit = pool.visit()
            var step: PoolVisit.Step? = pool.seek(&visit)
            var count = 0
            while let next = step, pool.begin(next, &visit) != nil {
                count += 1
                if isSlow { _ = visit.look(route: 0, &pool.origins) }
                step = pool.fail(&visit, .freshConnectionDied)
                if case .seek = step { step = pool.seek(&visit) }
            }
            #expect(count == 2)
            pool.leave(&visit)
        }
        #expect(failures(of: &pool) == [0, 0])
    }

    /// Failures that each endpoint has in its run.
    private func failures(of pool: inout VisitedPool) -> [Int] {
        var counts: [Int] = []
        for endpoint in 0..<2 {
            var count = 1
            while pool.origins.dispatchers[0].gaveNone(
                endpoint, .broke, route: 0, overdueIn: 0, after: 0, admitted: 0, now: 1
            ).failedInARow == nil { count += 1 }
            counts.append(1_000 - count)
        }
        return counts
    }

    /// Nothing broke at the one that was asked as well: its own failures stay.
    @Test func aRescueTakesNothingBack() throws {
        var pool = VisitedPool(endpoints: 2) { $0.outliers = OutlierRules(consecutiveGatewayErrors: 1_000) }
        _ = pool.origins.dispatchers[0].gaveNone(
            1, .broke, route: 0, overdueIn: 0, after: 0, admitted: 0, now: 1)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        pool.origins.dispatchers[0].setAvailable(0, false, now: 0)
        let rescue = visit.rescue(VisitedPool.request, by: nil, &pool.origins, now: 0)
        let (endpoint, lease) = try #require(rescue)
        pool.begin(at: endpoint, lease, &visit)
        visit.makeCurrent(visit.other.connection)
        _ = visit.gaveNone(.broke, route: 0, &pool.origins, now: 2)
        #expect(failures(of: &pool) == [1, 1])
    }

    @Test func aRequestIsRescuedOnce() throws {
        var pool = VisitedPool(endpoints: 3)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        pool.origins.dispatchers[0].setAvailable(0, false, now: 0)
        let rescue = visit.rescue(VisitedPool.request, by: nil, &pool.origins, now: 0)
        let (endpoint, lease) = try #require(rescue)
        pool.begin(at: endpoint, lease, &visit)
        // Both are late: a third would hang as well.
        let loser = visit.other
        visit.other = Attempt()
        pool.end(loser, of: &visit)
        #expect(pool.fail(&visit, .responseHeadTimedOut, .responseHeadTimeout)?.words == "refuse responseHeadTimeout")
    }

    @Test func aRescueIsOutOfTheBudget() {
        var pool = VisitedPool(endpoints: 2) {
            $0.retries.minimumPerSecond = 2
            $0.retries.budgetPercent = 0
        }
        var visits = (0..<6).map { _ in pool.visit() }
        for index in visits.indices {
            pool.origins.dispatchers[0].setAvailable(0, true, now: 0)
            pool.begin(pool.seek(&visits[index]), &visits[index])
        }
        pool.origins.dispatchers[0].setAvailable(0, false, now: 0)
        var count = 0
        for index in visits.indices where visits[index].waitsInVain(pool.origins) {
            if visits[index].rescue(VisitedPool.request, by: nil, &pool.origins, now: 0) != nil { count += 1 }
        }
        #expect(count == 2, "of three")
    }

    @Test func anAttemptIsOverdueOnce() {
        var pool = VisitedPool(endpoints: 2) { $0.outliers = OutlierRules() }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        #expect(visit.look(route: 0, &pool.origins) != nil)
        #expect(visit.look(route: 0, &pool.origins) == nil)
        // Late at last, it does not count again.
        _ = visit.gaveNone(.tooLate, route: 0, &pool.origins, now: 5)
        pool.end(&visit)
        _ = pool.origins.dispatchers[0].answered(1, .served, route: 0, after: 0, admitted: 0, now: 1)
        let reports = (0..<4).map { _ in pool.origins.dispatchers[0].isOverdue(0, route: 0, sent: 0).1 }
        #expect(reports.map { $0.failedInARow?.count } == [nil, nil, nil, 5])
    }

    /// It says nothing of an endpoint that has answered others since; if it breaks, that is told as any other.
    @Test func whatWasExcusedAndBreaksCounts() {
        var pool = VisitedPool(endpoints: 1) { $0.outliers = OutlierRules(consecutiveGatewayErrors: 2) }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        _ = pool.origins.dispatchers[0].answered(0, .served, route: 0, after: 0, admitted: 0, now: 5)
        #expect(visit.look(route: 0, &pool.origins) == nil)
        let first = visit.gaveNone(.broke, route: 0, &pool.origins, now: 6)
        #expect(first != nil && first?.failedInARow == nil)
        let second = pool.origins.dispatchers[0].gaveNone(
            0, .broke, route: 0, overdueIn: 0, after: 0, admitted: 7, now: 7)
        #expect(second.failedInARow?.count == 2)
        pool.end(&visit)
        pool.leave(&visit)
    }
}
