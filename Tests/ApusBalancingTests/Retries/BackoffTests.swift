import ApusBalancing
import ApusModel
import Testing

@Suite struct BackoffTests {
    static let backoff = Backoff(RetryRules(backoff: .milliseconds(10), maximumBackoff: .milliseconds(70)))

    @Test(arguments: [(2, 10_000), (3, 20_000), (4, 40_000), (5, 70_000), (6, 70_000), (64, 70_000), (1_000, 70_000)])
    func pausesAreDrawnEvenlyFromZeroToTheLongest(attempt: Int, longest: Int) {
        var random = SplitMix64(seed: UInt64(attempt))
        let draws = 100_000
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<draws {
            let pause = Int(Self.backoff.pause(beforeAttempt: attempt, &random))
            #expect((0...longest).contains(pause))
            tenths[min(9, pause * 10 / longest)] += 1
        }
        // Chi-square with nine degrees of freedom: above 33.7 once in ten thousand.
        let expected = Double(draws) / 10
        let chiSquare = tenths.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        #expect(chiSquare < 33.7, "\(tenths)")
    }

    @Test func theFirstAttemptWaitsForNothing() {
        var random = SplitMix64(seed: 1)
        for attempt in -1...1 { #expect(Self.backoff.pause(beforeAttempt: attempt, &random) == 0) }
        let none = Backoff(RetryRules(backoff: .zero, maximumBackoff: .seconds(1)))
        for attempt in 2...200 { #expect(none.pause(beforeAttempt: attempt, &random) == 0) }
        // A longest pause below the first is obeyed from the first on.
        let short = Backoff(RetryRules(backoff: .seconds(1), maximumBackoff: .microseconds(5)))
        for _ in 0..<100 { #expect(short.pause(beforeAttempt: 2, &random) <= 5) }
    }
}
