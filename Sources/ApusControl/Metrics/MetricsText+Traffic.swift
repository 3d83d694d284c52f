import ApusHTTP
import ApusModel

/// What clients asked for and got: requests, latencies, refusals, connections.
extension MetricsText {
    /// Final statuses and `none`; 1xx occurs only where a connection was switched to another protocol.
    private static let classLabels = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]
    /// The classes listed even while they are zero, so that a first error shows as a rise and not as a new series.
    static let alwaysListed = 2...5

    func writeRequests(to writer: inout ExpositionWriter) {
        writer.family(
            "apus_requests_total", .counter,
            "Requests that ended, by the class of their status; endpoint none: answered by Apus itself.")
        for row in rows {
            for endpoint in layout.endpoints(row: row.indices[0]).filter(isShown).map(Int?.some) + [nil] {
                let labels = labels(of: row, endpoint: endpoint)
                for statusClass in 0..<CounterLayout.statusClasses {
                    let count = total(of: row) {
                        layout.requests(row: $0, endpoint: endpoint, statusClass: statusClass)
                    }
                    guard count > 0 || Self.alwaysListed.contains(statusClass) else { continue }
                    writer.sample(labels.adding("class", Self.classLabels[statusClass]), count)
                }
            }
        }
    }

    func writeDurations(to writer: inout ExpositionWriter) {
        writer.family(
            "apus_request_duration_seconds", .histogram,
            "From the first byte of a request's head to the last byte of its response.")
        let bounds = CounterLayout.latencyBounds
        for row in rows {
            let buckets = (0...bounds.count).map { bucket in
                total(of: row) { layout.latencyBucket(row: $0, bucket: bucket) }
            }
            let sum = total(of: row) { layout.latencySum(row: $0) }
            writer.histogram(labels(of: row), bounds: bounds, buckets: buckets, sum: sum)
        }
    }

    func writeRefusals(to writer: inout ExpositionWriter) {
        writer.family(
            "apus_refused_requests_total", .counter,
            "Requests that Apus answered itself and connections that it broke, by reason; a reason shows once it occurred."
        )
        for listener in listeners {
            let name = listenerNames[listener]
            for reason in Reason.allCases {
                let count = counters.total(layout.reason(reason, listener: listener))
                guard count > 0 else { continue }
                writer.sample(["listener": name, "reason": "\(reason.token)"], count)
            }
        }
    }

    func writeListeners(to writer: inout ExpositionWriter) {
        writer.family("apus_connections_accepted_total", .counter, "Client connections accepted.")
        eachListener(.connectionsAccepted) { writer.sample($0, $1) }
        writer.family("apus_connections_open", .gauge, "Client connections open now.")
        for listener in listeners {
            let name = listenerNames[listener]
            // The closed ones first: what closes in between must not make the difference negative.
            let closed = counters.total(layout.listener(listener, .connectionsClosed))
            let accepted = counters.total(layout.listener(listener, .connectionsAccepted))
            writer.sample(["listener": name], accepted - min(accepted, closed))
        }
        writer.family("apus_received_bytes_total", .counter, "Bytes received from clients.")
        eachListener(.bytesReceived) { writer.sample($0, $1) }
        writer.family("apus_sent_bytes_total", .counter, "Bytes sent to clients.")
        eachListener(.bytesSent) { writer.sample($0, $1) }
    }

    private func eachListener(_ counter: CounterLayout.ListenerCounter, _ write: (LabelSet, UInt64) -> Void) {
        for listener in listeners {
            let name = listenerNames[listener]
            write(["listener": name], counters.total(layout.listener(listener, counter)))
        }
    }

    private func isShown(_ endpoint: Int) -> Bool {
        let endpoint = snapshot.endpoints[endpoint]
        return !endpoint.isRetired && !snapshot.pools[endpoint.pool].isRetired
    }

    private func labels(of row: Row) -> LabelSet {
        ["listener": listenerNames[row.listener], "route": row.route, "pool": row.pool.map { poolNames[$0] } ?? "none"]
    }

    /// The labels of requests that `endpoint` answered, or Apus itself. The pool is the endpoint's own: where a fallback
    /// pool answered, that pool, two of whose endpoints cannot have one name.
    private func labels(of row: Row, endpoint: Int?) -> LabelSet {
        guard let endpoint else { return labels(of: row).adding("endpoint", "none") }
        return [
            "listener": listenerNames[row.listener], "route": row.route,
            "pool": poolNames[snapshot.endpoints[endpoint].pool], "endpoint": endpointNames[endpoint],
        ]
    }
}
