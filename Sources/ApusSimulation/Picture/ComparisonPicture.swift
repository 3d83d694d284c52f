import ApusModel

/// A picture of a comparison: each algorithm's median and 99th percentile, as bars.
public struct ComparisonPicture: Sendable {
    let comparison: Comparison

    public init(_ comparison: Comparison) { self.comparison = comparison }

    public var svg: String {
        let row = 40.0
        let (left, right, top) = (170.0, 740.0, 84.0)
        let bottom = top + row * Double(comparison.runs.count)
        var drawing = Drawing(width: 860, height: Int(bottom) + 52)
        let scenario = comparison.scenario
        let faults = scenario.faults.map { "\(scenario.name($0.endpoint)) \($0.kind)" }.joined(separator: ", ")
        let title = faults.isEmpty ? "The same day, by algorithm" : "The same bad day, by algorithm: \(faults)"
        drawing.text(title, at: .init(x: 20, y: 27), style: "title")
        drawing.text(
            "\(scenario.load.text) requests/s, \(counted(scenario.endpointCount, "endpoint")), seed \(scenario.seed); "
                + "latency over the whole run", at: .init(x: 20, y: 46), style: "faint")
        let values = comparison.runs.flatMap { run in
            [0.5, 0.99].compactMap { run.statistics.latency.percentile($0) }
        }
        let scale = LogScale(holding: values.map { max(1, $0 / 2) } + values)
        for tick in scale.ticks {
            let x = left + (right - left) * scale.place(tick.value)
            drawing.line(from: .init(x: x, y: top - 6), to: .init(x: x, y: bottom), style: "grid")
            guard tick.isLabelled else { continue }
            drawing.text(tick.value.axisText, at: .init(x: x, y: bottom + 18), style: "small", anchor: .middle)
        }
        for (place, run) in comparison.runs.enumerated() {
            let y = top + row * Double(place)
            drawing.text(run.balance.rawValue, at: .init(x: left - 12, y: y + 20), anchor: .end)
            for (offset, name, share, color) in [(3.0, "p50", 0.5, "blue"), (17.0, "p99", 0.99, "red")] {
                guard let value = run.statistics.latency.percentile(share) else { continue }
                let width = (right - left) * scale.place(value)
                drawing.bar(at: .init(x: left, y: y + offset), width: width, height: 12, color: color)
                drawing.text(
                    "\(name) \(value.millisecondsText) ms", at: .init(x: left + width + 6, y: y + offset + 10.5),
                    style: "small")
            }
        }
        drawing.text(
            "latency of requests, log scale", at: .init(x: (left + right) / 2, y: bottom + 38), style: "small",
            anchor: .middle)
        return drawing.document(title: title)
    }
}
