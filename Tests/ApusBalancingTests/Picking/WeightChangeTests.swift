import ApusBalancing
import ApusModel
import Testing

/// Weights that change while requests come.
@Suite struct WeightChangeTests {
    static let weighted = Balance.allCases.filter { $0.looksAtWeights && $0 != .hash }

    @Test(arguments: Balance.allCases, [3, 33])
    func zeroDrainsAndOneBringsBack(balance: Balance, count: Int) {
        var workers = Workers(1, balance, weights: Array(repeating: 1, count: count))
        workers.setWeight(1, 0)
        #expect(workers.pickers[0].endpoints.candidateCount == count - 1)
        #expect(workers.pickers[0].endpoints.availableCount == count)
        for _ in 0..<(8 * count) {
            #expect(workers.start(on: 0) != 1)
            workers.end(0, answerAfter: 1_000)
        }
        for index in 0..<count where index != 1 { workers.setWeight(index, 0) }
        #expect(workers.start(on: 0) == nil)
        workers.setWeight(1, 65_535)
        #expect(workers.start(on: 0) == 1)
    }

    /// A change of weights does not make anyone wait or burst: shares follow from the next pick on.
    @Test(arguments: [3, 30, 33, 100], [1, 1_000])
    func turnsFollowWithoutAJump(count: Int, scale: Int) {
        var random = SplitMix64(seed: UInt64(count * scale))
        var picker = GroupPicker(.weightedRoundRobin, weights: Array(repeating: 2, count: count), worker: 0, seed: 1)
        for _ in 0..<30 {
            for _ in 0..<random.next(below: 3 * count) { _ = picker.pick(load: Idle()) }
            for _ in 0..<(1 + random.next(below: count)) {
                picker.setWeight(random.next(below: count), 1 + random.next(below: 9) * scale)
            }
            let weights = (0..<count).map(picker.endpoints.weight)
            let total = weights.reduce(0, +)
            var picked = Array(repeating: 0, count: count)
            var furthest = 0
            for pick in 1...(4 * count) {
                picked[picker.pick(load: Idle()) ?? 0] += 1
                for index in 0..<count { furthest = max(furthest, abs(pick * weights[index] - total * picked[index])) }
            }
            #expect(furthest < 3 * total)
        }
    }

    /// nginx alone would pass over the light ones for a thousand picks: they owe what a pick beside the heavy one cost.
    @Test func aHeavyEndpointThatGoesLeavesNoDebts() {
        for change in 0..<3 {
            var picker = GroupPicker(.weightedRoundRobin, weights: [1_000, 1, 1], worker: 0, seed: 1)
            while picker.pick(load: Idle()) != 1 {}
            switch change {
            case 0: picker.setAvailable(0, false)
            case 1: picker.setWeight(0, 0)
            default: picker.setWeight(0, 1)
            }
            let after = letters(&picker, 12)
            #expect(after.filter { $0 == "b" }.count >= 3, "\(after)")
        }
    }

    @Test(arguments: [3, 40])
    func drainingAgainAndAgainTakesNothingFromTheOthers(count: Int) throws {
        var random = SplitMix64(seed: 5)
        var picker = GroupPicker(.weightedRoundRobin, weights: Array(repeating: 4, count: count), worker: 0, seed: 1)
        for _ in 0..<2_000 {
            let index = random.next(below: count)
            picker.setWeight(index, 0)
            for _ in 0..<random.next(below: 3) { _ = try picker.required(Idle()) }
            picker.setWeight(index, 4)
        }
        var picked = Array(repeating: 0, count: count)
        for _ in 0..<(10 * count) { picked[try picker.required(Idle())] += 1 }
        for each in picked { #expect(abs(each - 10) <= 2) }
    }

    /// Under load, each endpoint's share of the picks follows its weight, whatever the algorithm.
    @Test(arguments: weighted, [4, 36])
    func sharesFollowTheWeightsOfTheMoment(balance: Balance, count: Int) {
        var random = SplitMix64(seed: 3)
        var workers = Workers(2, balance, weights: Array(repeating: 1, count: count))
        for weights in [[1, 1, 1, 1], [4, 1, 1, 2], [1, 0, 3, 0], [2, 2, 0, 4]] {
            for index in 0..<count { workers.setWeight(index, weights[index % 4]) }
            var picked = [0, 0, 0, 0]
            for step in 0..<12_000 {
                if workers.inFlight.count == 8 * count {
                    workers.now += 100
                    workers.end(random.next(below: workers.inFlight.count), answerAfter: 5_000)
                }
                guard let pick = workers.start(on: step % 2), step > 4_000 else { continue }
                picked[pick % 4] += 1
            }
            let sum = Double(picked.reduce(0, +))
            for (count, weight) in zip(picked, weights) {
                let share = Double(weight) / Double(weights.reduce(0, +))
                #expect(abs(Double(count) / sum - share) < 0.04, "\(picked)")
            }
        }
    }
}
