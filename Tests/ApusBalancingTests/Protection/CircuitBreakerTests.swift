import ApusBalancing
import ApusModel
import Testing

/// Exact sequences of one breaker; `CircuitBreakerPropertyTests` has what holds for all sequences.
@Suite struct CircuitBreakerTests {
    static let second: Int64 = 1_000_000

    /// Opens after three failures in a row, for two seconds at first and eight at most; two trials.
    static func consecutive(trials: Int = 2) -> BreakerRules {
        BreakerRules(
            consecutiveFailures: 3, failurePercent: nil, open: .seconds(2), maximumOpen: .seconds(8), trials: trials)
    }

    static func ratios(failure: Int? = nil, slow: Int? = nil, volume: Int = 10) -> BreakerRules {
        BreakerRules(
            consecutiveFailures: nil, failurePercent: failure, slowPercent: slow, window: .seconds(10),
            minimumVolume: volume, open: .seconds(2))
    }

    /// Until when it is open; nil if it is not.
    static func until(_ breaker: CircuitBreaker) -> Int64? {
        if case .open(let until, _) = breaker.state { until } else { nil }
    }

    /// A breaker opened by failures at `now`.
    static func opened(_ rules: BreakerRules = consecutive(), workers: Int = 1, now: Int64) -> CircuitBreaker {
        var breaker = CircuitBreaker(rules, workers: workers, seed: 7)
        for _ in 0..<3 { _ = breaker.failed(admitted: now, now: now) }
        return breaker
    }

    @Test func opensAfterFailuresInARowAndNotBefore() throws {
        var breaker = CircuitBreaker(Self.consecutive(), workers: 4, seed: 1)
        #expect(breaker.admit(now: 0) == true)
        #expect(breaker.failed(admitted: 0, now: 1) == nil)
        #expect(breaker.failed(admitted: 0, now: 2) == nil)
        #expect(breaker.succeeded(isSlow: false, admitted: 0, now: 3) == nil)
        #expect(breaker.failed(admitted: 0, now: 4) == nil)
        #expect(breaker.failed(admitted: 0, now: 5) == nil)
        #expect(breaker.state == .closed)
        let changeMade = breaker.failed(admitted: 0, now: 6)
        let change = try #require(changeMade)
        #expect(change.cause == .consecutiveFailures(3))
        let until = try #require(Self.until(breaker))
        #expect(change.state == .open(until: until, openings: 1))
        // A tenth at most is taken off.
        #expect((6 + 1_800_000...6 + 2_000_000).contains(until))
        #expect(breaker.isOpen(now: until - 1) && !breaker.admit(now: until - 1))
    }

    @Test func closesWhenEveryTrialSucceeded() throws {
        var breaker = Self.opened(now: 0)
        let until = try #require(Self.until(breaker))
        #expect(!breaker.isOpen(now: until))
        #expect(breaker.admit(now: until) == true)
        #expect(breaker.state == .halfOpen(openings: 1))
        #expect(breaker.admit(now: until + 1) == true)
        #expect(breaker.isOpen(now: until + 2) && !breaker.admit(now: until + 2))
        #expect(breaker.succeeded(isSlow: false, admitted: until, now: until + 3) == nil)
        // Its place is not given again: two trials in all.
        #expect(breaker.admit(now: until + 4) == false)
        let change = breaker.succeeded(isSlow: false, admitted: until + 1, now: until + 5)
        #expect(change == BreakerChange(state: .closed, cause: nil))
        #expect(breaker.admit(now: until + 6) == true)
    }

    @Test func aFailedTrialOpensForTwiceAsLongUpToTheMaximum() throws {
        var breaker = Self.opened(now: 0)
        for (opening, seconds) in [(2, 4), (3, 8), (4, 8), (5, 8)] {
            let now = try #require(Self.until(breaker))
            #expect(breaker.admit(now: now) == true)
            let changeMade = breaker.failed(admitted: now, now: now)
            let change = try #require(changeMade)
            #expect(change.cause == .trialFailed)
            let until = try #require(Self.until(breaker))
            #expect(change.state == .open(until: until, openings: opening))
            let length = Int64(seconds) * Self.second
            #expect((length - length / 10...length).contains(until - now))
        }
        // Closing resets the growth.
        let now = try #require(Self.until(breaker))
        for _ in 0..<2 { #expect(breaker.admit(now: now) == true) }
        for _ in 0..<2 { _ = breaker.succeeded(isSlow: false, admitted: now, now: now) }
        #expect(breaker.state == .closed)
        for _ in 0..<3 { _ = breaker.failed(admitted: now, now: now) }
        #expect(try #require(Self.until(breaker)) <= now + 2 * Self.second)
    }

    @Test func jitterIsTheSeeds() {
        func untils(seed: UInt64) -> [Int64?] {
            (0..<20).map { step in
                var breaker = CircuitBreaker(Self.consecutive(), workers: 1, seed: seed &+ UInt64(step))
                for _ in 0..<3 { _ = breaker.failed(admitted: 0, now: 0) }
                return Self.until(breaker)
            }
        }
        #expect(untils(seed: 3) == untils(seed: 3))
        #expect(Set(untils(seed: 3)).count > 15)
    }

    @Test func aCancelledTrialGivesItsPlaceBack() throws {
        var breaker = Self.opened(Self.consecutive(trials: 1), now: 0)
        let now = try #require(Self.until(breaker))
        #expect(breaker.admit(now: now) == true)
        #expect(breaker.admit(now: now) == false)
        breaker.cancelled(admitted: now, now: now + 1)
        #expect(breaker.state == .halfOpen(openings: 1))
        #expect(breaker.admit(now: now + 2) == true)
        #expect(breaker.admit(now: now + 2) == false)
    }

    @Test func whatWasLetInBeforeTheLastChangeDoesNotCount() throws {
        var breaker = CircuitBreaker(Self.consecutive(), workers: 1, seed: 7)
        #expect(breaker.admit(now: 10) == true)
        for _ in 0..<3 { _ = breaker.failed(admitted: 11, now: 20) }
        let now = try #require(Self.until(breaker))
        // While it is open,
        #expect(breaker.failed(admitted: 10, now: 30) == nil)
        #expect(breaker.succeeded(isSlow: false, admitted: 10, now: 31) == nil)
        #expect(Self.until(breaker) == now)
        // while it is half-open,
        #expect(breaker.admit(now: now) && breaker.admit(now: now))
        breaker.cancelled(admitted: 10, now: now + 1)
        #expect(
            breaker.admit(now: now + 1) == false, "a request from before was no trial and has no place to give back")
        #expect(breaker.failed(admitted: 10, now: now + 1) == nil)
        #expect(breaker.succeeded(isSlow: false, admitted: 10, now: now + 1) == nil)
        #expect(breaker.succeeded(isSlow: false, admitted: 10, now: now + 1) == nil)
        #expect(breaker.state == .halfOpen(openings: 1))
        // and when it is closed again.
        for _ in 0..<2 { _ = breaker.succeeded(isSlow: false, admitted: now, now: now + 2) }
        #expect(breaker.state == .closed)
        for _ in 0..<9 { #expect(breaker.failed(admitted: 10, now: now + 3) == nil) }
        #expect(breaker.state == .closed)
    }

    @Test func trialsThatNeverAnswerAreReplaced() throws {
        var breaker = Self.opened(now: 0)
        let now = try #require(Self.until(breaker))
        #expect(breaker.admit(now: now) && breaker.admit(now: now))
        let later = now + 2 * Self.second
        #expect(breaker.isOpen(now: later - 1) && !breaker.admit(now: later - 1))
        #expect(!breaker.isOpen(now: later))
        #expect(breaker.admit(now: later) && breaker.admit(now: later))
        #expect(breaker.admit(now: later) == false)
        // One that was given up has no place to give back, but what it tells still counts.
        breaker.cancelled(admitted: now, now: later)
        #expect(breaker.admit(now: later) == false)
        #expect(breaker.failed(admitted: now, now: later + 1)?.cause == .trialFailed)
    }

    @Test func failureRatioNeedsItsVolumeWithinTheWindow() {
        var breaker = CircuitBreaker(Self.ratios(failure: 50), workers: 1, seed: 1)
        for _ in 0..<4 { #expect(breaker.succeeded(isSlow: false, admitted: 0, now: 0) == nil) }
        for _ in 0..<5 { #expect(breaker.failed(admitted: 0, now: 0) == nil, "nine requests are too few") }
        #expect(breaker.succeeded(isSlow: false, admitted: 0, now: 0) == nil)
        // 5 of 10 would have opened it, had the tenth been a failure; 6 of 11 does.
        #expect(breaker.failed(admitted: 0, now: 0)?.cause == .failures(failed: 6, total: 11))
        var sparse = CircuitBreaker(Self.ratios(failure: 50), workers: 1, seed: 1)
        for step in 0..<100 {
            let now = Int64(step) * 1_200_000
            #expect(sparse.failed(admitted: now, now: now) == nil, "never ten within ten seconds")
        }
    }

    @Test func theWindowForgetsATenthAtATime() {
        var breaker = CircuitBreaker(Self.ratios(failure: 50), workers: 1, seed: 1)
        for _ in 0..<100 { _ = breaker.succeeded(isSlow: false, admitted: 0, now: 0) }
        let end = 10 * Self.second
        for _ in 0..<50 { #expect(breaker.failed(admitted: 0, now: end - 1) == nil) }
        // The hundred good ones leave with the first second.
        #expect(breaker.failed(admitted: 0, now: end)?.cause == .failures(failed: 51, total: 51))
        var quiet = CircuitBreaker(Self.ratios(failure: 50), workers: 1, seed: 1)
        for _ in 0..<9 { _ = quiet.failed(admitted: 0, now: 0) }
        #expect(quiet.failed(admitted: 0, now: 1_000 * Self.second) == nil)
    }

    @Test func slowAnswersOpenItAndASlowTrialFails() throws {
        var breaker = CircuitBreaker(Self.ratios(slow: 60), workers: 1, seed: 1)
        for step in 0..<12 where breaker.state == .closed {
            let change = breaker.succeeded(isSlow: step >= 4, admitted: 0, now: 0)
            #expect(change?.cause == (step < 9 ? nil : .slowCalls(slow: 6, total: 10)))
        }
        let now = try #require(Self.until(breaker))
        #expect(breaker.admit(now: now) == true)
        #expect(breaker.succeeded(isSlow: true, admitted: now, now: now)?.cause == .trialFailed)
        // Where slowness is not looked at, a slow trial is a good one.
        var other = Self.opened(Self.consecutive(trials: 1), now: 0)
        let then = try #require(Self.until(other))
        #expect(other.admit(now: then) == true)
        #expect(other.succeeded(isSlow: true, admitted: then, now: then)?.state == .closed)
    }

    @Test func workersShareVolumeAndTrials() throws {
        var breaker = CircuitBreaker(Self.ratios(failure: 50, volume: 10), workers: 4, seed: 1)
        for _ in 0..<2 { #expect(breaker.failed(admitted: 0, now: 0) == nil) }
        #expect(breaker.failed(admitted: 0, now: 0)?.cause == .failures(failed: 3, total: 3))
        for (trials, workers, share) in [(8, 4, 2), (9, 4, 2), (3, 8, 1)] {
            var breaker = Self.opened(Self.consecutive(trials: trials), workers: workers, now: 0)
            let now = try #require(Self.until(breaker))
            #expect((0..<20).count { _ in breaker.admit(now: now) } == share)
        }
    }
}
