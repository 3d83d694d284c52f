import ApusBalancing
import ApusModel
import FoundationEssentials

/// How every pool and every endpoint is, as `GET /v1/pools` of the admin server answers it: JSON, or text for people.
///
/// The words are those of the log, the names those of the metrics.
struct PoolsAnswer: Encodable {
    var pools: [PoolAnswer]

    struct PoolAnswer: Encodable {
        var name: String
        /// Endpoints that requests may be sent to, of all.
        var available: Int
        var total: Int
        /// Whether all are used because so few are available.
        var panicking: Bool
        /// Absent in pools without a breaker of their own.
        var breaker: BreakerAnswer?
        var endpoints: [EndpointAnswer]
    }

    struct EndpointAnswer: Encodable {
        var name: String
        /// `healthy`, `unhealthy`, `ejected`, `draining` or `unknown`.
        var state: String
        /// The state with its reason.
        var words: String
        /// When it came to be so.
        var since: String
        var available: Bool
        var weight: Int
        /// Requests that are there now.
        var inFlight: UInt64
        /// Absent in pools whose endpoints have no breakers.
        var breaker: BreakerAnswer?
    }

    struct BreakerAnswer: Encodable {
        /// `closed`, `open` or `half_open`.
        var state: String
        var words: String
        /// Absent while it has never changed.
        var since: String?
    }

    /// - Parameter metrics: has the names and the counters.
    init(_ report: HealthReport, metrics: MetricsText) {
        let snapshot = report.snapshot
        // For a moment at a reload the counters may be those of another snapshot, of which nothing can be told.
        let isCounted = snapshot === metrics.snapshot
        let names = isCounted ? metrics : MetricsText(snapshot: snapshot, counters: metrics.counters)
        let clock = report.clock
        pools = zip(snapshot.pools.indices, report.pools).map { index, health in
            let pool = snapshot.pools[index]
            func answer(_ breaker: BreakerStatus, _ rules: BreakerRules?) -> BreakerAnswer? {
                guard rules != nil else { return nil }
                return BreakerAnswer(
                    state: breaker.kind.rawValue, words: breaker.words(clock: clock.time),
                    since: breaker.changedAt.map(clock.date))
            }
            let endpoints = pool.endpoints.enumerated().map { place, endpoint in
                EndpointAnswer(
                    name: names.endpointNames[endpoint], state: health.state(place).kind.rawValue,
                    words: health.state(place).words(clock: clock.time), since: clock.date(health.since(place)),
                    available: health.isAvailable(place), weight: health.weight(place),
                    inFlight: isCounted ? metrics.inFlight(endpoint) : 0,
                    breaker: answer(health.breaker(place), pool.endpointBreaker))
            }
            return PoolAnswer(
                name: names.poolNames[index] + (pool.isRetired ? " (removed)" : ""), available: health.availableCount,
                total: health.count,
                panicking: health.isPanicking, breaker: answer(health.poolBreaker, pool.poolBreaker),
                endpoints: endpoints)
        }
    }

    /// An object with the list `pools`.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
        } catch {
            // Strings, numbers and lists of them can always be written.
            preconditionFailure("pools cannot be written as JSON: \(error)")
        }
    }

    /// A line for each pool, and under it one for each endpoint:
    ///
    ///     web: 1 of 2 endpoints available
    ///       10.0.0.1:80  weight 1  in flight 12  since 2026-03-01T14:02:10Z  healthy
    ///       10.0.0.2:80  weight 1  in flight 0   since 2026-03-01T14:02:50Z  ejected until 14:03:20Z: 5 consecutive 5xx
    var text: String {
        var text = ""
        for pool in pools {
            text += "\(pool.name): \(pool.available) of \(pool.total) endpoints available"
            if pool.panicking { text += ", panicking: all of them are used" }
            if let breaker = pool.breaker { text += "; \(breaker.words)" }
            text += "\n"
            let nameWidth = pool.endpoints.map(\.name.count).max() ?? 0
            let weightWidth = pool.endpoints.map { "\($0.weight)".count }.max() ?? 0
            let countWidth = pool.endpoints.map { "\($0.inFlight)".count }.max() ?? 0
            for endpoint in pool.endpoints {
                text += "  \(padded(endpoint.name, nameWidth))  weight \(padded("\(endpoint.weight)", weightWidth))"
                text += "  in flight \(padded("\(endpoint.inFlight)", countWidth))  since \(endpoint.since)"
                text += "  \(endpoint.words)"
                if let breaker = endpoint.breaker { text += "; \(breaker.words)" }
                text += "\n"
            }
        }
        return text
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
