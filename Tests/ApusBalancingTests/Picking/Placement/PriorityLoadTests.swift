import ApusBalancing
import Testing

@Suite struct PriorityLoadTests {
    /// The examples in Envoy's description of priority levels, without its rounding.
    @Test(
        arguments: [
            ([100, 100], [100, 0]),
            ([72, 100], [100, 0]),
            ([71, 100], [99.4, 0.6]),
            ([50, 50], [70, 30]),
            ([25, 100], [35, 65]),
            ([25, 25], [50, 50]),
            ([0, 100], [0, 100]),
            ([0, 1], [0, 100]),
            ([0, 0], [0, 0]),
            ([25, 100, 100], [35, 65, 0]),
            ([25, 0, 100], [35, 0, 65]),
            ([25, 25, 100], [35, 35, 30]),
            ([25, 25, 20], [3500 / 98.0, 3500 / 98.0, 2800 / 98.0]),
        ] as [([Int], [Double])])
    func sharesFollowHealth(available: [Int], percents: [Double]) {
        let load = PriorityLoad(
            available: available, total: available.map { _ in 100 }, overprovisioning: 140)
        #expect(zip(load.shares, percents).allSatisfy { abs(100 * $0 - $1) < 1e-9 }, "\(load.shares)")
    }

    @Test func overprovisioningSaysWhenARankSpillsOver() {
        let even = PriorityLoad(available: [99, 1], total: [100, 1], overprovisioning: 100)
        #expect(abs(even.shares[0] - 0.99) < 1e-12)
        let double = PriorityLoad(available: [50, 1], total: [100, 1], overprovisioning: 200)
        #expect(double.shares == [1, 0])
    }

    @Test func ranksWithoutWeightTakeNothing() {
        #expect(PriorityLoad(available: [0, 3], total: [0, 3], overprovisioning: 140).shares == [0, 1])
        #expect(PriorityLoad(available: [], total: [], overprovisioning: 140).shares == [])
        #expect(PriorityLoad(byWeight: [1, 0, 3]).shares == [0.25, 0, 0.75])
        #expect(PriorityLoad(byWeight: [0, 0]).shares == [0, 0])
    }

    @Test func drawsFallOnRanksByTheirShares() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<50 {
            let available = (0..<4).map { _ in random.next(below: 30) }
            let load = PriorityLoad(available: available, total: [100, 100, 100, 100], overprovisioning: 140)
            guard available.contains(where: { $0 > 0 }) else { continue }
            var counts = [0, 0, 0, 0]
            // Draws at even distances: the shares come out exactly, but for one draw at each limit.
            for draw in 0..<10_000 { counts[load.rank(for: UInt64(draw) * (UInt64.max / 9_999))] += 1 }
            for rank in 0..<4 { #expect(abs(Double(counts[rank]) - 10_000 * load.shares[rank]) <= 2) }
            #expect((0..<4).allSatisfy { load.shares[$0] > 0 || counts[$0] == 0 })
        }
    }
}

@Suite struct PanicThresholdTests {
    @Test func panicsBelowTheShareAndNotAtIt() {
        let half = PanicThreshold(percent: 50)
        #expect((0...4).map { half.isPanicking(available: $0, of: 4) } == [true, true, false, false, false])
        #expect(half.isPanicking(available: 2, of: 5))
        #expect(!half.isPanicking(available: 3, of: 5))
    }

    @Test func zeroNeverPanics() {
        #expect(!PanicThreshold(percent: 0).isPanicking(available: 0, of: 10))
    }

    @Test func aHundredPanicsAsSoonAsOneIsGone() {
        #expect(PanicThreshold(percent: 100).isPanicking(available: 9, of: 10))
        #expect(!PanicThreshold(percent: 100).isPanicking(available: 10, of: 10))
    }

    @Test func aPoolWithoutEndpointsDoesNot() {
        #expect(!PanicThreshold(percent: 50).isPanicking(available: 0, of: 0))
    }
}
