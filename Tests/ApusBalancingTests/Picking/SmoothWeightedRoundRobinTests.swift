import ApusBalancing
import ApusModel
import Testing

@Suite struct SmoothWeightedRoundRobinTests {
    static func picker(_ weights: [Int], worker: Int = 0) -> GroupPicker {
        GroupPicker(.weightedRoundRobin, weights: weights, worker: worker, seed: 1)
    }

    @Test(arguments: [
        ([5, 1, 1], "aabacaa"), ([1, 1, 1], "abc"), ([3, 1], "aaba"), ([2, 1], "aba"), ([1, 2, 3], "cbacbc"),
        ([1], "a"), ([0, 2, 0, 1], "bdb"), ([0, 0], "--"), ([], "-"),
    ])
    func sequenceRepeatsForEver(weights: [Int], cycle: String) {
        var picker = Self.picker(weights)
        for _ in 0..<3 { #expect(letters(&picker, cycle.count) == cycle) }
    }

    @Test func firstPicksOfAllWorkersAreOneWorkersSequence() {
        let firsts = (0..<7).map { worker in
            var picker = Self.picker([5, 1, 1], worker: worker)
            return letters(&picker, 1)
        }
        #expect(firsts.joined() == "aabacaa")
    }

    @Test func everyCycleIsExactAndSmooth() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<200 {
            let weights = (0..<(1 + random.next(below: 12))).map { _ in random.next(below: 30) }
            let total = weights.reduce(0, +)
            guard total > 0 else { continue }
            var picker = Self.picker(weights)
            var picked = Array(repeating: 0, count: weights.count)
            for pick in 1...total {
                picked[try picker.required(Idle())] += 1
                // At no moment is anyone further from its share than the pool has endpoints.
                for index in weights.indices {
                    let owed = pick * weights[index] - total * picked[index]
                    #expect(abs(owed) < total * weights.count)
                }
            }
            #expect(picked == weights)
        }
    }

    @Test func sharesOfTheOthersHoldWhileOneIsDownAndAfter() {
        var picker = Self.picker([4, 2, 1])
        _ = letters(&picker, 3)
        picker.setAvailable(0, false)
        let without = letters(&picker, 300)
        #expect(without.filter { $0 == "a" }.isEmpty)
        #expect(abs(without.filter { $0 == "b" }.count - 200) <= 2)
        picker.setAvailable(0, true)
        let with = letters(&picker, 700)
        #expect(abs(with.filter { $0 == "a" }.count - 400) <= 4)
        #expect(!with.prefix(20).contains("aaaaaa"), "a must not get all it missed at once")
    }

    @Test func flappingEndpointsNeverCollectDebt() {
        var random = SplitMix64(seed: 3)
        var picker = Self.picker([3, 2, 1, 5])
        var up = [true, true, true, true]
        for _ in 0..<20_000 {
            let index = random.next(below: 4)
            up[index].toggle()
            picker.setAvailable(index, up[index])
            let tried = TriedEndpoints(random.next(below: 4) == 0 ? [random.next(below: 4)] : [])
            let pick = picker.pick(load: Idle(), excluding: tried)
            #expect(pick == nil || (up[pick!] && !tried.contains(pick!)))
        }
        for index in 0..<4 { picker.setAvailable(index, true) }
        let after = letters(&picker, 1_100)
        for (letter, share) in zip("abcd", [300, 200, 100, 500]) {
            #expect(abs(after.filter { $0 == letter }.count - share) <= 8)
        }
    }
}
