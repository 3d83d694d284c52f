import ApusBalancing
import ApusModel
import Testing

/// What holds for every algorithm.
@Suite struct GroupPickerTests {
    @Test(arguments: Balance.allCases)
    func answersAreAlwaysAllowed(balance: Balance) {
        var random = SplitMix64(seed: 11)
        // A table of hashes is built anew at every change, which takes a while without optimisation.
        for round in 0..<(balance == .hash ? 11 : 66) {
            let count = [0, 1, 2, 3, 7, 31, 32, 33, 64, 65, 200][round % 11]
            var weights = (0..<count).map { _ in random.next(below: 4) }
            var picker = GroupPicker(balance, weights: weights, worker: round % 4, seed: random.next())
            var up = Array(repeating: true, count: count)
            var loads = Loads(loads: Array(repeating: 0, count: count))
            for step in 0..<100 where count > 0 {
                let flipped = random.next(below: count)
                up[flipped].toggle()
                picker.setAvailable(flipped, up[flipped])
                let weighed = random.next(below: count)
                weights[weighed] = random.next(below: 3) * random.next(below: 30_000)
                picker.setWeight(weighed, weights[weighed])
                // What others do is only seen in the loads; what this worker does is told besides.
                loads.loads[random.next(below: count)] = random.next(below: 5) - 1
                let told = random.next(below: count)
                switch random.next(below: 3) {
                case 0: picker.started(told, load: loads.loads[told])
                case 1: picker.ended(told, load: loads.loads[told])
                default: picker.answered(told, after: Int64(random.next(below: 9_000)), now: Int64(step) * 100_000)
                }
                loads.saturated = random.next(below: 3) == 0 ? [random.next(below: count)] : []
                let tried = TriedEndpoints((0..<random.next(below: 4)).map { _ in random.next(below: count) })
                let allowed = (0..<count).filter { up[$0] && weights[$0] > 0 && !loads.saturated.contains($0) }
                let untried = allowed.filter { !tried.contains($0) }

                let pick = picker.pick(
                    hash: random.next(), load: loads, excluding: tried, now: Int64(step) * 100_000)
                #expect(pick.map(untried.contains) ?? untried.isEmpty)
            }
        }
    }

    @Test(arguments: Balance.allCases)
    func anExchangeVisitsEveryEndpointOnceBeforeNoneIsLeft(balance: Balance) {
        var picker = GroupPicker(balance, weights: Array(repeating: 1, count: 64), worker: 1, seed: 2)
        var tried = TriedEndpoints()
        var visited: Set<Int> = []
        for _ in 0..<64 {
            guard let pick = picker.pick(load: Idle(), excluding: tried) else { break }
            visited.insert(pick)
            tried.insert(pick)
        }
        #expect(picker.pick(load: Idle(), excluding: tried) == nil)
        #expect(visited.count == 64)
    }

    @Test func tellsNoCandidatesFromNoneLeft() {
        var picker = GroupPicker(.roundRobin, weights: [1, 0, 1], worker: 0, seed: 1)
        #expect(picker.endpoints.candidateCount == 2)
        #expect(picker.endpoints.availableCount == 3)
        picker.setAvailable(0, false)
        picker.setAvailable(0, false)
        picker.setAvailable(2, false)
        #expect(picker.endpoints.candidateCount == 0)
        #expect(picker.endpoints.availableCount == 1)
        #expect(picker.pick(load: Idle()) == nil)
        picker.setAvailable(2, true)
        #expect(picker.pick(load: Idle()) == 2)
    }
}

@Suite struct EndpointTableTests {
    @Test func candidatesAreThoseUpWithWeight() {
        var random = SplitMix64(seed: 21)
        for count in [0, 1, 63, 64, 65, 128, 300, 5_000] {
            var weights = (0..<count).map { _ in random.next(below: 3) }
            var table = EndpointTable(weights: weights)
            var up = Array(repeating: true, count: count)
            for _ in 0..<(count > 1_000 ? 5 : 100) where count > 0 {
                let index = random.next(below: count)
                up[index] = random.next(below: 4) == 0
                table.setAvailable(index, up[index])
                let weighed = random.next(below: count)
                weights[weighed] = random.next(below: 3)
                table.setWeight(weighed, weights[weighed])
                let candidates = (0..<count).filter { up[$0] && weights[$0] > 0 }
                #expect((0..<table.candidateCount).map(table.candidate(at:)).sorted() == candidates)
                #expect((0..<count).filter(table.isCandidate) == candidates)
                #expect((0..<count).map(table.weight) == weights)
                #expect(table.candidateWeight == candidates.reduce(0) { $0 + weights[$1] })
                #expect(table.isUniform == (Set(candidates.map { weights[$0] }).count <= 1))
                var walk = CandidateWalk()
                var walked: [Int] = []
                while let next = table.next(&walk) { walked.append(next) }
                #expect(walked == candidates)
                let from = random.next(below: count + 1)
                #expect(table.candidate(from: from) == candidates.first { $0 >= from })
                #expect(table.candidateCount == candidates.count)
                #expect(table.availableCount == up.count { $0 })
                #expect(table.isAvailable(index) == up[index])
            }
            #expect(table.candidate(from: count) == nil)
        }
    }
}

@Suite struct TriedEndpointsTests {
    @Test func isExactForTheFirst64() {
        let tried = TriedEndpoints(stride(from: 0, to: 64, by: 3))
        for index in 0..<64 { #expect(tried.contains(index) == (index % 3 == 0)) }
        #expect(!tried.contains(64) && !tried.contains(192))
    }

    @Test func remembersTheLastFourBeyond() {
        var tried = TriedEndpoints()
        #expect(tried.isEmpty)
        for index in [64, 100, 100, 70_000, 200, 300] { tried.insert(index) }
        #expect(!tried.isEmpty)
        #expect([64, 100, 70_000, 200, 300].map(tried.contains) == [false, true, true, true, true])
        #expect(!tried.contains(0) && !tried.contains(65))
    }
}
