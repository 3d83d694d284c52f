import ApusBalancing
import ApusModel
import Testing

/// Workers that share loads, each with its own idea of them: groups looked through, and groups with a tree.
@Suite struct LeastConnectionsAcrossWorkersTests {
    @Test(arguments: [3, 32, 33, 40, 200])
    func whileExchangesOnlyStartPicksAreExact(count: Int) {
        // More surprises than one pick looks into can leave the best of those one above the least.
        let slack = count <= 40 ? 0 : 1
        var random = SplitMix64(seed: UInt64(count))
        var workers = Workers(4, .leastConnections, weights: Array(repeating: 1, count: count))
        for _ in 0..<(10 * count) {
            let least = workers.loads.loads.min()!
            let pick = workers.start(on: random.next(below: 4))
            let load = pick.map { workers.loads.loads[$0] } ?? 0
            #expect(load > least && load <= least + 1 + slack)
        }
    }

    /// Starts and ends at random over four workers: nobody ever has more than one over what a single picker that knows
    /// everything would let him have, and hardly a pick has more than one over the least loaded.
    @Test(arguments: [3, 40, 200], [1, 4, 20])
    func loadsAreWithinOneOfTheIdeal(count: Int, depth: Int) {
        var random = SplitMix64(seed: UInt64(count + depth))
        var workers = Workers(4, .leastConnections, weights: Array(repeating: 1, count: count))
        var starts = 0
        var farOff = 0
        var most = 0
        for step in 0..<(60 * count + 4_000) {
            // What is in flight goes up to `depth` per endpoint, down to half of that, and up again.
            let isFull = workers.inFlight.count >= depth * count
            let isEmptying = step / (2 * count) % 2 == 1 && workers.inFlight.count > depth * count / 2
            if isFull || (isEmptying && random.next(below: 3) > 0) {
                workers.end(random.next(below: workers.inFlight.count))
                continue
            }
            let least = workers.loads.loads.min()!
            let mean = workers.inFlight.count / count
            guard let pick = workers.start(on: random.next(below: 4)) else { continue }
            starts += 1
            if workers.loads.loads[pick] > least + 2 { farOff += 1 }
            // The least loaded has the mean at most, rounded down: that one more is the ideal.
            most = max(most, workers.loads.loads[pick] - (mean + 1))
        }
        #expect(most <= 1)
        #expect(farOff * 50 <= starts)
        if count <= 32 { #expect(farOff == 0 && most <= 0) }
    }

    @Test(arguments: [33, 200])
    func equalsAreEquallyLikelyHoweverOftenTheyWerePicked(count: Int) {
        var workers = Workers(1, .leastConnections, weights: Array(repeating: 1, count: count))
        var counts = Array(repeating: 0, count: count)
        for _ in 0..<(100 * count) {
            if let pick = workers.start(on: 0) { counts[pick] += 1 }
            workers.end(0)
        }
        #expect(areProbable(counts, proportions: Array(repeating: 1, count: count)))
    }

    @Test(arguments: [3, 40])
    func weightsAreRespected(count: Int) {
        var random = SplitMix64(seed: 6)
        let weights = (0..<count).map { 1 + $0 % 3 * 2 }
        var workers = Workers(3, .leastConnections, weights: weights)
        for step in 0..<8_000 {
            if workers.inFlight.count == 30 * count { workers.end(random.next(below: workers.inFlight.count)) }
            guard let pick = workers.start(on: step % 3), step > 4_000 else { continue }
            let cost = Double(workers.loads.loads[pick]) / Double(weights[pick])
            let least = zip(workers.loads.loads, weights).map { Double($0 + 1) / Double($1) }.min()!
            #expect(cost <= least + 1.5)
        }
    }

    /// Own exchanges that end free a saturated endpoint at once; what others free is found in rotation.
    @Test func saturatedEndpointsAreFoundAgain() {
        var workers = Workers(1, .leastConnections, weights: Array(repeating: 1, count: 40))
        workers.loads.loads = Array(repeating: 5, count: 40)
        workers.loads.loads[7] = 0
        workers.loads.saturated = [7]
        for _ in 0..<10 { #expect(workers.start(on: 0) != 7) }
        workers.loads.saturated = []
        let picks = (0..<5).map { _ in workers.start(on: 0) }
        #expect(picks.contains(7))
    }
}
