import ApusBalancing
import ApusModel
import Testing

/// What a breaker makes of the changes of other workers' breakers.
@Suite struct CircuitBreakerAdoptionTests {
    static let second: Int64 = 1_000_000
    static let rules = BreakerRules(
        consecutiveFailures: 1, failurePercent: nil, open: .seconds(2), maximumOpen: .seconds(8), trials: 1)

    static func breaker(seed: UInt64 = 1) -> CircuitBreaker { CircuitBreaker(rules, workers: 1, seed: seed) }

    @Test func opensAndClosesWithTheOthers() {
        var breaker = Self.breaker()
        breaker.adopt(.open(until: 100, openings: 3), now: 10)
        #expect(breaker.state == .open(until: 100, openings: 3))
        #expect(breaker.admit(now: 99) == false)
        // Another's trials have succeeded: after the end, before this worker tried by itself.
        breaker.adopt(.closed, now: 101)
        #expect(breaker.state == .closed && breaker.admit(now: 101))
        breaker.adopt(.open(until: 300, openings: 1), now: 200)
        #expect(breaker.admit(now: 300) == true)
        breaker.adopt(.closed, now: 301)
        #expect(breaker.state == .closed)
        // Its own trial, still out, was let in before and tells nothing any more.
        #expect(breaker.failed(admitted: 300, now: 302) == nil)
        #expect(breaker.state == .closed)
    }

    @Test func aTrialOfItsOwnGoesOnGrowing() throws {
        var breaker = Self.breaker()
        breaker.adopt(.open(until: 100, openings: 2), now: 10)
        #expect(breaker.admit(now: 100) == true)
        let changeMade = breaker.failed(admitted: 100, now: 101)
        let change = try #require(changeMade)
        guard case .open(let until, openings: 3) = change.state else {
            Issue.record("\(change)")
            return
        }
        #expect((101 + 7_200_000...101 + 8_000_000).contains(until))
    }

    @Test func oldNewsChangesNothing() {
        var breaker = Self.breaker()
        breaker.adopt(.open(until: 100, openings: 1), now: 100)
        #expect(breaker.state == .closed, "an opening that has ended")
        breaker.adopt(.open(until: 500, openings: 2), now: 110)
        breaker.adopt(.open(until: 300, openings: 1), now: 111)
        #expect(breaker.state == .open(until: 500, openings: 2), "the opening before")
        breaker.adopt(.closed, now: 112)
        #expect(breaker.state == .open(until: 500, openings: 2), "a close from before this opening")
        breaker.adopt(.halfOpen(openings: 1), now: 113)
        #expect(breaker.state == .open(until: 500, openings: 2))
        #expect(breaker.admit(now: 500) == true)
        breaker.adopt(.open(until: 500, openings: 2), now: 501)
        #expect(breaker.state == .halfOpen(openings: 2), "the opening that it is trying to end")
    }

    /// One worker's trial succeeds as another's fails: whichever hears of the other first, both end open.
    @Test(arguments: [false, true]) func aFailedTrialOutweighsOneThatSucceeded(closedIsHeardFirst: Bool) throws {
        var one = Self.breaker(seed: 1)
        var other = Self.breaker(seed: 2)
        one.adopt(.open(until: 100, openings: 1), now: 10)
        other.adopt(.open(until: 100, openings: 1), now: 10)
        #expect(one.admit(now: 100) && other.admit(now: 100))
        let closedMade = one.succeeded(isSlow: false, admitted: 100, now: 105)
        let closed = try #require(closedMade)
        let openedMade = other.failed(admitted: 100, now: 105)
        let opened = try #require(openedMade)
        if closedIsHeardFirst {
            other.adopt(closed.state, now: 106)
            one.adopt(opened.state, now: 107)
        } else {
            one.adopt(opened.state, now: 106)
            other.adopt(closed.state, now: 107)
        }
        #expect(one.state == opened.state)
        #expect(other.state == opened.state)
    }

    /// Trials of an opening heard of late are still given enough time before they are replaced.
    @Test func trialsOfAnOpeningHeardOfLateAreNotHurried() {
        var breaker = Self.breaker()
        breaker.adopt(.open(until: 100, openings: 1), now: 99)
        #expect(breaker.admit(now: 100) == true)
        #expect(breaker.admit(now: 102) == false)
        #expect(breaker.admit(now: 100 + 2 * Self.second) == true)
    }

    /// Several workers, each with its own breaker, changes delivered late and in any order: once the news is through,
    /// they agree, and nobody lets through what the common state forbids.
    @Test(arguments: 0..<60 as Range<UInt64>) func workersAgreeOnceTheNewsIsThrough(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var breakers = (0..<4).map { CircuitBreaker(Self.rules, workers: 4, seed: seed &* 4 &+ UInt64($0)) }
        var mail: [(worker: Int, state: BreakerState)] = []
        var out: [(worker: Int, admitted: Int64)] = []
        var now: Int64 = 1
        for _ in 0..<3_000 {
            now += Int64(random.next(below: 40_000))
            let worker = random.next(below: 4)
            if breakers[worker].admit(now: now) { out.append((worker, now)) }
            if !out.isEmpty, random.next(below: 3) > 0 {
                let (worker, admitted) = out.remove(at: random.next(below: out.count))
                let isGood = random.next(below: 10) > 0
                let change =
                    isGood
                    ? breakers[worker].succeeded(isSlow: false, admitted: admitted, now: now)
                    : breakers[worker].failed(admitted: admitted, now: now)
                if let change {
                    for other in 0..<4 where other != worker { mail.append((other, change.state)) }
                }
            }
            while !mail.isEmpty, random.next(below: 4) > 0 {
                let (worker, state) = mail.remove(at: random.next(below: mail.count))
                breakers[worker].adopt(state, now: now)
            }
            if mail.isEmpty {
                let open = breakers.filter { if case .open(let until, _) = $0.state { until > now } else { false } }
                #expect(open.isEmpty || open.count == 4, "\(breakers.map(\.state)) at \(now)")
                #expect(Set(open.map(\.state)).count <= 1, "\(breakers.map(\.state)) at \(now)")
            }
        }
    }
}
