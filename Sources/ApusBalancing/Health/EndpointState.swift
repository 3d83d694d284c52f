public import ApusModel

/// How an endpoint is, with the reason: the one state that logs, metrics and the admin server tell of it.
///
/// Where several things are true at once, the first of this order is told: its probes or connects failed (`unhealthy`),
/// its answers were bad (`ejected`), its weight is 0 (`draining`).
public enum EndpointState: Sendable, Hashable {
    /// Not probed yet, or out of service for long enough: requests are sent, and will tell.
    case unknown
    /// It has come while others served, and none is sent there until a probe has passed. Its kind is `unknown`.
    case joining
    case healthy
    case unhealthy(DownCause)
    /// Out of service for its answers, until a time in microseconds of the clock that is used throughout.
    case ejected(until: Int64, EjectionCause)
    /// Its weight is 0: only its sticky sessions go on.
    case draining
    /// A reload removed it: the requests that it has go on, and none is sent there. Its kind is `draining`.
    case removed

    /// The state without its reason.
    public enum Kind: String, Sendable, CaseIterable {
        case unknown, healthy, unhealthy, ejected, draining
    }

    public var kind: Kind {
        switch self {
        case .unknown, .joining: .unknown
        case .healthy: .healthy
        case .unhealthy: .unhealthy
        case .ejected: .ejected
        case .draining, .removed: .draining
        }
    }

    /// Whether it is out of use for a while, so that it is probed more often.
    public var isToBeWatched: Bool { kind == .unhealthy || kind == .ejected }

    static let joiningWords = "unknown: new, and gets requests once a probe passes"

    /// The state as people read it: `ejected until 14:03:20Z: 5 consecutive 5xx`.
    ///
    /// - Parameter clock: writes a time; these machines have no clock to do it by.
    public func words(clock: (Int64) -> String) -> String {
        switch self {
        case .unknown, .healthy, .draining: kind.rawValue
        case .joining: Self.joiningWords
        case .removed: "draining (removed)"
        case .unhealthy(let cause): "unhealthy: \(cause)"
        case .ejected(let until, let cause): "ejected until \(clock(until)): \(cause)"
        }
    }
}

/// Why an endpoint was ejected.
public enum EjectionCause: Sendable, Hashable {
    /// This many bad answers in a row, as one worker saw them.
    case consecutive(ConsecutiveFailure, count: Int)
    /// Of its requests in an interval only so many succeeded; the pool's mean and the least it could have had.
    case successRate(Double, mean: Double, threshold: Double)
    /// Its mean latency in an interval and the median of the pool's, in microseconds.
    case latency(Int64, median: Int64)

    /// The cause without its figures.
    public enum Kind: String, Sendable, CaseIterable {
        case consecutive5xx = "consecutive_5xx"
        case consecutiveGatewayErrors = "consecutive_gateway_errors"
        /// Requests that were not answered in time, and no other gateway errors among them.
        case consecutiveLate = "consecutive_late"
        case successRate = "success_rate"
        case latency
    }

    public var kind: Kind {
        switch self {
        case .consecutive(.status5xx, _): .consecutive5xx
        case .consecutive(.gatewayError, _): .consecutiveGatewayErrors
        case .consecutive(.timeout, _): .consecutiveLate
        case .successRate: .successRate
        case .latency: .latency
        }
    }
}

extension EjectionCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .consecutive(.status5xx, let count): "\(count) consecutive 5xx"
        case .consecutive(.gatewayError, let count): "\(count) consecutive gateway errors"
        case .consecutive(.timeout, let count): "\(count) requests in a row were late, while others were answered"
        case .successRate(let rate, let mean, let threshold):
            "\(percent(rate)) of its requests succeeded, below \(percent(threshold)); the pool's mean is \(percent(mean))"
        case .latency(let latency, let median):
            "mean latency \(milliseconds(latency)) against the pool's median of \(milliseconds(median))"
        }
    }
}

/// A share in percent, to a tenth: `62.5%`.
private func percent(_ share: Double) -> String {
    let thousandths = Int((share * 1000).rounded())
    return thousandths % 10 == 0 ? "\(thousandths / 10)%" : "\(thousandths / 10).\(thousandths % 10)%"
}

/// Microseconds as milliseconds, to a tenth: `1.5 ms`.
private func milliseconds(_ microseconds: Int64) -> String {
    let tenths = (microseconds + 50) / 100
    return tenths % 10 == 0 ? "\(tenths / 10) ms" : "\(tenths / 10).\(tenths % 10) ms"
}
