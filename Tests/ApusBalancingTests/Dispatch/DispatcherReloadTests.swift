import ApusBalancing
import ApusModel
import Testing

/// What becomes of requests, breakers and sessions at a reload.
@Suite struct DispatcherReloadTests {
    static let second: Int64 = 1_000_000
    static let rules = BreakerRules(consecutiveFailures: 3, failurePercent: nil, open: .seconds(10), trials: 1)

    private static func fail(_ pool: inout ReloadedPool, _ index: Int, now: Int64) -> AttemptReport {
        _ = pool.dispatcher.attemptStarted(index, load: 1, now: now)
        let report = pool.dispatcher.answered(
            index, AttemptOutcome(status: 503), route: 0, after: 10, admitted: now, now: now)
        pool.dispatcher.attemptEnded(index, wasJudged: true, admitted: now, load: 0, now: now)
        return report
    }

    @Test func breakersGoOn() {
        let first: (inout Pool) -> Void = { $0.endpointBreaker = Self.rules }
        var pool = ReloadedPool(0..<3, change: first)
        for _ in 0..<3 { _ = Self.fail(&pool, 1, now: 0) }
        for _ in 0..<2 { _ = Self.fail(&pool, 2, now: 0) }
        pool.reload(ids: [2, 1, 0, 3], now: 1)
        #expect(pool.counts(9, now: 2) == [0: 3, 2: 3, 3: 3], "it stays open")
        let third = Self.fail(&pool, 0, now: 3)
        #expect(third.endpointCause == .consecutiveFailures(3), "the two before the reload count")
        #expect(pool.counts(8, now: 4) == [0: 4, 3: 4])

        // By other rules one that is open stays so until its time, and one that is closed begins anew.
        for _ in 0..<2 { _ = Self.fail(&pool, 2, now: 5) }
        pool.reload(ids: [0, 1, 2, 3], now: 6) {
            $0.endpointBreaker = BreakerRules(
                consecutiveFailures: 2, failurePercent: nil, open: .seconds(1), maximumOpen: .seconds(1), trials: 1)
        }
        #expect(pool.counts(8, now: 8 * Self.second) == [0: 4, 3: 4])
        #expect(Self.fail(&pool, 0, now: 8 * Self.second).isEmpty)
        #expect(Self.fail(&pool, 0, now: 8 * Self.second).endpointBreaker != nil)
        #expect(Set(pool.counts(9, now: 12 * Self.second).keys) == [0, 1, 2, 3])
    }

    @Test func thePoolsBreakerGoesOnAndDoesNotHearOfThoseThatAreGone() {
        let change: (inout Pool) -> Void = { $0.poolBreaker = Self.rules }
        var pool = ReloadedPool(0..<2, change: change)
        for _ in 0..<2 { _ = Self.fail(&pool, 0, now: 0) }
        _ = pool.dispatcher.attemptStarted(1, load: 1, now: 0)
        let members = pool.reload(ids: [0], now: 1, census: Census(endpoints: [1]))
        let gone = members.toNew[1]!
        let report = pool.dispatcher.answered(
            gone, AttemptOutcome(status: 503), route: 0, after: 10, admitted: 0, now: 2)
        pool.dispatcher.attemptEnded(gone, wasJudged: true, admitted: 0, load: 0, now: 2)
        #expect(report.isEmpty)
        #expect(pool.pick(now: 3) == 0)
        #expect(Self.fail(&pool, 0, now: 3).poolCause == .consecutiveFailures(3))
        pool.reload(ids: [0, 5], now: 4)
        #expect(pool.pick(now: 5) == nil)
    }

    @Test func failuresInARowGoOn() {
        let rules = OutlierRules(consecutive5xx: 3, consecutiveGatewayErrors: nil)
        var pool = ReloadedPool(0..<2) { $0.outliers = rules }
        for _ in 0..<2 { _ = Self.fail(&pool, 1, now: 0) }
        pool.reload(ids: [1, 0])
        #expect(Self.fail(&pool, 1, now: 0).isEmpty)
        #expect(Self.fail(&pool, 0, now: 0).failedInARow?.count == 3)
    }

    @Test func whatIsRetiredIsNeverPicked() {
        let change: (inout Pool) -> Void = {
            $0.sticky = StickySessions(.cookie(.init()))
            $0.panicThreshold = 100
            $0.endpointBreaker = Self.rules
            $0.outliers = OutlierRules()
            $0.balance = .leastTime
        }
        var pool = ReloadedPool(0..<3, change: change)
        let token = Array("t10001".utf8)
        #expect(pool.dispatcher.session(token.span, now: 0) == 1)
        _ = pool.dispatcher.attemptStarted(1, load: 1, now: 0)
        let members = pool.reload(ids: [0, 2], census: Census(endpoints: [1]))
        let gone = members.toNew[1]!
        #expect(gone == 2 && pool.isRetired(gone))
        #expect(pool.dispatcher.session(token.span, now: 0) == nil)
        #expect(pool.pick(PickRequest(session: Int32(gone))) != 1)
        pool.dispatcher.setAvailable(gone, true, now: 0)
        pool.dispatcher.setWeight(gone, 9, now: 0)
        pool.dispatcher.adoptBreaker(of: gone, .open(until: 9, openings: 1), now: 0)
        pool.dispatcher.learnSession(3, endpoint: Int32(gone), now: 0)
        for index in 0..<2 { pool.dispatcher.setAvailable(index, false, now: 0) }
        #expect(pool.dispatcher.isPanicking)
        #expect(Set(pool.counts(50).keys) == [0, 2])
        // Its last attempt fails like any other, and nobody hears of it.
        for _ in 0..<5 {
            let report = pool.dispatcher.gaveNone(
                gone, .broke, route: 0, overdueIn: 0, after: 9, admitted: 0, now: 1)
            #expect(report.isEmpty)
        }
        pool.dispatcher.attemptEnded(gone, wasJudged: false, admitted: 0, load: 0, now: 1)
        #expect(SessionCookies(of: pool.snapshot.pools[0], in: pool.snapshot)!.range(for: gone).isEmpty)
    }

    @Test func aRetiredPoolServesTheRequestsThatItHas() {
        let old = ReloadedPool.snapshot([.init(id: 0), .init(id: 1)]) { _ in }
        let next = Snapshot(workers: 1, listeners: [], routes: [], pools: [], endpoints: [])
        let succession = Succession(from: old, to: next)
        var before = PoolDispatcher(pool: 0, of: old, worker: 0, seed: 1, now: 0)
        before.setAvailable(0, false, now: 0)
        var dispatcher = PoolDispatcher(pool: 0, of: succession.snapshot, worker: 0, seed: 1, now: 0)
        dispatcher.inherit(from: &before, members: succession.members(ofPool: 0), now: 0)
        let choice = dispatcher.choose(
            PickRequest(), load: Idle(), excluding: TriedEndpoints(), orTried: false, now: 0)
        #expect(choice == .endpoint(1))
    }

    @Test func theQueueKeepsItsOrder() {
        var pool = ReloadedPool(0..<2) { $0.requests.queue = QueueRules(length: 4) }
        for handle in [7, 3, 9, 1] as [Int32] {
            let waits = pool.dispatcher.enqueue(handle, now: Int64(handle))
            #expect(waits)
        }
        pool.dispatcher.leaveQueue(3)
        // There is room for fewer now: those that wait go on waiting, and nobody else may.
        pool.reload(ids: 0..<2) { $0.requests.queue = QueueRules(length: 2) }
        let isFull = !pool.dispatcher.enqueue(5, now: 20)
        #expect(isFull && pool.dispatcher.waitingCount == 3)
        // There is room for more.
        pool.reload(ids: 0..<2) { $0.requests.queue = QueueRules(length: 100) }
        for handle in 20..<117 as Range<Int32> {
            let waits = pool.dispatcher.enqueue(handle, now: 21)
            #expect(waits)
        }
        let isFullAgain = !pool.dispatcher.enqueue(200, now: 22)
        #expect(isFullAgain)
        // There is none any more.
        pool.reload(ids: 0..<2) { _ in }
        var order: [Int32] = []
        while let handle = pool.dispatcher.nextWaiting(now: 30) {
            order.append(handle)
            pool.dispatcher.leaveQueue(handle)
        }
        #expect(order == [7, 9, 1] + Array(20..<117))
        let isClosed = !pool.dispatcher.enqueue(1, now: 30)
        #expect(isClosed)
    }

    @Test func whatWasLetInDeparts() {
        let limited: (inout Pool) -> Void = {
            $0.concurrency = ConcurrencyRules(initial: 20, minimum: 2, maximum: 40)
            $0.retries.minimumPerSecond = 0
            $0.retries.budgetPercent = 20
        }
        var pool = ReloadedPool(0..<2)
        for _ in 0..<10 {
            let isLetIn = pool.dispatcher.arrived(.normal, now: 0)
            #expect(isLetIn)
        }
        pool.reload(ids: 0..<2, change: limited)
        #expect(pool.dispatcher.requestsInFlight == 10)
        guard pool.dispatcher.requestsInFlight == 10 else { return }
        var admitted = 0
        while pool.dispatcher.arrived(.normal, now: 0) { admitted += 1 }
        #expect(admitted == 10, "ten of twenty were there before")
        #expect(pool.dispatcher.concurrencyLimit == 20)
        pool.reload(ids: 0..<2) {
            limited(&$0)
            $0.concurrency?.maximum = 15
        }
        #expect(pool.dispatcher.concurrencyLimit == 15)
        for _ in 0..<5 { pool.dispatcher.departed(latency: nil, now: 0) }
        let isFull = !pool.dispatcher.arrived(.normal, now: 0)
        #expect(isFull, "fifteen of fifteen")
        pool.dispatcher.departed(latency: nil, now: 0)
        pool.reload(ids: 0..<2) { _ in }
        for _ in 0..<14 { pool.dispatcher.departed(latency: nil, now: 0) }
    }

    @Test func retriesInFlightAndTheTokensThatAreLeftStay() {
        let rules: (inout Pool) -> Void = {
            $0.retries.budgetPercent = 0
            $0.retries.minimumPerSecond = 2
        }
        var pool = ReloadedPool(0..<2, change: rules)
        let isLetIn = pool.dispatcher.arrived(.normal, now: 0)
        #expect(isLetIn)
        func retries() -> Bool {
            let progress = RetryPolicy.Progress(
                isSafe: true, isRepeatable: true, wasSent: true, isReplayable: true, attempts: 1)
            if case .retry = pool.dispatcher.decide(after: .tryTimedOut, of: progress, now: 0) { return true }
            return false
        }
        let first = retries()
        pool.reload(ids: 0..<2)
        let second = retries()
        pool.reload(ids: 0..<3)
        #expect(pool.dispatcher.retriesInFlight == 2)
        let third = retries()
        #expect([first, second, third] == [true, true, false], "reloads fill no bucket")
        for _ in 0..<2 { pool.dispatcher.retryEnded() }
        pool.dispatcher.departed(latency: nil, now: 0)
    }

    @Test func learnedSessionsFollowTheirEndpoints() {
        let learned: (inout Pool) -> Void = {
            $0.sticky = StickySessions(.learned(name: "id", lifetime: .seconds(60), capacity: 100))
        }
        var pool = ReloadedPool(0..<3, change: learned)
        let values = (0..<3).map { Array("session \($0)".utf8) }
        for (index, value) in values.enumerated() {
            pool.dispatcher.learnSession(PoolDispatcher.learnedSession(value.span), endpoint: Int32(index), now: 0)
        }
        func sessions() -> [Int?] {
            var found: [Int?] = []
            for value in values {
                let index = pool.dispatcher.session(value.span, now: 1)
                found.append(index.map { pool.id(Int($0)) })
            }
            return found
        }
        pool.reload(ids: [2, 0, 3], census: Census(endpoints: [1]))
        #expect(sessions() == [0, nil, 2])
        pool.reload(ids: [0, 1, 2])
        #expect(sessions() == [0, nil, 2], "it has been away")
        let lost = values[1]
        pool.dispatcher.learnSession(PoolDispatcher.learnedSession(lost.span), endpoint: 1, now: 1)
        pool.reload(ids: [1, 2])
        #expect(sessions() == [nil, 1, 2])
        pool.reload(ids: [1, 2]) {
            $0.sticky = StickySessions(.learned(name: "other", lifetime: .seconds(60), capacity: 100))
        }
        #expect(sessions() == [nil, nil, nil], "another cookie's values are others")
    }

    @Test func whatWasTriedIsRenamed() {
        var pool = ReloadedPool(0..<100)
        let members = pool.reload(ids: (0..<99).reversed(), census: Census(endpoints: [99]))
        let tried = pool.dispatcher.renamed(TriedEndpoints([0, 5, 70, 99]), by: members)
        #expect((0..<100).filter { tried.contains($0) } == [28, 93, 98])
        #expect(tried.count == 3)
    }
}
