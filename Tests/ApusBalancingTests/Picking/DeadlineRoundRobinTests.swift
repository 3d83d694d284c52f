import ApusBalancing
import ApusModel
import Testing

/// Weighted round robin in groups of more than 32 endpoints.
@Suite struct DeadlineRoundRobinTests {
    static func picker(_ weights: [Int], worker: Int = 0) -> GroupPicker {
        GroupPicker(.weightedRoundRobin, weights: weights, worker: worker, seed: 1)
    }

    static func weights(_ count: Int, below limit: Int, seed: UInt64) -> [Int] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in random.next(below: limit) }
    }

    @Test(arguments: [33, 40, 64, 65, 200, 1_000])
    func everyCycleIsExact(count: Int) throws {
        let weights = Self.weights(count, below: 40, seed: UInt64(count))
        var picker = Self.picker(weights)
        for _ in 0..<5 {
            var picked = Array(repeating: 0, count: count)
            for _ in 0..<weights.reduce(0, +) { picked[try picker.required(Idle())] += 1 }
            #expect(picked == weights)
        }
    }

    @Test func cyclesAreExactWithTheLargestWeights() throws {
        let weights = [65_535, 65_534, 3] + Array(repeating: 1, count: 30)
        var picker = Self.picker(weights)
        var picked = Array(repeating: 0, count: weights.count)
        for _ in 0..<(3 * weights.reduce(0, +)) { picked[try picker.required(Idle())] += 1 }
        #expect(picked == weights.map { 3 * $0 })
    }

    @Test func endpointsAreAsFarFromTheirShareAsOneAndAHalfPicks() throws {
        let weights = Self.weights(60, below: 100, seed: 4)
        let total = weights.reduce(0, +)
        var picker = Self.picker(weights)
        var picked = Array(repeating: 0, count: weights.count)
        var furthest = 0
        for pick in 1...(2 * total) {
            picked[try picker.required(Idle())] += 1
            for index in weights.indices {
                furthest = max(furthest, abs(pick * weights[index] - total * picked[index]))
            }
        }
        #expect(furthest * 2 <= total * 3)
    }

    @Test func lightEndpointsComeBetweenTheHeavyOnesPicks() throws {
        var picker = Self.picker([100] + Array(repeating: 1, count: 100))
        var run = 0
        for _ in 0..<1_000 {
            run = try picker.required(Idle()) == 0 ? 0 : run + 1
            #expect(run <= 4)
        }
    }

    @Test func firstPicksOfAllWorkersAreOneWorkersSequence() throws {
        let weights = Self.weights(50, below: 5, seed: 9)
        var one = Self.picker(weights)
        for worker in 0..<20 {
            var picker = Self.picker(weights, worker: worker)
            #expect(try one.required(Idle()) == picker.required(Idle()))
        }
    }

    @Test func oneThatComesBackGetsItsShareAndNoMore() throws {
        var picker = Self.picker([20] + Array(repeating: 1, count: 39))
        for _ in 0..<100 { _ = try picker.required(Idle()) }
        picker.setAvailable(0, false)
        for _ in 0..<2_000 { #expect(try picker.required(Idle()) != 0) }
        picker.setAvailable(0, true)
        var picked = 0
        for pick in 1...590 {
            picked += try picker.required(Idle()) == 0 ? 1 : 0
            #expect(abs(Double(picked) - Double(pick) * 20 / 59) <= 2)
        }
    }

    @Test func halfOfThemComingBackAtOnceMakesNoBurst() throws {
        var picker = Self.picker(Array(repeating: 1, count: 100))
        for index in 0..<50 { picker.setAvailable(index, false) }
        for _ in 0..<500 { #expect(try picker.required(Idle()) >= 50) }
        for index in 0..<50 { picker.setAvailable(index, true) }
        var ofThose = 0
        for pick in 1...400 {
            ofThose += try picker.required(Idle()) < 50 ? 1 : 0
            #expect(abs(ofThose - pick / 2) <= 4)
        }
    }

    /// An endpoint that flaps between any two picks gets no more than its share for it.
    @Test func flappingEarnsNothing() throws {
        var picker = Self.picker(Array(repeating: 1, count: 50))
        var picked = 0
        for _ in 0..<5_000 {
            picked += try picker.required(Idle()) == 7 ? 1 : 0
            picker.setAvailable(7, false)
            picker.setAvailable(7, true)
        }
        #expect(picked <= 102)
    }

    @Test func aSaturatedEndpointGivesItsTurnsUp() throws {
        var picker = Self.picker(Array(repeating: 2, count: 40))
        var loads = Loads(loads: Array(repeating: 0, count: 40), saturated: [3, 4])
        for _ in 0..<1_000 { #expect(![3, 4].contains(try picker.required(loads))) }
        loads.saturated = []
        var picked = Array(repeating: 0, count: 40)
        for _ in 0..<800 { picked[try picker.required(loads)] += 1 }
        for count in picked { #expect(abs(count - 20) <= 2) }
    }

    @Test func oneThatWasTriedStaysDue() throws {
        var one = Self.picker(Array(repeating: 1, count: 40))
        var other = Self.picker(Array(repeating: 1, count: 40))
        let first = try one.required(Idle())
        let second = try one.required(Idle())
        #expect(other.pick(load: Idle(), excluding: TriedEndpoints([first])) == second)
        #expect(try other.required(Idle()) == first)
    }

    @Test func aSequenceGoesOnForEver() throws {
        // Virtual time wraps around after 2^32 cycles; an endpoint alone makes one with each pick.
        var picker = Self.picker([1] + Array(repeating: 0, count: 40))
        for _ in 0..<100_000 { #expect(try picker.required(Idle()) == 0) }
        picker.setWeight(1, 1)
        #expect(Set([try picker.required(Idle()), try picker.required(Idle())]) == [0, 1])
    }
}
