public import ApusModel

/// Several algorithms on the same day: the same arrivals, the same work, the same faults.
public struct Comparison: Sendable {
    public struct Run: Sendable {
        public let balance: Balance
        public let scenario: Scenario
        public let statistics: Statistics
    }

    public let scenario: Scenario
    public let runs: [Run]

    /// Runs the scenario once for each algorithm. The first is what the others are compared with.
    public init(_ scenario: Scenario, _ algorithms: [Balance]) {
        self.scenario = scenario
        runs = algorithms.map { balance in
            let one = scenario.changingPool { $0.balance = balance }
            return Run(balance: balance, scenario: one, statistics: one.run())
        }
    }

    /// Endpoints that something was done to, in their order.
    var struck: [Int] { Set(scenario.faults.map(\.endpoint)).sorted() }

    public var text: String {
        let shown = struck.prefix(3)
        var table = TextTable(
            ["algorithm", "requests", "errors", "retries"] + Report.latencyColumns
                + shown.map { "to \(scenario.name($0))" }
                + ["p99 against \(runs[0].balance.rawValue)"])
        for run in runs {
            let statistics = run.statistics
            let shares = shown.map { endpoint in
                (Double(statistics.endpoints[endpoint].attempts) / Double(max(1, statistics.attempts)) * 100)
                    .text(digits: 1) + "%"
            }
            table.add(
                [run.balance.rawValue, statistics.requests.text, statistics.errors.text, statistics.retries.text]
                    + Report.latencies(statistics.latency) + shares + [difference(run)])
        }
        return "\(Report.subject(of: scenario))\n\(Report.conditions(of: scenario))\n\(faults)\n\(table.text)"
    }

    private var faults: String {
        scenario.faults.map { "\($0.at.momentText) * \(scenario.name($0.endpoint)) \($0.kind)\n" }.joined()
    }

    /// By how much the run's p99 differs from the first one's.
    func difference(_ run: Run) -> String {
        guard let mine = run.statistics.latency.percentile(0.99), run.balance != runs[0].balance,
            let first = runs[0].statistics.latency.percentile(0.99), first > 0
        else { return "-" }
        let change = (Double(mine) / Double(first) - 1) * 100
        return (change > 0 ? "+" : "") + change.text(digits: 1) + "%"
    }
}
