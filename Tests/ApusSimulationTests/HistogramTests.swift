import Testing

@testable import ApusSimulation

@Suite struct HistogramTests {
    @Test func bucketsFollowOneAnotherWithoutGaps() {
        var last = -1
        for value in VirtualTime(0)...70_000 {
            let bucket = Histogram.bucket(value)
            #expect(bucket == last || bucket == last + 1)
            last = bucket
        }
    }

    @Test(arguments: [0, 1, 127, 128, 129, 1000, 123_456, 30_000_000, 3_600_000_000])
    func aValueIsKeptWithinOnePercent(_ value: VirtualTime) {
        let middle = Histogram.middle(Histogram.bucket(value))
        #expect(Double(abs(middle - value)) <= 0.01 * Double(value))
    }

    @Test func percentilesAreThoseOfTheSortedValues() throws {
        var histogram = Histogram()
        for value in VirtualTime(1)...10_000 { histogram.record(value * 7) }
        for share in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let exact = share * 10_000 * 7
            let found = Double(try #require(histogram.percentile(share)))
            #expect(abs(found - exact) <= 0.01 * exact)
        }
        #expect(histogram.percentile(1) == 70_000)
        #expect(histogram.maximum == 70_000)
    }

    @Test func anEmptyOneHasNoPercentile() {
        var histogram = Histogram()
        #expect(histogram.percentile(0.5) == nil)
        histogram.record(5)
        histogram.removeAll()
        #expect(histogram.percentile(0.5) == nil)
        #expect(histogram.count == 0)
    }
}
