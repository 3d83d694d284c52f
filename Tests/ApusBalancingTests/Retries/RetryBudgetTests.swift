import ApusBalancing
import ApusModel
import Testing

@Suite struct RetryBudgetTests {
    static let second: Int64 = 1_000_000

    static func budget(percent: Int = 20, perSecond: Int = 0, workers: Int = 1, requests: Int = 0) -> RetryBudget {
        var budget = RetryBudget(
            RetryRules(budgetPercent: percent, minimumPerSecond: perSecond), workers: workers, now: 0)
        for _ in 0..<requests { budget.requestStarted() }
        return budget
    }

    /// How many retries are allowed at once.
    static func allowed(_ budget: inout RetryBudget, now: Int64) -> Int {
        var count = 0
        while count < 10_000, budget.tryRetry(now: now) { count += 1 }
        return count
    }

    @Test(arguments: [(0, 0), (1, 0), (4, 0), (5, 1), (9, 1), (10, 2), (100, 20), (1_000, 200)])
    func aShareOfTheRequestsInFlight(requests: Int, retries: Int) {
        var budget = Self.budget(requests: requests)
        #expect(Self.allowed(&budget, now: 0) == retries)
        #expect(budget.retriesInFlight == retries)
        for _ in 0..<retries { budget.retryEnded() }
        #expect(Self.allowed(&budget, now: 0) == retries, "what has ended makes room")
    }

    @Test func fewerRequestsAllowFewerRetries() {
        var budget = Self.budget(requests: 100)
        #expect(Self.allowed(&budget, now: 0) == 20)
        for _ in 0..<50 { budget.requestEnded() }
        for _ in 0..<10 { budget.retryEnded() }
        #expect(budget.tryRetry(now: 0) == false)
        budget.retryEnded()
        #expect(budget.tryRetry(now: 0) == true)
    }

    @Test func aFewPerSecondWhateverTheShare() {
        var budget = Self.budget(perSecond: 3)
        #expect(Self.allowed(&budget, now: 0) == 3, "a second's worth at first")
        #expect(Self.allowed(&budget, now: 333_333) == 0)
        #expect(Self.allowed(&budget, now: 333_334) == 1)
        #expect(Self.allowed(&budget, now: 1_000_000) == 2)
        #expect(Self.allowed(&budget, now: 3_600 * Self.second) == 3, "an hour's rest is worth no more")
        #expect(Self.allowed(&budget, now: Int64.max / 2) == 3)
    }

    @Test func workersDivideThem() {
        var budget = Self.budget(perSecond: 3, workers: 12)
        #expect(Self.allowed(&budget, now: 0) == 1, "at least one")
        var count = 0
        for millisecond in 1...40_000 where budget.tryRetry(now: Int64(millisecond) * 1_000) { count += 1 }
        #expect(count == 10, "a quarter of one a second, for forty seconds")
        var none = Self.budget(percent: 0, perSecond: 0, workers: 3, requests: 1_000)
        #expect(Self.allowed(&none, now: 100 * Self.second) == 0)
    }

    /// The share first: tokens are kept for when it is used up.
    @Test func tokensComeOnTop() {
        var budget = Self.budget(perSecond: 3, requests: 10)
        #expect(Self.allowed(&budget, now: 0) == 5)
    }

    /// Whatever comes and goes: beyond the share there are never more retries than tokens, and those never come faster
    /// than their rate.
    @Test(arguments: 0..<100 as Range<UInt64>) func isNeverExceededBeyondItsFloor(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let percent = random.next(below: 60)
        let perSecond = random.next(below: 6)
        let workers = 1 + random.next(below: 4)
        var budget = Self.budget(percent: percent, perSecond: perSecond, workers: workers)
        var now: Int64 = 0
        var fromTokens: [Int64] = []
        for _ in 0..<5_000 {
            now += Int64(random.next(below: 30_000))
            switch random.next(below: 8) {
            case 0...2: budget.requestStarted()
            case 3: if budget.requestsInFlight > 0 { budget.requestEnded() }
            case 4: if budget.retriesInFlight > 0 { budget.retryEnded() }
            default:
                let isWithin = (budget.retriesInFlight + 1) * 100 <= percent * budget.requestsInFlight
                let isAllowed = budget.tryRetry(now: now)
                if isWithin { #expect(isAllowed) }
                if isAllowed && !isWithin { fromTokens.append(now) }
            }
        }
        let rate = Double(perSecond) / Double(workers)
        for (index, start) in fromTokens.enumerated() {
            // Any stretch of time: the tokens that were there, and those that came.
            for end in [index, min(index + 7, fromTokens.count - 1), fromTokens.count - 1] {
                let most = max(1, rate) + rate * Double(fromTokens[end] - start) / Double(Self.second)
                #expect(Double(end - index + 1) <= most + 1e-6)
            }
        }
        #expect(perSecond > 0 || fromTokens.isEmpty)
    }
}
