import ApusAddresses
import ApusBalancing
import ApusModel
import Testing

/// What a pool decides when its machines meet; each by itself has tests of its own.
@Suite struct PoolDispatcherTests {
    static let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 80)

    static func dispatcher(_ count: Int, _ change: (inout Pool) -> Void = { _ in }) -> PoolDispatcher {
        var pool = Pool(name: "p", endpoints: 0..<count)
        change(&pool)
        let snapshot = Snapshot(
            workers: 1, listeners: [], routes: [], pools: [pool],
            endpoints: (0..<count).map { Endpoint(name: "10.0.0.\($0):80", address: address, pool: 0) })
        return PoolDispatcher(pool: 0, of: snapshot, worker: 0, seed: 1, now: 0)
    }

    private func choose(
        _ dispatcher: inout PoolDispatcher, load: some EndpointLoad = Idle(), excluding tried: TriedEndpoints = .init(),
        orTried: Bool = false, now: Int64 = 0
    ) -> PoolDispatcher.Choice {
        dispatcher.choose(PickRequest(), load: load, excluding: tried, orTried: orTried, now: now)
    }

    private func progress(attempts: Int = 1, isRepeatable: Bool = true) -> RetryPolicy.Progress {
        RetryPolicy.Progress(
            isSafe: isRepeatable, isRepeatable: isRepeatable, wasSent: true, isReplayable: true, attempts: attempts)
    }

    @Test func saysWhyThereIsNoEndpoint() {
        var dispatcher = Self.dispatcher(3)
        let allButOne = TriedEndpoints([0, 1])
        let all = TriedEndpoints([0, 1, 2])
        #expect(choose(&dispatcher, excluding: allButOne) == .endpoint(2))
        #expect(choose(&dispatcher, excluding: all) == .exhausted)
        #expect(choose(&dispatcher, load: Loads(loads: [0, 0, 0], saturated: [0, 1, 2])) == .saturated)
        // The one that was not tried is only busy; and those that were tried would do, were they not busy too.
        let busy = Loads(loads: [0, 0, 0], saturated: [2])
        #expect(choose(&dispatcher, load: busy, excluding: allButOne) == .saturated)
        let allBusy = Loads(loads: [0, 0, 0], saturated: [0, 1, 2])
        #expect(choose(&dispatcher, load: allBusy, excluding: all, orTried: true) == .saturated)
        for index in 0..<3 { dispatcher.setAvailable(index, false, now: 0) }
        #expect(choose(&dispatcher) == .unavailable)
    }

    @Test func anOpenBreakerBlocksUntilItsTimeComes() {
        var dispatcher = Self.dispatcher(2) {
            $0.endpointBreaker = BreakerRules(
                consecutiveFailures: 2, failurePercent: nil, open: .seconds(1), maximumOpen: .seconds(1), trials: 1)
        }
        var reports: [AttemptReport] = []
        for _ in 0..<2 {
            _ = dispatcher.attemptStarted(0, load: 0, now: 0)
            reports.append(
                dispatcher.answered(0, AttemptOutcome(status: 503), route: 0, after: 10, admitted: 0, now: 0))
            dispatcher.attemptEnded(0, wasJudged: true, admitted: 0, load: 0, now: 0)
        }
        #expect(reports[0].isEmpty && reports[1].endpointCause == .consecutiveFailures(2))
        for now in stride(from: Int64(0), to: 850_000, by: 50_000) {
            #expect(choose(&dispatcher, now: now) == .endpoint(1))
        }
        #expect(choose(&dispatcher, excluding: TriedEndpoints([1]), now: 800_000) == .exhausted)
        // One trial, and no second one beside it.
        #expect(choose(&dispatcher, excluding: TriedEndpoints([1]), now: 1_000_001) == .endpoint(0))
        let report = dispatcher.attemptStarted(0, load: 0, now: 1_000_001)
        #expect(report.endpointBreaker == .halfOpen(openings: 1))
        #expect(choose(&dispatcher, excluding: TriedEndpoints([1]), now: 1_000_002) == .exhausted)
        _ = dispatcher.answered(
            0, AttemptOutcome(status: 200), route: 0, after: 10, admitted: 1_000_001, now: 1_000_100)
        dispatcher.attemptEnded(0, wasJudged: true, admitted: 1_000_001, load: 0, now: 1_000_100)
        #expect(choose(&dispatcher, excluding: TriedEndpoints([1]), now: 1_000_101) == .endpoint(0))
    }

    @Test func withEveryBreakerOpenItSaysSo() {
        var dispatcher = Self.dispatcher(2) { $0.endpointBreaker = BreakerRules() }
        for index in 0..<2 {
            dispatcher.adoptBreaker(of: index, .open(until: 1_000_000, openings: 1), now: 0)
        }
        #expect(choose(&dispatcher, now: 10) == .breakerOpen)
        #expect(choose(&dispatcher, now: 1_000_000) == .endpoint(0))
    }

    @Test func thePoolsBreakerRefusesEverything() {
        var dispatcher = Self.dispatcher(2) { $0.poolBreaker = BreakerRules() }
        #expect(choose(&dispatcher) == .endpoint(0))
        dispatcher.adoptBreaker(of: nil, .open(until: 1_000_000, openings: 1), now: 0)
        #expect(choose(&dispatcher, now: 999_999) == .breakerOpen)
        #expect(choose(&dispatcher, now: 1_000_000) == .endpoint(1))
    }

    @Test func tellsFailuresInARowOnceAndForgetsThemWithAReturn() {
        var dispatcher = Self.dispatcher(2) {
            $0.outliers = OutlierRules(consecutive5xx: 3, consecutiveGatewayErrors: 3)
        }
        func answer(_ status: Int) -> Int? {
            dispatcher.answered(0, AttemptOutcome(status: status), route: 0, after: 10, admitted: 0, now: 0)
                .failedInARow?.count
        }
        #expect([500, 500, 200, 500, 500, 500, 500, 500].map(answer) == [nil, nil, nil, nil, nil, 3, nil, nil])
        dispatcher.setAvailable(0, false, now: 0)
        dispatcher.setAvailable(0, true, now: 0)
        #expect([500, 500, 500].map(answer) == [nil, nil, 3])
        // No response is a gateway error, and so is a connection that was not made.
        let reports = [AttemptFault.notConnected, .broke, .notConnected, .broke].map {
            dispatcher.gaveNone(0, $0, route: 0, overdueIn: 0, after: 1, admitted: 0, now: 0)
        }
        #expect(reports.map { $0.failedInARow?.kind } == [nil, nil, .gatewayError, nil])
    }

    @Test func aRefusedConnectionIsMovedOnAtOnceAndAtNoCost() {
        var dispatcher = Self.dispatcher(3) {
            $0.retries.budgetPercent = 0
            $0.retries.minimumPerSecond = 0
        }
        let failures: [RetryPolicy.Failure] = [
            .connectRefused, .freshConnectionDied, .badResponse, .reusedConnectionDied,
        ]
        let verdicts = failures.map { dispatcher.decide(after: $0, of: progress(), now: 0) }
        #expect(
            verdicts == [
                .retry(after: 0, isBudgeted: false), .giveUp(isDenied: true), .giveUp(isDenied: false),
                .replaceConnection,
            ])
    }

    @Test func theBudgetCountsRetriesInFlight() {
        var dispatcher = Self.dispatcher(3) {
            $0.retries.minimumPerSecond = 0
            $0.retries.backoff = .zero
        }
        let areIn = (0..<10).map { _ in dispatcher.arrived(.normal, now: 0) }
        #expect(areIn.allSatisfy { $0 })
        let allowed = PoolDispatcher.Verdict.retry(after: 0, isBudgeted: true)
        let verdicts = (0..<3).map { _ in dispatcher.decide(after: .tryTimedOut, of: progress(), now: 0) }
        #expect(verdicts == [allowed, allowed, .giveUp(isDenied: true)])
        dispatcher.retryEnded()
        let afterOneEnded = dispatcher.decide(after: .tryTimedOut, of: progress(), now: 0)
        #expect(afterOneEnded == allowed)
        for _ in 0..<2 { dispatcher.retryEnded() }
        for _ in 0..<10 { dispatcher.departed(latency: nil, now: 0) }
        let withNobodyIn = dispatcher.decide(after: .tryTimedOut, of: progress(), now: 0)
        #expect(withNobodyIn == .giveUp(isDenied: true))
    }

    @Test func aHedgeIsAnAttemptOfTheBudget() {
        var dispatcher = Self.dispatcher(3) {
            $0.hedging = HedgingRules(after: .milliseconds(10))
            $0.retries.attempts = 2
            $0.retries.minimumPerSecond = 1
        }
        let answers = [progress(attempts: 2), progress(), progress()].map { dispatcher.mayAskAnother($0, now: 0) }
        #expect(answers == [false, true, false])
    }

    /// What an endpoint is judged by: a client's mistakes are not its own.
    @Test func eachStatusIsOneOutcome() {
        for status in 100...999 {
            let expected: AttemptOutcome =
                switch status {
                case 502, 504: .unavailable
                // Any client can have it say so.
                case 501, 505: .served
                case 500...: .failed
                default: .served
                }
            #expect(AttemptOutcome(status: status) == expected, "\(status)")
        }
    }
}
