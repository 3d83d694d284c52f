import ApusBalancing
import ApusModel
import Testing

/// Tiers and zones.
@Suite struct RankTests {
    /// Seven in tier 0, three in tier 1.
    static let tiered = (0..<10).map { Place(tier: $0 < 7 ? 0 : 1) }

    @Test func theFirstTierTakesEverythingWhileEnoughOfItIsUp() {
        var picker = PoolPicker(Self.tiered)
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(3, false, now: 0)
        #expect(picker.counts(500, of: 10) == [0, 100, 100, 0, 100, 100, 100, 0, 0, 0])
        #expect(picker.ranks.map(\.percent) == [100, 0])
    }

    @Test func whatATierCannotTakeSpillsOverInProportion() {
        var picker = PoolPicker(Self.tiered)
        for index in 0..<4 { picker.setAvailable(index, false, now: 0) }
        // 3 of 7 at 140 %: 60 %.
        let counts = picker.counts(30_000, of: 10)
        #expect(follow([counts[4...6].reduce(0, +), counts[7...9].reduce(0, +)], shares: [0.6, 0.4]), "\(counts)")
        // Within a rank it is the algorithm that picks: by turns.
        #expect(counts[4...6].max()! - counts[4...6].min()! <= 1)
        #expect(counts[7...9].max()! - counts[7...9].min()! <= 1)
        #expect(counts[..<4].allSatisfy { $0 == 0 })
    }

    @Test func sharesAreByWeight() {
        var picker = PoolPicker([Place(weight: 9), Place(weight: 1), Place(tier: 1)])
        picker.setAvailable(1, false, now: 0)
        #expect(picker.ranks.map(\.percent) == [100, 0])
        picker.setAvailable(1, true, now: 0)
        picker.setAvailable(0, false, now: 0)
        #expect(picker.ranks.map { ($0.percent * 1000).rounded() / 1000 } == [14, 86])
    }

    @Test func theOwnZoneComesBeforeOthersOfItsTier() {
        let places = [
            Place(zone: "b"), Place(zone: "a"), Place(), Place(zone: "a"), Place(tier: 1, zone: "b"),
            Place(tier: 2, zone: "a"),
        ]
        var picker = PoolPicker(places, locality: Locality(prefersOwnZone: true), zone: "a")
        #expect(
            picker.ranks.map(\.name) == ["tier 0, zone a", "tier 0, other zones", "tier 1", "tier 2, zone a"])
        #expect(picker.counts(100, of: 6) == [0, 50, 0, 50, 0, 0])
        picker.setAvailable(1, false, now: 0)
        #expect(follow(picker.counts(10_000, of: 6), shares: [0.15, 0, 0.15, 0.7, 0, 0]))
        picker.setAvailable(3, false, now: 0)
        #expect(picker.counts(100, of: 6) == [50, 0, 50, 0, 0, 0])
        #expect(picker.visited().suffix(2) == [4, 5])
    }

    @Test func zonesMakeNoDifferenceUnlessAskedFor() {
        let places = [Place(zone: "a"), Place(zone: "b")]
        #expect(PoolPicker(places, zone: "a").ranks.map(\.name) == ["tier 0"])
        #expect(PoolPicker(places, locality: Locality(prefersOwnZone: true)).ranks.map(\.name) == ["tier 0"])
        #expect(
            PoolPicker(places, locality: Locality(prefersOwnZone: true), zone: "c").ranks.map(\.name) == ["tier 0"])
    }

    @Test func ranksTellWhatPeopleWantToSee() {
        var picker = PoolPicker([Place(), Place(weight: 3), Place(weight: 0), Place(tier: 4), Place(tier: 4)])
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(3, false, now: 0)
        #expect(
            picker.ranks == [
                RankShare(name: "tier 0", percent: 100, available: 1, total: 2, candidates: 1),
                RankShare(name: "tier 4", percent: 0, available: 1, total: 2, candidates: 1),
            ])
        #expect(picker.candidateCount == 2)
    }

    @Test func anAttemptGoesOnInTheNextRankWithSomethingLeft() {
        var picker = PoolPicker([Place(tier: 2), Place(tier: 0), Place(tier: 1), Place(tier: 0)])
        #expect(picker.visited() == [1, 3, 2, 0])
        let load = Loads(loads: [0, 0, 0, 0], saturated: [1, 3])
        #expect(picker.pick(load: load, now: 0) == 2)
        #expect(picker.pick(load: load, excluding: TriedEndpoints([2, 0]), now: 0) == nil)
        #expect(picker.pick(load: load, excluding: TriedEndpoints([2, 0]), orTried: true, now: 0) == 2)
    }

    @Test func aTierWithoutAnyoneGivesEverythingToTheNext() {
        var picker = PoolPicker([Place(), Place(tier: 1), Place(tier: 2)])
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(1, false, now: 0)
        #expect(picker.counts(10, of: 3) == [0, 0, 10])
        picker.setAvailable(2, false, now: 0)
        #expect(picker.pick(load: Idle(), now: 0) == nil)
        #expect(picker.candidateCount == 0)
        picker.setAvailable(0, true, now: 0)
        #expect(picker.counts(10, of: 3) == [10, 0, 0])
    }

    @Test func workersBeginAtDifferentEndpointsOfARank() {
        let firsts = (0..<6).map { worker in
            var picker = PoolPicker([Place(tier: 1)] + Self.tiered.map { _ in Place() }, worker: worker)
            return picker.pick(load: Idle(), now: 0)
        }
        #expect(firsts == [1, 2, 3, 4, 5, 6])
    }

    /// With the shares of a hash drawn by the hash, a key stays where it is, and only what must move moves.
    @Test(arguments: HashRules.Method.allCases)
    func keysKeepTheirPlaces(method: HashRules.Method) {
        func places(_ picker: inout PoolPicker) -> [Int?] {
            var random = SplitMix64(seed: 3)
            return (0..<4_000).map { _ in picker.pick(PickRequest(hash: random.next()), load: Idle(), now: 0) }
        }
        var picker = PoolPicker(Self.tiered, balance: .hash, hash: HashRules(method: method))
        let all = places(&picker)
        #expect(all == places(&picker))
        #expect(Set(all) == Set(0..<7))
        for index in 0..<3 { picker.setAvailable(index, false, now: 0) }
        // 4 of 7 at 140 %: 80 %, of each endpoint's keys alike.
        let fewer = places(&picker)
        #expect(fewer == places(&picker))
        let spilt = fewer.count { $0! >= 7 }
        #expect(follow([4_000 - spilt, spilt], shares: [0.8, 0.2]), "\(spilt)")
        for (before, after) in zip(all, fewer) where before! >= 3 && after! < 7 { #expect(before == after) }
        #expect(Set(fewer) == Set(3..<10))
        // Another worker finds the same.
        var other = PoolPicker(
            Self.tiered, balance: .hash, hash: HashRules(method: method), worker: 3, seed: 99)
        for index in 0..<3 { other.setAvailable(index, false, now: 0) }
        #expect(places(&other) == fewer)
    }
}
