import ApusModel

/// A picture of one run: latency over time above, the endpoints' shares of the requests below.
public struct RunPicture: Sendable {
    let scenario: Scenario
    let statistics: Statistics

    public init(_ scenario: Scenario, _ statistics: Statistics) {
        self.scenario = scenario
        self.statistics = statistics
    }

    private struct Frame {
        var left = 66.0
        var right = 740.0
        var top: Double
        var bottom: Double

        func x(_ share: Double) -> Double { left + (right - left) * share }
        /// 0 is the bottom.
        func y(_ share: Double) -> Double { bottom - (bottom - top) * share }
    }

    private static let size = (width: 860, height: 500)

    public var svg: String {
        var drawing = Drawing(width: Self.size.width, height: Self.size.height)
        let title = "\(scenario.pool.balance.rawValue): \(scenario.faultsText)"
        drawing.text(title, at: Drawing.Point(x: 20, y: 27), style: "title")
        drawing.text(summary, at: Drawing.Point(x: 20, y: 46), style: "faint")
        let latency = Frame(top: 78, bottom: 258)
        let shares = Frame(top: 298, bottom: 448)
        drawLatency(in: latency, &drawing)
        drawShares(in: shares, &drawing)
        drawEvents(latency, shares, &drawing)
        drawTime(below: shares, &drawing)
        return drawing.document(title: "\(title). \(summary)")
    }

    private var summary: String {
        let load =
            "\(scenario.load.text) requests/s, \(counted(scenario.endpointCount, "endpoint")), seed \(scenario.seed)"
        guard let p50 = statistics.latency.percentile(0.5), let p99 = statistics.latency.percentile(0.99) else {
            return load
        }
        let errors = counted(statistics.errors, "error")
        return "over the whole run: p50 \(p50.millisecondsText) ms, p99 \(p99.millisecondsText) ms, \(errors); \(load)"
    }

    private var slots: [Series.Slot] { statistics.series.slots.filter { $0.begin < scenario.duration } }

    /// Where the middle of a slot is, of the whole duration.
    private func moment(_ slot: Series.Slot) -> Double {
        min(1, Double(slot.begin + statistics.series.slotLength / 2) / Double(scenario.duration))
    }

    // MARK: - Latency

    private func drawLatency(in frame: Frame, _ drawing: inout Drawing) {
        let scale = LogScale(holding: slots.flatMap { [$0.median, $0.percentile99].compactMap { $0 } })
        for tick in scale.ticks {
            let y = frame.y(scale.place(tick.value))
            drawing.line(from: .init(x: frame.left, y: y), to: .init(x: frame.right, y: y), style: "grid")
            guard tick.isLabelled else { continue }
            drawing.text(tick.value.axisText, at: .init(x: frame.left - 8, y: y + 4), style: "small", anchor: .end)
        }
        drawing.text(
            "latency of requests, log scale", at: .init(x: frame.left, y: frame.top - 10), style: "small")
        let curves = [("p99", "red", slots.map(\.percentile99)), ("p50", "blue", slots.map(\.median))]
        var labels: [Label] = []
        for (name, color, values) in curves {
            let points = zip(slots, values).map { slot, value in
                value.map { Drawing.Point(x: frame.x(moment(slot)), y: frame.y(scale.place($0))) }
            }
            drawing.curve(points, color: color)
            guard let last = points.last(where: { $0 != nil }), let last else { continue }
            labels.append(Label(text: name, color: color, y: last.y))
        }
        draw(labels, at: frame.right + 10, within: frame, &drawing)
    }

    // MARK: - Shares

    /// One band of the lower panel: an endpoint, or all those that have none of their own.
    private struct Band {
        var name: String
        var color: String
        var endpoints: [Int]
    }

    private var bands: [Band] {
        let struck = Set(scenario.faults.map(\.endpoint))
        let calm = ["blue", "sky", "green", "slate", "olive", "rose"]
        let alarming = ["red", "amber", "rose"]
        let all = Array(0..<scenario.endpointCount)
        let isFew = all.count <= 8
        let shown = isFew ? all : Array(struck.sorted().prefix(5))
        var calmCount = 0
        var alarmingCount = 0
        var bands = shown.map { endpoint in
            let isStruck = struck.contains(endpoint)
            defer { if isStruck { alarmingCount += 1 } else { calmCount += 1 } }
            let color = isStruck ? alarming[alarmingCount % alarming.count] : calm[calmCount % calm.count]
            return Band(name: scenario.name(endpoint), color: color, endpoints: [endpoint])
        }
        let rest = all.filter { !shown.contains($0) }
        if !rest.isEmpty { bands.append(Band(name: "\(rest.count.text) others", color: "slate", endpoints: rest)) }
        return bands
    }

    private func drawShares(in frame: Frame, _ drawing: inout Drawing) {
        let slots = slots.filter { slot in slot.attempts.contains { $0 > 0 } }
        var floor = slots.map { _ in 0.0 }
        var labels: [Label] = []
        for band in bands {
            let shares = slots.map { slot in
                let all = slot.attempts.reduce(0) { $0 + Int($1) }
                return Double(band.endpoints.reduce(0) { $0 + Int(slot.attempts[$1]) }) / Double(max(1, all))
            }
            let ceiling = zip(floor, shares).map { $0 + $1 }
            let upper = zip(slots, ceiling).map { Drawing.Point(x: frame.x(moment($0)), y: frame.y($1)) }
            let lower = zip(slots, floor).map { Drawing.Point(x: frame.x(moment($0)), y: frame.y($1)) }
            drawing.area(upper + lower.reversed(), color: band.color, opacity: band.color == "red" ? 0.95 : 0.75)
            if let top = upper.last, let bottom = lower.last, let last = shares.last {
                labels.append(
                    Label(
                        text: "\(band.name)  \((last * 100).text(digits: last < 0.1 ? 1 : 0))%", color: band.color,
                        y: (top.y + bottom.y) / 2))
            }
            floor = ceiling
        }
        for share in [0.0, 0.5, 1] {
            let y = frame.y(share)
            drawing.line(
                from: .init(x: frame.left, y: y), to: .init(x: frame.right, y: y),
                style: share == 0.5 ? "grid" : "frame")
            drawing.text(
                "\((share * 100).text)%", at: .init(x: frame.left - 8, y: y + 4), style: "small", anchor: .end)
        }
        drawing.text("share of requests, by endpoint", at: .init(x: frame.left, y: frame.top - 10), style: "small")
        draw(labels, at: frame.right + 10, within: frame, &drawing)
    }

    // MARK: - Time

    private func drawTime(below frame: Frame, _ drawing: inout Drawing) {
        let steps: [VirtualTime] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400]
        let step = (steps.first { $0 * 8_000_000 >= scenario.duration } ?? 604_800) * 1_000_000
        for time in stride(from: 0, through: scenario.duration, by: Int(step)) {
            let x = frame.x(Double(time) / Double(scenario.duration))
            drawing.line(from: .init(x: x, y: frame.bottom), to: .init(x: x, y: frame.bottom + 5), style: "frame")
            let text = String(time.momentText.dropLast(2))
            drawing.text(text, at: .init(x: x, y: frame.bottom + 19), style: "small", anchor: .middle)
        }
        drawing.text(
            "time, minutes:seconds", at: .init(x: (frame.left + frame.right) / 2, y: frame.bottom + 38), style: "small",
            anchor: .middle)
    }

    private func drawEvents(_ upper: Frame, _ lower: Frame, _ drawing: inout Drawing) {
        var labelled = 0.0
        for fault in scenario.faults.prefix(12) where fault.at < scenario.duration {
            let x = upper.x(Double(fault.at) / Double(scenario.duration))
            drawing.line(from: .init(x: x, y: upper.top), to: .init(x: x, y: lower.bottom), style: "event")
            let text = "\(scenario.name(fault.endpoint)) \(fault.kind.shortText)"
            // About as wide as it will be. Where there is no room for it the line stands alone.
            let width = Double(text.count) * 6.4
            guard x > labelled, x + width < Double(Self.size.width) else { continue }
            labelled = x + width + 10
            drawing.text(text, at: .init(x: x + 5, y: upper.bottom + 15), style: "small")
        }
    }

    // MARK: - Labels

    private struct Label {
        var text: String
        var color: String
        var y: Double
    }

    /// Writes labels beside what they name, moved apart where they would cover one another.
    private func draw(_ labels: [Label], at x: Double, within frame: Frame, _ drawing: inout Drawing) {
        let gap = 15.0
        var places = labels.sorted { $0.y < $1.y }
        for index in places.indices.dropFirst() {
            places[index].y = max(places[index].y, places[index - 1].y + gap)
        }
        let overhang = (places.last?.y ?? 0) - frame.bottom
        if overhang > 0, !places.isEmpty {
            places[places.count - 1].y -= overhang
            for index in places.indices.dropLast().reversed() {
                places[index].y = min(places[index].y, places[index + 1].y - gap)
            }
        }
        for label in places {
            drawing.text(label.text, at: .init(x: x, y: label.y + 4), style: "label", color: label.color)
        }
    }
}

extension Scenario {
    /// What goes wrong, in a few words.
    var faultsText: String {
        let wrong = faults.filter { $0.kind != .revive }
        guard !wrong.isEmpty else { return "a good day" }
        let named = wrong.prefix(2).map { "\(name($0.endpoint)) \($0.kind)" }.joined(separator: ", ")
        return named + (wrong.count > 2 ? ", and \(wrong.count - 2) more" : "")
    }
}
