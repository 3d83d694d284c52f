import ApusModel
import Testing

@testable import ApusBalancing

@Suite struct OutlierDetectionTests {
    static func volumes(_ failures: [Int], of requests: Int = 1000) -> [EndpointVolume] {
        failures.map { EndpointVolume(requests: requests, failures: $0) }
    }

    static func latencies(_ means: [Int64], of responses: Int = 200) -> [EndpointVolume] {
        means.map { EndpointVolume(responses: responses, microseconds: $0 * Int64(responses)) }
    }

    func bySuccessRate(_ volumes: [EndpointVolume], _ rules: OutlierRules = OutlierRules(successRateDeviations: 1.9))
        -> [Int]
    {
        OutlierDetection.bySuccessRate(volumes, inService: Array(volumes.indices), rules).map(\.endpoint)
    }

    func byLatency(_ volumes: [EndpointVolume], _ factor: Double? = 3) -> [Int] {
        OutlierDetection.byLatency(
            volumes, inService: Array(volumes.indices), OutlierRules(latencyFactor: factor)
        ).map(\.endpoint)
    }

    @Test func oneOfFiveThatFailsIsAnOutlier() {
        #expect(bySuccessRate(Self.volumes([0, 0, 1000, 0, 0])) == [2])
        #expect(bySuccessRate(Self.volumes([0, 0, 100, 0, 0])) == [2], "90% among 100%")
    }

    /// Rates 0.8, 0.95, 0.95, 0.95, 0.95, 0.95: mean 0.925, deviation 0.0559, threshold at 1.9 deviations 0.8188.
    @Test func theThresholdIsTheMeanLessTheDeviations() {
        let volumes = Self.volumes([200, 50, 50, 50, 50, 50])
        let outliers = OutlierDetection.bySuccessRate(
            volumes, inService: Array(0..<6), OutlierRules(successRateDeviations: 1.9))
        guard case .successRate(let rate, let mean, let threshold)? = outliers.first?.cause else {
            Issue.record("endpoint 0 is an outlier")
            return
        }
        #expect(outliers.count == 1 && outliers[0].endpoint == 0)
        #expect(abs(rate - 0.8) < 1e-9 && abs(mean - 0.925) < 1e-9 && abs(threshold - 0.8188) < 1e-4)
        #expect(
            outliers[0].cause.description == "80% of its requests succeeded, below 81.9%; the pool's mean is 92.5%")
        #expect(bySuccessRate(volumes, OutlierRules(successRateDeviations: 2.3)).isEmpty)
    }

    @Test func littleDifferencesAmongTheGoodAreNone() {
        #expect(bySuccessRate(Self.volumes([0, 0, 1, 0, 0])).isEmpty, "99.9% among 100%")
        #expect(bySuccessRate(Self.volumes([0, 0, 62, 0, 0])).isEmpty, "4.96 points below the mean")
        #expect(bySuccessRate(Self.volumes([0, 0, 63, 0, 0])) == [2], "5.04 points below it")
    }

    @Test func manyThatFailAreNoOutliers() {
        #expect(bySuccessRate(Self.volumes([1000, 1000, 1000, 1000, 1000])).isEmpty)
        #expect(bySuccessRate(Self.volumes([1000, 1000, 0, 0, 0])).isEmpty)
    }

    @Test func hostsAndVolumeMustBeEnough() {
        #expect(bySuccessRate(Self.volumes([0, 0, 0, 1000])).isEmpty)
        #expect(bySuccessRate(Self.volumes([0, 0, 0, 0, 99], of: 99)).isEmpty)
        #expect(bySuccessRate(Self.volumes([0, 0, 0, 0, 100], of: 100)) == [4])
        var idle = Self.volumes([0, 0, 0, 0, 1000, 0])
        idle[0] = EndpointVolume(requests: 5, failures: 5)
        #expect(bySuccessRate(idle) == [4], "one with little to do is neither judged nor a judge")
        #expect(bySuccessRate(idle, OutlierRules(successRateDeviations: 1.9, minimumHosts: 6)).isEmpty)
        #expect(bySuccessRate(idle, OutlierRules(successRateDeviations: nil)).isEmpty)
        #expect(
            bySuccessRate(
                Self.volumes([0, 0, 0, 0, 0], of: 0), OutlierRules(successRateDeviations: 1.9, minimumVolume: 0)
            ).isEmpty)
    }

    @Test func countersReadInFlightDoNoHarm() {
        #expect(bySuccessRate(Self.volumes([0, 0, 0, 0, 1003])) == [4])
    }

    @Test func slowOnesAreFoundByTheMedian() {
        #expect(byLatency(Self.latencies([10_000, 11_000, 200_000, 9_000, 10_000])) == [2])
        #expect(byLatency(Self.latencies([10_000, 500_000, 200_000, 9_000, 10_000])) == [1, 2], "the worst first")
        #expect(byLatency(Self.latencies([10_000, 11_000, 30_000, 9_000, 10_000])).isEmpty, "three times is not above")
        #expect(byLatency(Self.latencies([10_000, 11_000, 200_000, 9_000, 10_000]), nil).isEmpty)
    }

    @Test func whatIsFastAnywayIsLeftAlone() {
        #expect(byLatency(Self.latencies([300, 300, 1_000, 300, 300])).isEmpty)
        #expect(byLatency(Self.latencies([300, 300, 10_300, 300, 300])).isEmpty)
        #expect(byLatency(Self.latencies([300, 300, 10_301, 300, 300])) == [2])
    }

    @Test func anEvenNumberHasItsMedianInTheMiddle() {
        let cause = OutlierDetection.byLatency(
            Self.latencies([10_000, 20_000, 10_000, 20_000, 90_000, 10_000]), inService: Array(0..<6),
            OutlierRules(latencyFactor: 3)
        ).first?.cause
        #expect(cause == .latency(90_000, median: 15_000))
        #expect(cause?.description == "mean latency 90 ms against the pool's median of 15 ms")
    }
}
