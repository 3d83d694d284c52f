import ApusBalancing
import ApusHTTP
import ApusModel
import Testing

@testable import ApusExchange

/// What follows when attempts fail, are late, or have no place.
@Suite struct PoolVisitTests {
    @Test func anAttemptThatIsAnsweredLeavesNothingBehind() throws {
        var pool = VisitedPool(endpoints: 2)
        var visit = pool.visit()
        let step = pool.seek(&visit)
        #expect(pool.begin(step, &visit) == 0)
        #expect(visit.answered(AttemptOutcome(status: 200), route: 0, &pool.origins, now: 5) != nil)
        // Judged once.
        #expect(visit.answered(AttemptOutcome(status: 200), route: 0, &pool.origins, now: 6) == nil)
        #expect(visit.gaveNone(.broke, route: 0, &pool.origins, now: 6) == nil)
        pool.end(&visit, keepsConnection: true)
        pool.leave(&visit)
        #expect(pool.isQuiet)
        // The connection serves the next one.
        var next = pool.visit()
        _ = pool.seek(&next)
        var other = pool.visit()
        guard case .start(0, .reuse(1)) = pool.seek(&other) else {
            Issue.record("not reused")
            return
        }
    }

    /// A second attempt that hangs as it connects must not suspend the time that the first one has.
    @Test func aHedgeLeavesTheTimeOfTheFirstAttempt() {
        var pool = VisitedPool(endpoints: 2)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        visit.current.connection = 1
        visit.setTryLimits(perTry: 1_000, hedgeAfter: 100, now: 0)
        #expect(visit.nextDue == 100)
        visit.other = visit.current
        _ = visit.begin(at: 1, of: &pool.origins, now: 100)
        #expect(visit.nextDue == 1_000)
        visit.other = Attempt()
        _ = visit.begin(at: 1, of: &pool.origins, now: 200)
        #expect(visit.nextDue == .max)
    }

    // MARK: Retries

    @Test func aRefusedConnectionIsTriedElsewhereAtOnceAndForFree() {
        var pool = VisitedPool(endpoints: 3) {
            $0.retries.budgetPercent = 0
            $0.retries.minimumPerSecond = 0
        }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        let step = pool.fail(&visit, .connectRefused, .connectFailed)
        #expect(step?.words == "seek")
        #expect(pool.begin(pool.seek(&visit), &visit) == 1)
        #expect(visit.attempts == 2)
    }

    @Test func whatWasSentAndMayNotBeRepeatedIsNot() {
        var pool = VisitedPool(endpoints: 3)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        let post = PoolVisit.Request(isSafe: false, isRepeatable: false, isReplayable: true, isKept: true)
        #expect(pool.fail(&visit, .freshConnectionDied, .upstreamReset, post)?.words == "refuse upstreamReset")
    }

    @Test func whatIsNoLongerThereIsNotRepeated() {
        var pool = VisitedPool(endpoints: 3)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        let gone = PoolVisit.Request(isSafe: true, isRepeatable: true, isReplayable: true, isKept: false)
        #expect(pool.fail(&visit, .freshConnectionDied, .upstreamReset, gone)?.words == "refuse upstreamReset")
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    /// A pool in which every endpoint has connections that are kept.
    private func keeping(_ endpoints: Int) -> VisitedPool {
        var pool = VisitedPool(endpoints: endpoints) { $0.retries.backoff = .zero }
        var keeping = (0..<4 * endpoints).map { _ in pool.visit() }
        for index in keeping.indices { pool.begin(pool.seek(&keeping[index]), &keeping[index]) }
        for index in keeping.indices { pool.end(&keeping[index], keepsConnection: true) }
        return pool
    }

    /// Replacements and what follows them go over new connections, although others are kept.
    @Test(arguments: [nil, 0] as [Int32?])
    func aStaleConnectionIsReplacedOnce(session: Int32?) {
        var pool = keeping(3)
        var visit = pool.visit()
        visit.pick.session = session
        pool.begin(pool.seek(&visit), &visit)
        var step = pool.fail(&visit, .reusedConnectionDied)
        if session == nil {
            #expect(step?.words == "seek")
            step = pool.seek(&visit)
        }
        guard case .start(let endpoint, .connect) = step else {
            Issue.record("not over a new connection: \(String(describing: step))")
            return
        }
        #expect(endpoint == (session == nil ? 1 : 0), "elsewhere, if nothing binds it")
        #expect(visit.staleReplacements == 1 && visit.attempts == 1)
        // It may be the request that kills connections: it is not sent a third time.
        pool.begin(at: endpoint, .connect, &visit)
        #expect(pool.fail(&visit, .freshConnectionDied)?.words == "refuse upstreamReset")
    }

    /// A connection that was closed as idle says nothing about its endpoint: the backup stays where it is.
    @Test func aStaleConnectionIsReplacedWithinTheRank() {
        var pool = VisitedPool(endpoints: 1)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        let peers = VisitedPool(endpoints: 3)
        #expect(pool.origins.dispatchers[0].hasPeer(of: 0, TriedEndpoints()) == false)
        #expect(peers.origins.dispatchers[0].hasPeer(of: 0, TriedEndpoints()))
        #expect(pool.begin(pool.fail(&visit, .reusedConnectionDied)!, &visit) == 0)
    }

    @Test func withOneEndpointAStaleConnectionIsReplacedThere() {
        var pool = keeping(1)
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        guard case .start(0, .connect) = pool.fail(&visit, .reusedConnectionDied) else {
            Issue.record("not over a new connection")
            return
        }
    }

    @Test func whatKillsItsOriginIsSentTwiceAtMost() {
        var pool = VisitedPool(endpoints: 4) {
            $0.retries.backoff = .zero
            $0.retries.attempts = 4
        }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        #expect(pool.fail(&visit, .freshConnectionDied)?.words == "seek")
        pool.begin(pool.seek(&visit), &visit)
        // Endpoints that refuse it have not seen it.
        #expect(pool.fail(&visit, .connectRefused)?.words == "seek")
        pool.begin(pool.seek(&visit), &visit)
        #expect(pool.fail(&visit, .freshConnectionDied)?.words == "refuse upstreamReset")
    }

    /// A request that is late goes elsewhere, once, and only if it is safe.
    @Test func anOriginThatHangsCostsASafeRequestTimeAndNothingElse() {
        var pool = VisitedPool(endpoints: 4) { $0.retries.backoff = .zero }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        #expect(pool.fail(&visit, .responseHeadTimedOut, .responseHeadTimeout)?.words == "seek")
        #expect(pool.begin(pool.seek(&visit), &visit) == 1)
        #expect(pool.fail(&visit, .responseHeadTimedOut, .responseHeadTimeout)?.words == "refuse responseHeadTimeout")
        let put = PoolVisit.Request(isSafe: false, isRepeatable: true, isReplayable: true, isKept: true)
        var other = pool.visit()
        pool.begin(pool.seek(&other), &other)
        #expect(
            pool.fail(&other, .responseHeadTimedOut, .responseHeadTimeout, put)?.words == "refuse responseHeadTimeout")
        // Where there is nobody else, the one that hangs is not asked again.
        var alone = VisitedPool(endpoints: 1) { $0.retries.backoff = .zero }
        var only = alone.visit()
        alone.begin(alone.seek(&only), &only)
        #expect(alone.fail(&only, .responseHeadTimedOut, .responseHeadTimeout)?.words == "seek")
        #expect(alone.seek(&only).words == "refuse responseHeadTimeout")
    }

    @Test func theBudgetAllowsAFifthAndIsGivenBack() {
        var pool = VisitedPool(endpoints: 3) {
            $0.retries.minimumPerSecond = 0
            $0.retries.backoff = .zero
        }
        var visits = (0..<5).map { _ in pool.visit() }
        for index in visits.indices { pool.begin(pool.seek(&visits[index]), &visits[index]) }
        #expect(pool.fail(&visits[0], .freshConnectionDied)?.words == "seek")
        #expect(pool.origins.dispatchers[0].retriesInFlight == 1)
        // One of five is a fifth; the second is too many.
        #expect(pool.fail(&visits[1], .freshConnectionDied)?.words == "refuse upstreamReset")
        pool.begin(pool.seek(&visits[0]), &visits[0])
        pool.end(&visits[0])
        #expect(pool.origins.dispatchers[0].retriesInFlight == 0)
    }

    /// A response that is not passed on ends after the decision: its own retry must not be in the way of the next.
    @Test func aRetryIsNotInItsOwnWay() {
        var pool = VisitedPool(endpoints: 3) {
            $0.retries.minimumPerSecond = 0
            $0.retries.backoff = .zero
        }
        let others = (0..<4).map { _ in pool.visit() }
        var visit = pool.visit()
        for _ in 0..<2 {
            pool.begin(pool.seek(&visit), &visit)
            let verdict = visit.verdict(.status, of: VisitedPool.request, by: nil, &pool.origins, now: 0)
            #expect(verdict.isRetry, "\(others.count + 1) requests")
            pool.end(&visit, keepsConnection: true)
            #expect(visit.follow(verdict, &pool.origins).words == "seek")
        }
        #expect(pool.origins.dispatchers[0].retriesInFlight == 1)
    }

    @Test func aRetryPauses() {
        var pool = VisitedPool(endpoints: 3) { $0.retries.backoff = .seconds(1) }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        guard case .pause(let time) = pool.fail(&visit, .freshConnectionDied) else {
            Issue.record("no pause")
            return
        }
        #expect(time > 0 && visit.wait == .backoff)
        // A client that leaves meanwhile gives the budget back.
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    @Test func theRoutesOwnRulesCountAndTheBudgetIsThePools() {
        var pool = VisitedPool(endpoints: 4) {
            $0.retries.attempts = 1
            $0.retries.backoff = .zero
        }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        let route = RouteRetries(RetryRules(attempts: 3, backoff: .zero))
        #expect(pool.fail(&visit, .freshConnectionDied, by: route)?.words == "seek")
        #expect(pool.origins.dispatchers[0].retriesInFlight == 1)
    }

    // MARK: Hedging

    /// It may be what breaks connections: beside the one that gets it again, nobody is asked.
    @Test func whatHasBrokenAConnectionIsNotHedged() {
        var pool = VisitedPool(endpoints: 3) { $0.hedging = HedgingRules(after: .milliseconds(1)) }
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        #expect(pool.fail(&visit, .reusedConnectionDied)?.words == "seek")
        pool.begin(pool.seek(&visit), &visit)
        let hedge = visit.hedge(VisitedPool.request, by: nil, &pool.origins, now: 100)
        #expect(hedge?.endpoint == nil)
    }

    private func hedged(_ pool: inout VisitedPool) -> PoolVisit? {
        var visit = pool.visit()
        pool.begin(pool.seek(&visit), &visit)
        pool.now = 100
        guard let hedge = visit.hedge(VisitedPool.request, by: nil, &pool.origins, now: pool.now) else { return nil }
        pool.begin(at: hedge.endpoint, hedge.lease, &visit)
        return visit
    }

    @Test func theHedgeThatWinsIsTold() throws {
        var pool = VisitedPool(endpoints: 3) { $0.hedging = HedgingRules(after: .milliseconds(1)) }
        let hedged = hedged(&pool)
        var visit = try #require(hedged)
        #expect(visit.current.endpoint == 1 && visit.other.endpoint == 0)
        let won = visit.win()
        let (loser, wasHedge) = try #require(won)
        #expect(wasHedge && loser.endpoint == 0)
        pool.end(loser, of: &visit)
        #expect(pool.origins.dispatchers[0].retriesInFlight == 0)
        pool.end(&visit)
        pool.leave(&visit)
        #expect(pool.isQuiet)
    }

    @Test func theFirstThatWinsAfterAllIsNoHedge() throws {
        var pool = VisitedPool(endpoints: 3) { $0.hedging = HedgingRules(after: .milliseconds(1)) }
        let hedged = hedged(&pool)
        var visit = try #require(hedged)
        visit.makeCurrent(visit.other.connection)
        #expect(visit.current.endpoint == 0)
        let won = visit.win()
        let (loser, wasHedge) = try #require(won)
        #expect(!wasHedge && loser.endpoint == 1)
    }

    @Test func oneOfTwoThatFailsLeavesTheOtherAlone() throws {
        var pool = VisitedPool(endpoints: 3) { $0.hedging = HedgingRules(after: .milliseconds(1)) }
        let hedged = hedged(&pool)
        var visit = try #require(hedged)
        #expect(pool.fail(&visit, .freshConnectionDied) == nil)
        #expect(visit.current.endpoint == 0 && !visit.other.isUnderWay)
        // It is one request at one endpoint again.
        #expect(pool.origins.dispatchers[0].retriesInFlight == 0)
    }

    @Test func aHedgeNeedsAnEndpointWithAPlace() {
        var pool = VisitedPool(endpoints: 1) { $0.hedging = HedgingRules(after: .milliseconds(1)) }
        #expect(hedged(&pool) == nil)
        #expect(pool.origins.dispatchers[0].retriesInFlight == 0)
    }

    // MARK: The queue

    private func crowded() -> VisitedPool {
        VisitedPool(endpoints: 1) { $0.requests = RequestLimits(perEndpoint: 1, queue: QueueRules(length: 1)) }
    }

    @Test func aPlaceGoesToTheOneThatWaits() {
        var pool = crowded()
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var second = pool.visit()
        #expect(pool.seek(&second, as: 2).words == "queue")
        var third = pool.visit()
        #expect(pool.seek(&third, as: 3).words == "refuse queueFull")
        pool.leave(&third)
        pool.end(&first)
        pool.leave(&first)
        #expect(pool.origins.dispatchers[0].nextWaiting(now: 0) == 2)
        let step = second.turnCame(second.choose(from: &pool.origins, now: 0), &pool.origins, as: 2)
        #expect(pool.begin(step, &second) == 0)
        pool.end(&second)
        pool.leave(&second)
        #expect(pool.isQuiet)
    }

    /// The simulator had it wait for its time-out instead.
    @Test func aTurnThatFindsNobodyLeftIsAnsweredAtOnce() {
        var pool = crowded()
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var second = pool.visit()
        _ = pool.seek(&second, as: 2)
        pool.origins.dispatchers[0].setAvailable(0, false, now: 0)
        let step = second.turnCame(second.choose(from: &pool.origins, now: 0), &pool.origins, as: 2)
        #expect(step.words == "refuse noHealthyEndpoint")
        #expect(second.wait == .nothing)
    }

    /// Endpoints that were passed over because they were busy will do when the turn comes.
    @Test func aTurnWithoutAPlaceForgetsWhoWasPassedOver() {
        var pool = crowded()
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var second = pool.visit()
        _ = pool.seek(&second, as: 2)
        for _ in 0..<3 {
            let step = second.turnCame(second.choose(from: &pool.origins, now: 0), &pool.origins, as: 2)
            #expect(step.words == "stays queued")
            #expect(second.tried.isEmpty && second.wait == .queued)
        }
    }

    /// What has failed it once is still left out when its turn comes.
    @Test func aRetryThatWaitsRemembersWhereItFailed() {
        var pool = VisitedPool(endpoints: 2) {
            $0.requests = RequestLimits(perEndpoint: 1, queue: QueueRules(length: 1))
            $0.retries.backoff = .zero
        }
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var second = pool.visit()
        pool.begin(pool.seek(&second), &second)
        #expect(pool.fail(&second, .connectRefused, .connectFailed)?.words == "seek")
        #expect(pool.seek(&second, as: 2).words == "queue")
        #expect(second.tried.contains(1))
    }

    @Test func patienceEndsWithItsReasonAndSaturationWithThatOfTheLatestFailure() {
        var pool = crowded()
        var first = pool.visit()
        pool.begin(pool.seek(&first), &first)
        var second = pool.visit()
        _ = pool.seek(&second, as: 2)
        #expect(second.patienceEnded(&pool.origins, as: 2).words == "refuse queueTimeout")
        var unqueued = VisitedPool(endpoints: 2) {
            $0.requests = RequestLimits(perEndpoint: 1)
            $0.retries.backoff = .zero
        }
        var busy = unqueued.visit()
        unqueued.begin(unqueued.seek(&busy), &busy)
        var failing = unqueued.visit()
        unqueued.begin(unqueued.seek(&failing), &failing)
        #expect(unqueued.fail(&failing, .connectRefused, .connectFailed)?.words == "seek")
        #expect(unqueued.seek(&failing).words == "refuse connectFailed")
        var late = unqueued.visit()
        unqueued.begin(unqueued.seek(&late), &late)
        var refused = unqueued.visit()
        #expect(unqueued.seek(&refused).words == "refuse poolSaturated")
    }

    /// A limit on connections is a place that is missing, and not an endpoint.
    @Test func whoFindsNoConnectionWaits() {
        var pool = VisitedPool(endpoints: 2) {
            $0.connections = UpstreamConnectionLimits(max: 1)
            $0.requests = RequestLimits(perEndpoint: 5, queue: QueueRules(length: 1))
        }
        var visits = (0..<3).map { _ in pool.visit() }
        let steps = visits.indices.map { index in
            let step = pool.seek(&visits[index], as: Int32(index))
            pool.begin(step, &visits[index])
            return step.words
        }
        #expect(steps == ["start 0", "start 1", "queue"])
        #expect(pool.origins.loads.counts == [1, 1])
    }

    // MARK: Fallback

    @Test func onlyWhatThePoolCouldNotTakeFallsBack() {
        var pool = VisitedPool(endpoints: 1, others: 1) { $0.fallback = .pool(1) }
        let visit = pool.visit()
        for reason in [Reason.noHealthyEndpoint, .queueFull, .connectFailed] {
            #expect(visit.refuge(from: reason, maySendElsewhere: true, pool.origins) == .pool(1))
            #expect(visit.refuge(from: reason, maySendElsewhere: false, pool.origins) == .none)
        }
        for reason in [Reason.overloaded, .upstreamReset, .responseHeadTimeout, .badResponse] {
            #expect(visit.refuge(from: reason, maySendElsewhere: true, pool.origins) == .none)
        }
    }

    @Test func aResponseAnswersWhateverTheRequestIs() {
        var pool = VisitedPool(endpoints: 1) { $0.fallback = .response(FallbackResponse()) }
        let visit = pool.visit()
        #expect(visit.refuge(from: .poolSaturated, maySendElsewhere: false, pool.origins) == .response)
    }

    // MARK: Clocks

    @Test func whatIsDueIsToldOnce() {
        var visit = PoolVisit(pool: 0)
        visit.attemptCount = 1
        visit.setTryLimits(perTry: 100, hedgeAfter: 40, now: 1000)
        #expect(visit.nextDue == 1040)
        #expect(visit.takeDue(now: 1039) == .nothing)
        #expect(visit.takeDue(now: 1040) == .hedge)
        #expect(visit.takeDue(now: 1040) == .nothing && visit.nextDue == 1100)
        #expect(visit.takeDue(now: 1100) == .tryLimit)
        #expect(visit.takeDue(now: 1100) == .nothing && visit.nextDue == .max)
        // Only a first attempt is hedged, and without limits nothing is due.
        visit.attemptCount = 2
        visit.setTryLimits(perTry: .max, hedgeAfter: 40, now: 1000)
        #expect(visit.nextDue == .max)
    }
}
