import ApusBalancing
import ApusModel
import Testing

@Suite struct HedgingTests {
    static let hedging = Hedging(HedgingRules(after: .milliseconds(50)))

    static func budget(requests: Int) -> RetryBudget {
        var budget = RetryBudget(RetryRules(budgetPercent: 20, minimumPerSecond: 0), workers: 1, now: 0)
        for _ in 0..<requests { budget.requestStarted() }
        return budget
    }

    @Test func onlyWhatIsSafeUnansweredAndAloneIsHedged() {
        for bits in 0..<8 {
            for attempts in 0...2 {
                var budget = Self.budget(requests: 100)
                let progress = Hedging.Progress(
                    isIdempotent: bits & 1 != 0, isReplayable: bits & 2 != 0, hasBegun: bits & 4 != 0,
                    attemptsInFlight: attempts)
                let decision = Self.hedging.decide(progress, sent: 0, budget: &budget, now: 50_000)
                let isEligible = bits == 3 && attempts == 1
                #expect(decision == (isEligible ? .send : .leave))
                #expect(budget.retriesInFlight == (isEligible ? 1 : 0))
            }
        }
    }

    @Test func notBeforeItsTimeAndNotBeyondTheBudget() {
        let progress = Hedging.Progress(isIdempotent: true, isReplayable: true, hasBegun: false, attemptsInFlight: 1)
        var budget = Self.budget(requests: 5)
        #expect(Self.hedging.decide(progress, sent: 10, budget: &budget, now: 50_009) == .wait(until: 50_010))
        #expect(budget.retriesInFlight == 0, "waiting costs nothing")
        #expect(Self.hedging.decide(progress, sent: 10, budget: &budget, now: 50_010) == .send)
        #expect(Self.hedging.decide(progress, sent: 20, budget: &budget, now: 60_000) == .leave)
        // A retry has the same budget.
        #expect(budget.tryRetry(now: 60_000) == false)
        budget.retryEnded()
        #expect(budget.tryRetry(now: 60_000) == true)
    }
}
