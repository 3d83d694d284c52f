/// What happens in a running Apus, as lines for a terminal: the whole in three lines, then listeners, routes, pools and
/// endpoints, the busiest first.
public struct TopScreen: Sendable {
    private let rates: TrafficRates
    private let now: Exposition
    private let address: AdminAddress
    private let uptime: Double

    /// - Parameters:
    ///   - before: nil for the first look: the rates are then those since the process began.
    ///   - wallClock: seconds since 1970.
    public init(from before: Traffic?, to now: Traffic, at address: AdminAddress, wallClock: Double) {
        self.now = now.metrics
        self.address = address
        uptime = wallClock - now.metrics.total("process_start_time_seconds")
        rates = TrafficRates(from: before, to: now, uptime: uptime)
    }

    /// The lines, none longer than `width`; as many as there is need for, `height` at most.
    public func lines(width: Int, height: Int = .max) -> [String] {
        var lines = summary.map { String($0.prefix(width)) }
        let tables = [listeners, routes, pools, endpoints].filter { !$0.rows.isEmpty }
        var room = max(0, height - lines.count)
        for (index, table) in tables.enumerated() {
            // A blank line, the titles, the rows. Each table may take its share of what those before it left.
            let share = height == .max ? table.rows.count + 2 : room / (tables.count - index)
            let made = table.lines(width: width, height: min(share - 1, table.rows.count + 1))
            guard !made.isEmpty else { continue }
            lines += [""] + made
            room -= made.count + 1
        }
        return lines
    }

    // MARK: - The whole

    var summary: [String] {
        let version = now["apus_build_info"].first?["version"] ?? "?"
        let busy = rates.rates("apus_worker_busy_seconds_total") { [$0["worker"] ?? ""] }
            .sorted { (Int($0.key[0]) ?? 0) < (Int($1.key[0]) ?? 0) }.map { Figures.percent(min(1, $0.value)) }
        let failed = rates.rate("apus_requests_total") { $0["class"] == "5xx" }
        let latency = rates.distributions("apus_request_duration_seconds") { _ in [] }[[]]
        return [
            "apus \(version) at \(address), up \(Figures.age(uptime))"
                + (rates.isInterval ? "" : ", rates since it began"),
            "requests \(Figures.count(rates.rate("apus_requests_total")))/s, 5xx \(Figures.count(failed))/s"
                + ", p50 \(Figures.time(latency?.quantile(0.5))), p99 \(Figures.time(latency?.quantile(0.99)))"
                + ", clients \(Figures.count(now.total("apus_connections_open")))"
                + ", in \(Figures.bytes(rates.rate("apus_received_bytes_total")))/s"
                + ", out \(Figures.bytes(rates.rate("apus_sent_bytes_total")))/s",
            "workers busy \(busy.joined(separator: " ")), memory "
                + "\(Figures.bytes(now.total("process_resident_memory_bytes")))"
                + ", descriptors \(Figures.count(now.total("process_open_fds")))",
        ]
    }

    // MARK: - The tables

    private var listeners: Table {
        var table = Table(columns: [
            .init(title: "LISTENER", isNumber: false), .init(title: "REQ/S"), .init(title: "CLIENTS"),
            .init(title: "NEW/S"), .init(title: "IN/S"), .init(title: "OUT/S"),
        ])
        func key(_ labels: [String: String]) -> [String]? { [labels["listener"] ?? ""] }
        let requests = rates.rates("apus_requests_total", by: key)
        let open = rates.values("apus_connections_open", by: key)
        let accepted = rates.rates("apus_connections_accepted_total", by: key)
        let received = rates.rates("apus_received_bytes_total", by: key)
        let sent = rates.rates("apus_sent_bytes_total", by: key)
        table.rows = busiest(open, requests).map { key in
            key + [
                Figures.count(requests[key] ?? 0), Figures.count(open[key] ?? 0), Figures.count(accepted[key] ?? 0),
                Figures.bytes(received[key] ?? 0), Figures.bytes(sent[key] ?? 0),
            ]
        }
        return table
    }

    private var routes: Table {
        var table = Table(columns: [
            .init(title: "ROUTE", isNumber: false), .init(title: "POOL", isNumber: false), .init(title: "REQ/S"),
            .init(title: "4XX/S"), .init(title: "5XX/S"), .init(title: "P50"), .init(title: "P99"),
        ])
        func key(_ labels: [String: String]) -> [String]? { [labels["route"] ?? "", labels["pool"] ?? ""] }
        func failures(_ status: String) -> [[String]: Double] {
            rates.rates("apus_requests_total") { $0["class"] == status ? key($0) : nil }
        }
        let requests = rates.rates("apus_requests_total", by: key)
        let latencies = rates.distributions("apus_request_duration_seconds", by: key)
        let (refused, failed) = (failures("4xx"), failures("5xx"))
        table.rows = busiest(requests, requests).map { key in
            key + [
                Figures.count(requests[key] ?? 0), Figures.count(refused[key] ?? 0), Figures.count(failed[key] ?? 0),
                Figures.time(latencies[key]?.quantile(0.5)), Figures.time(latencies[key]?.quantile(0.99)),
            ]
        }
        return table
    }

    private var pools: Table {
        var table = Table(columns: [
            .init(title: "POOL", isNumber: false), .init(title: "REQ/S"), .init(title: "IN FLIGHT"),
            .init(title: "WAITING"), .init(title: "RETRIES/S"), .init(title: "AVAIL"), .init(title: "P50"),
            .init(title: "P99"),
        ])
        func key(_ labels: [String: String]) -> [String]? { [labels["pool"] ?? ""] }
        let requests = rates.rates("apus_requests_total", by: key)
        let latencies = rates.distributions("apus_request_duration_seconds", by: key)
        let inFlight = rates.values("apus_upstream_exchanges_open", by: key)
        let waiting = rates.values("apus_queue_length", by: key)
        let retries = rates.rates("apus_retries_total", by: key)
        // Who drains gets no new requests, though it is up.
        let states = rates.values("apus_endpoint_health", by: key)
        let available = rates.values("apus_endpoint_health") { labels in
            ["up", "unknown"].contains(labels["state"]) ? key(labels) : nil
        }
        table.rows = busiest(states, requests).map { key in
            key + [
                Figures.count(requests[key] ?? 0), Figures.count(inFlight[key] ?? 0), Figures.count(waiting[key] ?? 0),
                Figures.count(retries[key] ?? 0), "\(Int(available[key] ?? 0))/\(Int(states[key] ?? 0))",
                Figures.time(latencies[key]?.quantile(0.5)), Figures.time(latencies[key]?.quantile(0.99)),
            ]
        }
        return table
    }

    private var endpoints: Table {
        var table = Table(columns: [
            .init(title: "ENDPOINT", isNumber: false), .init(title: "POOL", isNumber: false),
            .init(title: "STATE", isNumber: false), .init(title: "REQ/S"), .init(title: "FAILED/S"),
            .init(title: "IN FLIGHT"), .init(title: "CONNS"), .init(title: "MEAN"),
        ])
        func key(_ labels: [String: String]) -> [String]? { [labels["endpoint"] ?? "", labels["pool"] ?? ""] }
        let responses = rates.rates("apus_upstream_responses_total", by: key)
        let seconds = rates.rates("apus_upstream_response_seconds_total", by: key)
        let failed = rates.rates("apus_upstream_failures_total", by: key)
        let inFlight = rates.values("apus_upstream_exchanges_open", by: key)
        let connections = rates.values("apus_upstream_connections_open", by: key)
        var states: [[String]: String] = [:]
        for sample in now["apus_endpoint_health"] where sample.value == 1 {
            states[[sample["endpoint"], sample["pool"]]] = sample["state"]
        }
        for sample in now["apus_endpoint_slow_start_share"] where sample.value < 1 {
            let key = [sample["endpoint"], sample["pool"]]
            states[key] = "\(states[key] ?? "up") \(Figures.percent(sample.value))"
        }
        table.rows = busiest(inFlight, responses).map { key in
            let count = responses[key] ?? 0
            return key + [
                states[key] ?? "-", Figures.count(count), Figures.count(failed[key] ?? 0),
                Figures.count(inFlight[key] ?? 0), Figures.count(connections[key] ?? 0),
                Figures.time(count > 0 ? (seconds[key] ?? 0) / count : nil),
            ]
        }
        return table
    }

    /// All that there are, those with the most requests first, and by name among equals.
    private func busiest(_ all: [[String]: Double], _ requests: [[String]: Double]) -> [[String]] {
        all.keys.sorted { one, other in
            let (first, second) = (requests[one] ?? 0, requests[other] ?? 0)
            return first == second ? one.lexicographicallyPrecedes(other) : first > second
        }
    }
}
