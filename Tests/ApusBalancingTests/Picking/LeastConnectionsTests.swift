import ApusBalancing
import ApusModel
import Testing

@Suite struct LeastConnectionsTests {
    static func picker(_ weights: [Int], worker: Int = 0, seed: UInt64 = 1) -> GroupPicker {
        GroupPicker(.leastConnections, weights: weights, worker: worker, seed: seed)
    }

    @Test(arguments: [
        ([1, 1, 1], [2, 1, 3], 1), ([1, 3], [0, 1], 1), ([1, 3], [0, 3], 0),
        ([2, 1], [0, 0], 0), ([0, 1], [0, 99], 1), ([65_535, 1], [65_533, 0], 0), ([65_535, 1], [65_535, 0], 1),
    ])
    func picksTheLeastLoadedForItsWeight(weights: [Int], loads: [Int], expected: Int) {
        var picker = Self.picker(weights)
        for _ in 0..<50 { #expect(picker.pick(load: Loads(loads: loads)) == expected) }
    }

    @Test func aSumOfCountersBelowZeroIsAnIdleEndpoint() {
        var picker = Self.picker([1, 1, 1])
        let picked = Set((0..<50).map { _ in picker.pick(load: Loads(loads: [0, -2, 1])) })
        #expect(picked == [0, 1])
    }

    @Test func equalsAreEquallyLikely() throws {
        var picker = Self.picker(Array(repeating: 1, count: 10))
        let loads = Loads(loads: [1, 0, 0, 5, 0, 0, 2, 0, 1, 1])
        let equals = [1, 2, 4, 5, 7]
        var picked = Array(repeating: 0, count: 10)
        let picks = 50_000
        for _ in 0..<picks { picked[try picker.required(loads)] += 1 }
        #expect(equals.map { picked[$0] }.reduce(0, +) == picks)
        let expected = Double(picks / equals.count)
        let chiSquare = equals.map { Double(picked[$0]) - expected }.reduce(0) { $0 + $1 * $1 / expected }
        #expect(chiSquare < 18.47, "4 degrees of freedom, p = 0.001")
    }

    @Test func workersDrawDifferently() {
        let sequences = (0..<4).map { worker in
            var picker = Self.picker([1, 1, 1, 1], worker: worker)
            return letters(&picker, 30)
        }
        #expect(Set(sequences).count == 4)
    }

    @Test func loadsFollowWeights() throws {
        var random = SplitMix64(seed: 5)
        var picker = Self.picker([1, 2, 5])
        var loads = Loads(loads: [0, 0, 0])
        var inFlight: [Int] = []
        for step in 0..<20_000 {
            if inFlight.count == 80 {
                loads.loads[inFlight.remove(at: random.next(below: inFlight.count))] -= 1
            }
            let pick = try picker.required(loads)
            loads.loads[pick] += 1
            inFlight.append(pick)
            guard step > 1_000 else { continue }
            for (load, share) in zip(loads.loads, [10, 20, 50]) { #expect(abs(load - share) <= 2) }
        }
    }

    /// Three workers that see the sum of their loads stay as even as one would.
    @Test func workersThatShareLoadsStayEven() throws {
        var pickers = (0..<3).map { Self.picker(Array(repeating: 1, count: 7), worker: $0) }
        var loads = Loads(loads: Array(repeating: 0, count: 7))
        for step in 0..<7_000 {
            loads.loads[try pickers[step % 3].required(loads)] += 1
            #expect(loads.loads.max()! - loads.loads.min()! <= 1)
        }
    }
}
