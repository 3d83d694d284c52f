import ApusBalancing
import ApusModel
import Testing

@Suite struct RoundRobinTests {
    static func picker(_ weights: [Int], worker: Int = 0) -> GroupPicker {
        GroupPicker(.roundRobin, weights: weights, worker: worker, seed: 1)
    }

    @Test func takesTurns() {
        var picker = Self.picker([1, 1, 1])
        #expect(letters(&picker, 7) == "abcabca")
    }

    @Test func workersStartAtDifferentEndpoints() {
        let firsts = (0..<5).map { worker in
            var picker = Self.picker([1, 1, 1], worker: worker)
            return letters(&picker, 4)
        }
        #expect(firsts == ["abca", "bcab", "cabc", "abca", "bcab"])
    }

    @Test func ignoresWeightsButZero() {
        var picker = Self.picker([5, 0, 1])
        #expect(letters(&picker, 4) == "acac")
    }

    @Test func endpointsLeftOverStayEvenWhenOneIsDown() {
        var picker = Self.picker([1, 1, 1, 1])
        picker.setAvailable(1, false)
        #expect(letters(&picker, 7) == "acdacda")
        picker.setAvailable(1, true)
        #expect(letters(&picker, 6) == "bcdabc")
    }

    @Test func passesOverTriedAndSaturated() {
        var picker = Self.picker([1, 1, 1, 1])
        #expect(letters(&picker, 4, excluding: TriedEndpoints([0, 2])) == "bdbd")
        let loads = Loads(loads: [0, 0, 0, 0], saturated: [1, 3])
        #expect((0..<4).map { _ in picker.pick(load: loads) } == [0, 2, 0, 2])
    }

    @Test func findsTheOnlyOneOfManyThatIsUp() {
        var picker = Self.picker(Array(repeating: 1, count: 1_000))
        for index in 0..<1_000 where index != 777 { picker.setAvailable(index, false) }
        for _ in 0..<3 { #expect(picker.pick(load: Idle()) == 777) }
        #expect(picker.pick(load: Idle(), excluding: TriedEndpoints([777])) == nil)
    }
}
