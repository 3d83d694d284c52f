import ApusBalancing
import ApusModel
import Testing

@Suite struct SlowStartTests {
    static let window = Duration.seconds(60)
    static let end: Int64 = 60_000_000

    /// A pool of so many endpoints, of which the first was down and is back at time 0.
    static func returned(
        _ balance: Balance, weights: [Int] = [1, 1, 1, 1, 1], aggression: Double = 1, seed: UInt64 = 1
    ) -> PoolPicker {
        var picker = PoolPicker(
            weights.map { Place(weight: $0) }, balance: balance,
            slowStart: SlowStart(window: window, aggression: aggression), seed: seed)
        picker.setAvailable(0, false, now: -1_000_000)
        picker.setAvailable(0, true, now: 0)
        return picker
    }

    /// What the first endpoint gets of what it will have, at time `now`: with requests in flight, so that algorithms
    /// that look at load have something to look at. Each request lasts as long as 40 others take to come.
    static func share(_ picker: inout PoolPicker, of count: Int, full: Double, now: Int64, picks: Int = 6_000) -> Double
    {
        var loads = Loads(loads: Array(repeating: 0, count: count))
        var inFlight: [Int] = []
        var first = 0
        for turn in 0..<picks {
            guard let index = picker.pick(load: loads, now: now) else { continue }
            first += index == 0 ? 1 : 0
            loads.loads[index] += 1
            picker.started(index, load: loads.loads[index])
            inFlight.append(index)
            guard turn >= 40 else { continue }
            let ended = inFlight[turn - 40]
            loads.loads[ended] -= 1
            picker.ended(ended, load: loads.loads[ended])
            picker.answered(ended, after: 1_000, now: now)
        }
        return Double(first) / Double(picks) / full
    }

    @Test(arguments: Balance.all(where: \.hasShares))
    func theShareGrowsWithTime(balance: Balance) {
        var picker = Self.returned(balance)
        for (tenth, noise) in [(1, 0.03), (3, 0.05), (5, 0.06), (8, 0.1), (9, 0.1)] {
            let share = Self.share(&picker, of: 5, full: 0.2, now: Self.end * Int64(tenth) / 10)
            // Between that part of its picks and the share of an endpoint with that part of its weight.
            let part = Double(tenth) / 10
            let bounds = part - noise...part * 5 / (4 + part) + noise
            #expect(bounds.contains(share), "\(balance) after \(tenth)/10: \(share)")
        }
        let last = Self.share(&picker, of: 5, full: 0.2, now: Self.end - 1)
        let full = Self.share(&picker, of: 5, full: 0.2, now: Self.end)
        #expect(abs(last - full) < 0.12, "\(balance): no jump at the end, \(last) to \(full)")
        #expect(abs(full - 1) < 0.1)
    }

    @Test(arguments: Balance.all { $0.hasShares && $0.looksAtWeights })
    func weightsCount(balance: Balance) {
        let weights = [4, 1, 2, 1]
        var steady = PoolPicker(weights.map { Place(weight: $0) }, balance: balance)
        // What it will have: of least requests, which draws two different ones by weight, a little less than its weight.
        let full = Self.share(&steady, of: 4, full: 1, now: 0, picks: 20_000)
        var picker = Self.returned(balance, weights: weights)
        let half = Self.share(&picker, of: 4, full: min(full, 0.5), now: Self.end / 2, picks: 20_000)
        #expect(abs(half - 0.5) < 0.06, "\(balance): \(half) of \(full)")
    }

    @Test func theRestGoesToTheOthersEvenly() {
        for balance in [Balance.roundRobin, .weightedRoundRobin, .weightedRandom] {
            var picker = Self.returned(balance)
            let counts = picker.counts(20_000, of: 5, now: Self.end / 4)
            // By turns: the share of a quarter of the weight. By chance: a quarter of the picks.
            let first = balance == .weightedRandom ? 0.05 : 0.25 / 4.25
            let other = (1 - first) / 4
            #expect(follow(counts, shares: [first, other, other, other, other]), "\(balance): \(counts)")
        }
    }

    @Test func atFirstItIsOnePercent() {
        var picker = Self.returned(.roundRobin)
        let counts = picker.counts(100_000, of: 5, now: 0)
        #expect((120...290).contains(counts[0]), "1% of a fifth: \(counts)")
    }

    @Test func aggressionBringsTheShareUpFaster() {
        var picker = Self.returned(.random, aggression: 2)
        // A quarter of the window, to the power of 1/2.
        let share = Self.share(&picker, of: 5, full: 0.2, now: Self.end / 4, picks: 20_000)
        #expect(abs(share - 0.5) < 0.05, "\(share)")
    }

    @Test func firstKeepsItsShareOfWhatIsNotFull() {
        var picker = Self.returned(.first)
        #expect(follow(picker.counts(10_000, of: 5, now: Self.end / 2), shares: [0.5, 0.5, 0, 0, 0]))
        #expect(picker.counts(10, of: 5, now: Self.end) == [10, 0, 0, 0, 0])
    }

    @Test func anEndpointThatWasNeverAwayStartsWithEverything() {
        var picker = PoolPicker([Place(), Place()], slowStart: SlowStart(window: Self.window))
        picker.setAvailable(0, true, now: 0)
        picker.setWeight(0, 1, now: 0)
        #expect(picker.counts(10, of: 2) == [5, 5])
    }

    @Test func aWeightAboveZeroAgainIsAReturn() {
        var picker = PoolPicker([Place(weight: 0), Place()], slowStart: SlowStart(window: Self.window))
        picker.setWeight(0, 1, now: 0)
        #expect(follow(picker.counts(4_000, of: 2, now: Self.end / 2), shares: [1, 2]))
        // More of a weight is none.
        picker.setWeight(0, 2, now: Self.end)
        #expect(picker.counts(10, of: 2, now: Self.end) == [5, 5])
    }

    @Test func itIsTakenWhenNothingElseIsLeft() {
        var picker = Self.returned(.roundRobin)
        #expect((0..<200).allSatisfy { _ in picker.visited().count == 5 })
        for index in 1..<5 { picker.setAvailable(index, false, now: 0) }
        #expect(picker.counts(100, of: 5) == [100, 0, 0, 0, 0])
        var all = PoolPicker((0..<100).map { _ in Place() }, slowStart: SlowStart(window: Self.window))
        for index in 0..<100 { all.setAvailable(index, false, now: 0) }
        for index in 0..<100 { all.setAvailable(index, true, now: 0) }
        #expect(all.counts(1_000, of: 100).allSatisfy { $0 > 0 })
    }

    @Test func whoComesBackTwiceBeginsAnew() {
        var picker = Self.returned(.random)
        picker.setAvailable(0, false, now: Self.end / 2)
        picker.setAvailable(0, true, now: Self.end / 2)
        let share = Self.share(&picker, of: 5, full: 0.2, now: Self.end * 6 / 10)
        #expect(share < 0.15, "\(share)")
        let later = Self.share(&picker, of: 5, full: 0.2, now: Self.end * 3 / 2)
        #expect(later > 0.9)
    }

    @Test func whatAPanicUsedAllAlongHasNotBeenAway() {
        var picker = PoolPicker(
            [Place(), Place()], slowStart: SlowStart(window: Self.window), panicThreshold: 60)
        picker.setAvailable(0, false, now: 0)
        #expect(picker.isPanicking)
        picker.setAvailable(0, true, now: 0)
        #expect(picker.counts(10, of: 2) == [5, 5])
    }

    /// Of a tier, and past the first 64 endpoints, whose tried ones are not all remembered.
    @Test func worksInLaterRanksAndLargePools() {
        let places = (0..<90).map { Place(tier: $0 < 80 ? 0 : 1) }
        var picker = PoolPicker(places, slowStart: SlowStart(window: Self.window))
        for index in 0..<81 { picker.setAvailable(index, false, now: -1) }
        picker.setAvailable(80, true, now: 0)
        let counts = picker.counts(20_000, of: 90, now: Self.end / 2)
        #expect(follow(counts, shares: places.indices.map { $0 < 80 ? 0 : $0 == 80 ? 0.05 : 0.95 / 9 }), "\(counts)")
        for _ in 0..<200 {
            let tried = TriedEndpoints([81, 82, 83, 84])
            let index = picker.pick(load: Idle(), excluding: tried, now: 0)
            #expect(index.map { !tried.contains($0) } == true)
        }
    }

    @Test func hashesHaveNone() {
        var picker = Self.returned(.hash)
        var steady = PoolPicker((0..<5).map { _ in Place() }, balance: .hash)
        for hash in 0..<1_000 {
            let request = PickRequest(hash: UInt64(hash) &* 0x9e37_79b9_7f4a_7c15)
            #expect(picker.pick(request, load: Idle(), now: 0) == steady.pick(request, load: Idle(), now: 0))
        }
    }
}
