import ApusBalancing
import ApusModel
import Testing

@Suite struct RandomChoiceTests {
    static func counts(
        _ picker: inout GroupPicker, _ picks: Int, load: some EndpointLoad = Idle(),
        excluding tried: TriedEndpoints = TriedEndpoints()
    ) throws -> [Int] {
        var counts = Array(repeating: 0, count: picker.endpoints.count)
        for _ in 0..<picks {
            let pick = picker.pick(load: load, excluding: tried)
            counts[try #require(pick)] += 1
        }
        return counts
    }

    @Test(arguments: [1, 2, 3, 64, 300])
    func everyCandidateIsAsLikely(count: Int) throws {
        let weights = (0..<count).map { 1 + $0 % 5 }
        var picker = GroupPicker(.random, weights: weights, worker: 0, seed: 3)
        let counts = try Self.counts(&picker, 200 * count)
        #expect(areProbable(counts, proportions: Array(repeating: 1, count: count)))
    }

    @Test(arguments: [1, 2, 3, 64, 300])
    func byWeightEachIsAsLikelyAsItsWeightSays(count: Int) throws {
        let weights = (0..<count).map { $0 * 7 % 11 + ($0 == 0 ? 40 : 0) }
        var picker = GroupPicker(.weightedRandom, weights: weights, worker: 0, seed: 4)
        let counts = try Self.counts(&picker, 2_000 * count)
        #expect(areProbable(counts, proportions: weights))
    }

    @Test(arguments: [Balance.random, .weightedRandom], [4, 100])
    func sharesOfTheRestHoldWhileOthersAreDown(balance: Balance, count: Int) throws {
        let weights = (0..<count).map { 1 + $0 % 4 }
        for downs in [2, 4, 10] {
            var picker = GroupPicker(balance, weights: weights, worker: 0, seed: 5)
            // All but a half, a quarter, a tenth.
            let down = (0..<count).filter { $0 % downs != 0 }
            for index in down { picker.setAvailable(index, false) }
            let rest = (0..<count).map { $0 % downs != 0 ? 0 : balance == .random ? 1 : weights[$0] }
            #expect(areProbable(try Self.counts(&picker, 40_000), proportions: rest))
            for index in down { picker.setAvailable(index, true) }
            for _ in 0..<count { _ = picker.pick(load: Idle()) }
            let all = balance == .random ? weights.map { _ in 1 } : weights
            #expect(areProbable(try Self.counts(&picker, 40_000), proportions: all))
        }
    }

    /// Where draws are all in vain, the choice among what is left is still exact.
    @Test func whatIsLeftOfTriedAndSaturatedIsDrawnExactly() throws {
        let weights = [60_000, 1, 2, 60_000, 3]
        var picker = GroupPicker(.weightedRandom, weights: weights, worker: 0, seed: 6)
        let loads = Loads(loads: [0, 0, 0, 0, 0], saturated: [3])
        let counts = try Self.counts(&picker, 6_000, load: loads, excluding: TriedEndpoints([0]))
        #expect(areProbable(counts, proportions: [0, 1, 2, 0, 3]))
    }

    /// Like slow starts: weights that grow with every few picks, and endpoints that flap.
    @Test(arguments: [8, 120])
    func weightsThatChangeAllTheTimeAreFollowed(count: Int) throws {
        var random = SplitMix64(seed: 8)
        var picker = GroupPicker(.weightedRandom, weights: Array(repeating: 1, count: count), worker: 0, seed: 7)
        for step in 1...40 {
            for index in 0..<count / 2 { picker.setWeight(index, step * (index % 3 + 1)) }
            picker.setAvailable(random.next(below: count), random.next(below: 3) > 0)
            for _ in 0..<count { _ = picker.pick(load: Idle()) }
        }
        let weights = (0..<count).map {
            picker.endpoints.isAvailable($0) ? picker.endpoints.weight($0) : 0
        }
        #expect(areProbable(try Self.counts(&picker, 1_000 * count), proportions: weights))
    }

    @Test func workersDrawDifferently() {
        let sequences = (0..<4).map { worker in
            var picker = GroupPicker(.random, weights: [1, 1, 1, 1], worker: worker, seed: 1)
            return letters(&picker, 30)
        }
        #expect(Set(sequences).count == 4)
    }
}

@Suite struct AliasTableTests {
    @Test(arguments: [[1], [0, 1], [1, 1], [3, 1, 0, 0, 7], [65_535, 1, 1], [5, 5, 5, 5, 5, 1]])
    func drawsByWeight(weights: [Int32]) {
        var table = AliasTable()
        table.build(weights)
        var random = SplitMix64(seed: 1)
        var counts = Array(repeating: 0, count: weights.count)
        for _ in 0..<600_000 { counts[table.draw(&random)] += 1 }
        #expect(areProbable(counts, proportions: weights.map(Int.init)))
    }

    @Test func canBeBuiltAgain() {
        var random = SplitMix64(seed: 2)
        var table = AliasTable()
        for _ in 0..<50 {
            let weights = (0..<(1 + random.next(below: 40))).map { _ in Int32(random.next(below: 9)) }
            guard weights.contains(where: { $0 > 0 }) else { continue }
            table.build(weights)
            var counts = Array(repeating: 0, count: weights.count)
            for _ in 0..<4_000 { counts[table.draw(&random)] += 1 }
            #expect(areProbable(counts, proportions: weights.map(Int.init)))
        }
    }
}
