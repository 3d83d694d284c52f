import ApusModel

/// A simulation's result as text for a person: what was simulated, a table of the endpoints, a timeline.
public struct Report: Sendable {
    let scenario: Scenario
    let statistics: Statistics
    /// Lines of the timeline that are shown; there may be thousands, and the first ones tell most.
    var timelineLimit = 200

    public init(_ scenario: Scenario, _ statistics: Statistics) {
        self.scenario = scenario
        self.statistics = statistics
    }

    public var text: String { "\(heading)\n\(endpoints)\(endings)\n\(timeline)" }

    // MARK: - What was simulated

    var heading: String {
        "\(Self.subject(of: scenario)), \(scenario.pool.balance.rawValue)\n\(Self.conditions(of: scenario))\n"
    }

    static func subject(of scenario: Scenario) -> String {
        "pool \(scenario.pool.name): \(counted(scenario.endpointCount, "endpoint"))"
    }

    static func conditions(of scenario: Scenario) -> String {
        let service = scenario.origins.service
        let mean = VirtualTime(service.mean).durationText
        let shape =
            switch service.shape {
            case .logNormal(let tail): "log-normal, p99 \(tail.text) times the median"
            case .exponential: "exponential"
            }
        return """
            \(scenario.load.text) requests/s for \(scenario.duration.durationText) through \
            \(counted(scenario.balancers, "balancer")), seed \(scenario.seed)
            origins work \(mean) on a request (\(shape)), on \(scenario.origins.capacity.text) at once; \
            \(scenario.origins.networkDelay.durationText) to them and as long back
            """
    }

    // MARK: - Endpoints

    static let latencyColumns = ["p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"]

    static func latencies(_ latency: Histogram) -> [String] {
        let percentiles = [0.5, 0.9, 0.99, 0.999].map { latency.percentile($0)?.millisecondsText ?? "-" }
        return percentiles + [latency.count == 0 ? "-" : latency.maximum.millisecondsText]
    }

    var endpoints: String {
        var table = TextTable(["endpoint", "requests", "share", "errors", "retries"] + Self.latencyColumns)
        let attempts = statistics.attempts
        for (index, endpoint) in statistics.endpoints.enumerated() {
            let name = "\(scenario.name(index)) \(scenario.snapshot.endpoints[index].name)"
            let share = attempts == 0 ? 0 : Double(endpoint.attempts) / Double(attempts) * 100
            table.add(
                [
                    name, endpoint.attempts.text, share.text(digits: 1) + "%", endpoint.errors.text,
                    endpoint.retries.text,
                ]
                    + Self.latencies(endpoint.latency))
        }
        table.add(
            ["clients", statistics.requests.text, "", statistics.errors.text, statistics.retries.text]
                + Self.latencies(statistics.latency))
        return table.text
    }

    /// What else there is to say of how requests went; nothing where nothing was out of the ordinary.
    var endings: String {
        var parts: [String] = []
        if statistics.errorAnswers > 0 { parts.append("\(statistics.errorAnswers.text) answered with 500 or above") }
        for refusal in Refusal.allCases {
            if let count = statistics.refusals[refusal] { parts.append("\(count.text) \(refusal.rawValue)") }
        }
        if statistics.left > 0 { parts.append("\(statistics.left.text) client_closed") }
        var lines: [String] = []
        if !parts.isEmpty { lines.append("errors of clients: \(parts.joined(separator: ", "))") }
        let others = [
            (statistics.queued, "waited for an endpoint"),
            (statistics.unreachable, "attempts left, of which nothing was acknowledged"),
            (statistics.shortages, "attempts for which this machine had nothing left to connect with"),
            (statistics.deniedRetries, "retries beyond the budget, not made"),
            (statistics.hedges, "hedged, of which \(statistics.hedgesWon.text) were answered by the second endpoint"),
            (statistics.panicPicks, "sent in panic"),
        ]
        lines += others.filter { $0.0 > 0 }.map { "\($0.0.text) \($0.1)" }
        return lines.map { $0 + "\n" }.joined()
    }

    // MARK: - Timeline

    var timeline: String {
        let lines = timelineLines
        guard !lines.isEmpty else { return "timeline: nothing changed\n" }
        let shown = lines.prefix(timelineLimit).map { "  \($0)\n" }.joined()
        let rest = lines.count - timelineLimit
        return "timeline\n" + shown + (rest > 0 ? "  and \(rest.text) more\n" : "")
    }

    private var timelineLines: [String] {
        var found = Array(repeating: 0, count: scenario.balancers)
        var lines: [String] = []
        for change in statistics.changes {
            // Every endpoint is found healthy once at the start: one line tells of all.
            if change.text == StateChange.firstHealthy, let balancer = change.balancer {
                found[balancer] += 1
                guard found[balancer] == scenario.endpointCount else { continue }
                lines.append(line(change.at, balancer, "all \(scenario.endpointCount.text) endpoints are healthy"))
                continue
            }
            let subject = change.endpoint.map(scenario.name) ?? "pool \(scenario.pool.name)"
            lines.append(line(change.at, change.balancer, "\(subject) \(change.text)"))
        }
        return lines
    }

    /// With several balancers each line says whose decision it was.
    private func line(_ at: VirtualTime, _ balancer: Int?, _ text: String) -> String {
        guard let balancer else { return "\(at.momentText) * \(text)" }
        return "\(at.momentText) \(scenario.balancers > 1 ? "balancer \(balancer + 1): " : "")\(text)"
    }
}

/// `1 endpoint`, `2 endpoints`.
func counted(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number.text) \(noun)s"
}
