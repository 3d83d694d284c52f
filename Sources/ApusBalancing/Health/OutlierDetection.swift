internal import ApusModel

/// What one endpoint did in one interval, over all workers.
public struct EndpointVolume: Sendable, Hashable {
    /// Attempts that ended, and those of them that failed: a status of 500 or above, or no response.
    public var requests: Int
    public var failures: Int
    /// Responses whose head came, and the microseconds that they took together.
    public var responses: Int
    public var microseconds: Int64

    public init(requests: Int = 0, failures: Int = 0, responses: Int = 0, microseconds: Int64 = 0) {
        self.requests = requests
        self.failures = failures
        self.responses = responses
        self.microseconds = microseconds
    }
}

/// Finds the endpoints of a pool that did much worse than the others in one interval.
///
/// Success rate: an endpoint is an outlier below the mean of the endpoints' rates minus `successRateDeviations` (of the
/// population). That is Envoy's algorithm, and with it alone an endpoint at 99.9% among others at 100% is an outlier,
/// since so little is what the deviation then is. So it must also be `leastRateGap` below the mean.
///
/// Latency: an endpoint is an outlier above `latencyFactor` times the median of the endpoints' means, and
/// `leastLatencyGap` above that median: 1 ms against 0.3 ms harms nobody. The median, since the mean follows the outlier.
///
/// Both look only at endpoints with `minimumVolume` in the interval, and only when there are `minimumHosts` of them. Of n
/// rates none can be more than the square root of n - 1 deviations below their mean: 1.9 deviations need 5 endpoints,
/// and of 5, two that fail hide each other. Failures in a row find those.
enum OutlierDetection {
    /// The least distance of a success rate from the mean: 5 of 100 requests.
    static let leastRateGap = 0.05
    /// The least distance of a mean latency from the median, in microseconds: 10 ms.
    static let leastLatencyGap: Int64 = 10_000

    struct Outlier: Equatable {
        let endpoint: Int
        let cause: EjectionCause
    }

    /// The outliers by success rate, the worst first.
    ///
    /// - Parameter inService: the endpoints that were to be judged by what they did.
    static func bySuccessRate(_ volumes: [EndpointVolume], inService: [Int], _ rules: OutlierRules) -> [Outlier] {
        guard let deviations = rules.successRateDeviations else { return [] }
        let judged = inService.filter { volumes[$0].requests >= max(1, rules.minimumVolume) }
        guard judged.count >= max(1, rules.minimumHosts) else { return [] }
        let rates = judged.map { endpoint in
            let volume = volumes[endpoint]
            // The counters were read one after the other while requests went on.
            return 1 - Double(min(volume.failures, volume.requests)) / Double(volume.requests)
        }
        let mean = rates.reduce(0, +) / Double(rates.count)
        let variance = rates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rates.count)
        let threshold = min(mean - deviations * variance.squareRoot(), mean - leastRateGap)
        return zip(judged, rates).filter { $0.1 < threshold }.sorted { $0.1 < $1.1 }.map { endpoint, rate in
            Outlier(endpoint: endpoint, cause: .successRate(rate, mean: mean, threshold: threshold))
        }
    }

    /// The outliers by latency, the worst first.
    static func byLatency(_ volumes: [EndpointVolume], inService: [Int], _ rules: OutlierRules) -> [Outlier] {
        guard let factor = rules.latencyFactor else { return [] }
        let judged = inService.filter { volumes[$0].responses >= max(1, rules.minimumVolume) }
        guard judged.count >= max(1, rules.minimumHosts) else { return [] }
        let means = judged.map { volumes[$0].microseconds / Int64(volumes[$0].responses) }
        let sorted = means.sorted()
        let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        let threshold = max(factor * Double(median), Double(median + leastLatencyGap))
        return zip(judged, means).filter { Double($0.1) > threshold }.sorted { $0.1 > $1.1 }.map { endpoint, latency in
            Outlier(endpoint: endpoint, cause: .latency(latency, median: median))
        }
    }
}
