import ApusBalancing
import ApusModel
import Testing

/// What can be said of the adaptive limit exactly; how it finds the limit is in `AdaptiveConcurrencyServiceTests`.
@Suite struct AdaptiveConcurrencyTests {
    static let second: Int64 = 1_000_000

    static func limit(initial: Int, minimum: Int = 1, maximum: Int = 1_000, workers: Int = 1) -> AdaptiveConcurrency {
        AdaptiveConcurrency(
            ConcurrencyRules(initial: initial, minimum: minimum, maximum: maximum), workers: workers, now: 0)
    }

    /// How many get in when nothing ends.
    static func admitted(_ limit: AdaptiveConcurrency, _ priority: Priority) -> Int {
        var limit = limit
        return (0..<10_000).count { _ in limit.admit(priority, now: 0) }
    }

    @Test(arguments: [
        (1, [1, 1, 2]), (2, [1, 2, 3]), (3, [2, 3, 4]), (4, [3, 4, 5]), (5, [4, 5, 6]), (9, [7, 9, 11]),
        (10, [8, 10, 12]), (100, [80, 100, 120]),
    ])
    func prioritiesDifferEvenWhenTheLimitIsSmall(initial: Int, expected: [Int]) {
        let limit = Self.limit(initial: initial)
        #expect(Priority.allCases.map { Self.admitted(limit, $0) } == expected)
    }

    @Test func workersShareTheBounds() {
        #expect(Self.limit(initial: 100, workers: 8).limit == 13)
        #expect(Self.limit(initial: 1, workers: 8).limit == 1)
        #expect(Self.limit(initial: 5, minimum: 10, workers: 2).limit == 5)
        #expect(Self.limit(initial: 5_000, maximum: 1_000, workers: 2).limit == 500)
    }

    /// `parallel` requests at a time, each answered after `latency`, for so many seconds.
    static func run(
        _ limit: inout AdaptiveConcurrency, parallel: Int, latency: Int64?, from start: Int64, seconds: Int
    ) -> Int64 {
        let length = latency ?? 10_000
        var now = start
        while now < start + Int64(seconds) * second {
            let count = (0..<parallel).count { _ in limit.admit(.normal, now: now) }
            now += length
            for _ in 0..<count { limit.ended(latency: latency, now: now) }
        }
        return now
    }

    @Test func staysWhileItIsNotUsed() {
        var limit = Self.limit(initial: 100)
        var now = Self.run(&limit, parallel: 10, latency: 10_000, from: 0, seconds: 100)
        now = Self.run(&limit, parallel: 40, latency: 10_000, from: now, seconds: 100)
        #expect(limit.limit == 100 && limit.inFlight == 0)
        #expect(limit.unloadedLatency == 10_000)
    }

    @Test func growsByItsRootWhileItIsUsedUpToTheMaximum() {
        var limit = Self.limit(initial: 100, maximum: 150)
        // Known to be unloaded at ten; the same at eighty: trusted.
        var now = Self.run(&limit, parallel: 10, latency: 10_000, from: 0, seconds: 3)
        var seen: [Int] = []
        for _ in 0..<8 {
            now = Self.run(&limit, parallel: 200, latency: 10_000, from: now, seconds: 1)
            seen.append(limit.limit)
        }
        #expect(seen.contains(110) && seen.last == 150)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func shrinksByHalfAtMostAndNotBelowTheMinimum() {
        var limit = Self.limit(initial: 100, minimum: 20)
        var now = Self.run(&limit, parallel: 10, latency: 10_000, from: 0, seconds: 3)
        now = Self.run(&limit, parallel: 70, latency: 10_000, from: now, seconds: 2)
        let before = limit.limit
        var seen = [before]
        for load in stride(from: 1, through: 30, by: 1) {
            // Each time ten times slower than tolerated, as if ever more were waiting.
            now = Self.run(&limit, parallel: 200, latency: 150_000 * Int64(load), from: now, seconds: 1)
            seen.append(limit.limit)
        }
        #expect(seen.min()! >= 20 && seen.min()! < before)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $1 * 2 >= $0 - 1 })
    }

    /// Requests that told nothing move nothing.
    @Test func whatToldNothingMovesNothing() {
        var limit = Self.limit(initial: 100)
        _ = Self.run(&limit, parallel: 200, latency: nil, from: 0, seconds: 60)
        #expect(limit.limit == 100 && limit.unloadedLatency == 0)
    }

    /// Origins that accept and never answer: no more than the limit waits for them, and it is there again when they are.
    @Test func aHungServiceHoldsTheLimitAndNoMore() {
        var limit = Self.limit(initial: 100)
        var now = Self.run(&limit, parallel: 100, latency: 10_000, from: 0, seconds: 1)
        var count = 0
        for _ in 0..<600 {
            now += 100_000
            for _ in 0..<10 where limit.admit(.normal, now: now) { count += 1 }
        }
        #expect(count > 0 && limit.inFlight == count && count <= 130, "\(count)")
        for _ in 0..<count { limit.ended(latency: nil, now: now) }
        now = Self.run(&limit, parallel: 50, latency: 10_000, from: now, seconds: 60)
        #expect(limit.limit >= 50, "\(limit.limit)")
    }

    /// Any order of calls: within its bounds, and never more in flight than the highest priority may have.
    @Test(arguments: 0..<10 as Range<UInt64>) func boundsHold(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let minimum = 1 + random.next(below: 10)
        let maximum = minimum + random.next(below: 100)
        var limit = Self.limit(initial: 1 + random.next(below: 100), minimum: minimum, maximum: maximum)
        var now: Int64 = 0
        var running = 0
        for _ in 0..<6_000 {
            now += Int64(random.next(below: 12_000))
            let isAdmitted = limit.admit(Priority.allCases[random.next(below: 3)], now: now)
            if isAdmitted { running += 1 }
            #expect(!isAdmitted || running <= max(limit.limit + 1, (limit.limit * 6 + 4) / 5))
            if running > 0, random.next(below: 100) < 55 {
                running -= 1
                let latency = Int64(1 + random.next(below: random.next(below: 8) == 0 ? 1_000_000 : 30_000))
                limit.ended(latency: random.next(below: 9) == 0 ? nil : latency, now: now)
            }
            #expect((minimum...maximum).contains(limit.limit) && limit.inFlight == running)
        }
    }
}
