import ApusBalancing
import ApusModel
import Testing

/// What holds whatever happens: seeded random lives of one breaker, with requests that end late, badly or never.
@Suite struct CircuitBreakerPropertyTests {
    @Test(arguments: 0..<100 as Range<UInt64>) func openNeverAdmitsAndHalfOpenAdmitsItsTrials(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let trials = 1 + random.next(below: 4)
        let open: Int64 = 500_000
        let rules = BreakerRules(
            consecutiveFailures: 3, failurePercent: 40, slowPercent: 50, window: .seconds(1), minimumVolume: 8,
            open: .microseconds(open), maximumOpen: .seconds(4), trials: trials)
        var breaker = CircuitBreaker(rules, workers: 1, seed: seed)
        var out: [Int64] = []
        /// Trials let through by the half-open of now, and not cancelled since.
        var places: [Int64] = []
        var openings = 0
        var closings = 0
        var now: Int64 = 0
        for step in 0..<4_000 {
            let failing = step / 500 % 2 == 0 ? 1...6 : 1...1
            now += Int64(random.next(below: 20_000))
            let before = breaker.state
            let refuses = breaker.isOpen(now: now)
            let isAdmitted = breaker.admit(now: now)
            #expect(isAdmitted != refuses, "isOpen says what admit does")
            if case .open(let until, _) = before { #expect(isAdmitted == (now >= until)) }
            if case .halfOpen = breaker.state {
                if before != breaker.state { places = [] }
                if isAdmitted { places.append(now) }
                #expect(places.count { $0 > now - open } <= trials, "\(places) at \(now)")
            } else {
                #expect(breaker.state == before)
            }
            if isAdmitted && random.next(below: 30) > 0 { out.append(now) }
            guard !out.isEmpty, random.next(below: 5) > 0 else { continue }
            let admitted = out.remove(at: random.next(below: out.count))
            switch random.next(below: failing.count == 1 ? 40 : 10) {
            case 0:
                breaker.cancelled(admitted: admitted, now: now)
                if let place = places.firstIndex(of: admitted) { places.remove(at: place) }
            case failing:
                if let change = breaker.failed(admitted: admitted, now: now) {
                    openings += 1
                    #expect(change.cause != nil && change.state == breaker.state)
                }
            default:
                guard
                    let change = breaker.succeeded(
                        isSlow: random.next(below: 20) == 0, admitted: admitted, now: now)
                else { break }
                if change.state == .closed { closings += 1 } else { openings += 1 }
                #expect(change.state == breaker.state)
            }
        }
        #expect(openings > 0 && closings > 0, "\(openings) openings, \(closings) closings")
    }

    /// An origin that never answers a trial again: the breaker stays able to find out that it has come back.
    @Test func isNeverStuck() {
        var breaker = CircuitBreaker(BreakerRules(), workers: 1, seed: 3)
        for _ in 0..<5 { _ = breaker.failed(admitted: 0, now: 0) }
        var admitted = 0
        for second in 1...600 where breaker.admit(now: Int64(second) * 1_000_000) { admitted += 1 }
        #expect((240...270).contains(admitted), "three trials, five seconds behind the last: \(admitted)")
        let now: Int64 = 700_000_000
        for _ in 0..<3 {
            #expect(breaker.admit(now: now) == true)
            _ = breaker.succeeded(isSlow: false, admitted: now, now: now)
        }
        #expect(breaker.state == .closed)
    }

    /// Ten thousand of them are a few megabytes at most.
    @Test func isSmall() {
        #expect(MemoryLayout<CircuitBreaker>.stride <= 176, "\(MemoryLayout<CircuitBreaker>.stride)")
    }
}
