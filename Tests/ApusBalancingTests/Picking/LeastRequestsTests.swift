import ApusBalancing
import ApusModel
import Testing

@Suite struct LeastRequestsTests {
    @Test func ofTwoTheLessLoadedForItsWeightIsPicked() {
        for (weights, loads, expected) in [
            ([1, 1], [3, 2], 1), ([1, 3], [1, 4], 1), ([1, 3], [1, 6], 0), ([2, 1], [0, 0], 0),
        ] {
            var picker = GroupPicker(.leastRequests, weights: weights, worker: 0, seed: 1)
            for _ in 0..<100 { #expect(picker.pick(load: Loads(loads: loads)) == expected) }
        }
    }

    /// With loads all different, the k-th busiest of n wins when it is drawn with one of the k - 1 busier ones.
    @Test(arguments: [4, 100])
    func twoDifferentOnesAreDrawn(count: Int) throws {
        var picker = GroupPicker(.leastRequests, weights: Array(repeating: 1, count: count), worker: 0, seed: 2)
        let loads = Loads(loads: Array(0..<count))
        var counts = Array(repeating: 0, count: count)
        for _ in 0..<(500 * count) { counts[try picker.required(loads)] += 1 }
        #expect(areProbable(counts, proportions: (0..<count).map { count - 1 - $0 }))
    }

    @Test func heavyEndpointsAreDrawnAsOftenAsTheyCanTake() throws {
        var workers = Workers(1, .leastRequests, weights: [100] + Array(repeating: 1, count: 100))
        for _ in 0..<2_000 { _ = workers.start(on: 0) }
        #expect(abs(workers.loads.loads[0] - 1_000) < 60)
    }

    /// Mitzenmacher's result: n exchanges on n endpoints leave the busiest with log log n, not log n / log log n.
    @Test func theBusiestIsNotFarAhead() {
        var two = Workers(1, .leastRequests, weights: Array(repeating: 1, count: 10_000))
        var one = Workers(1, .random, weights: Array(repeating: 1, count: 10_000))
        for _ in 0..<10_000 {
            _ = two.start(on: 0)
            _ = one.start(on: 0)
        }
        #expect(two.loads.loads.max()! <= 4)
        #expect(one.loads.loads.max()! >= 6)
    }

    @Test func aSingleCandidateIsEnough() {
        var picker = GroupPicker(.leastRequests, weights: [0, 1, 1], worker: 0, seed: 1)
        picker.setAvailable(2, false)
        #expect(picker.pick(load: Loads(loads: [0, 99, 0])) == 1)
        #expect(picker.pick(load: Idle(), excluding: TriedEndpoints([1])) == nil)
    }

    @Test func countersBelowZeroAreIdleEndpoints() {
        var picker = GroupPicker(.leastRequests, weights: [1, 1], worker: 0, seed: 1)
        let picked = Set((0..<50).map { _ in picker.pick(load: Loads(loads: [0, -3])) })
        #expect(picked == [0, 1])
    }
}
