import ApusModel

/// A picture of a comparison: for each algorithm its median and its 99th percentile, and what lies between.
public struct ComparisonPicture: Sendable {
    let comparison: Comparison

    private static let row = 30.0
    private static let left = 170.0
    private static let right = 700.0
    private static let top = 84.0

    public init(_ comparison: Comparison) { self.comparison = comparison }

    public var svg: String {
        let bottom = Self.top + Self.row * Double(comparison.runs.count)
        var drawing = Drawing(width: 860, height: Int(bottom) + 52)
        let scenario = comparison.scenario
        let title = "The same day, by algorithm: \(scenario.faultsText)"
        drawing.text(title, at: .init(x: 20, y: 27), style: "title")
        drawing.text(
            "\(scenario.load.text) requests/s, \(counted(scenario.endpointCount, "endpoint")), seed \(scenario.seed); "
                + "p50 and p99 of the whole run, and by how much p99 differs from \(comparison.runs[0].balance.rawValue)'s",
            at: .init(x: 20, y: 46), style: "faint")
        let values = comparison.runs.flatMap { run in
            [0.5, 0.99].compactMap { run.statistics.latency.percentile($0) }
        }
        let scale = LogScale(holding: values)
        drawAxis(scale, bottom: bottom, &drawing)
        for (place, run) in comparison.runs.enumerated() {
            draw(run, scale, y: Self.top + Self.row * (Double(place) + 0.5), &drawing)
        }
        return drawing.document(title: title)
    }

    private func x(_ scale: LogScale, _ value: VirtualTime) -> Double {
        Self.left + (Self.right - Self.left) * scale.place(value)
    }

    private func drawAxis(_ scale: LogScale, bottom: Double, _ drawing: inout Drawing) {
        for tick in scale.ticks {
            let x = x(scale, tick.value)
            drawing.line(from: .init(x: x, y: Self.top - 6), to: .init(x: x, y: bottom), style: "grid")
            guard tick.isLabelled else { continue }
            drawing.text(tick.value.axisText, at: .init(x: x, y: bottom + 18), style: "small", anchor: .middle)
        }
        drawing.text(
            "latency of requests, log scale", at: .init(x: (Self.left + Self.right) / 2, y: bottom + 38),
            style: "small", anchor: .middle)
    }

    private func draw(_ run: Comparison.Run, _ scale: LogScale, y: Double, _ drawing: inout Drawing) {
        drawing.text(run.balance.rawValue, at: .init(x: Self.left - 14, y: y + 4), anchor: .end)
        guard let median = run.statistics.latency.percentile(0.5),
            let slow = run.statistics.latency.percentile(0.99)
        else { return }
        let (from, to) = (x(scale, median), x(scale, slow))
        drawing.curve([.init(x: from, y: y), .init(x: to, y: y)], color: "slate")
        drawing.dot(at: .init(x: from, y: y), color: "blue")
        drawing.dot(at: .init(x: to, y: y), color: "red")
        drawing.text("\(median.millisecondsText)", at: .init(x: from - 9, y: y + 4), style: "small", anchor: .end)
        drawing.text("\(slow.millisecondsText) ms", at: .init(x: to + 9, y: y + 4), style: "small")
        drawing.text(comparison.difference(run), at: .init(x: 840, y: y + 4), style: "label", anchor: .end)
    }
}
