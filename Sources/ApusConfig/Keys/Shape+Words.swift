import ApusModel

extension Shape {
    /// What the reference calls the values.
    var words: String {
        switch self {
        case .text: "text"
        case .integer(let bounds): "\(bounds.lowerBound) to \(bounds.upperBound)"
        case .numbers(let numbers):
            numbers.dropLast().map { "\($0)" }.joined(separator: ", ") + numbers.suffix(1).map { " or \($0)" }.joined()
        case .decimal(let bounds): "\(Decimal.write(bounds.lowerBound)) to \(Decimal.write(bounds.upperBound))"
        case .percent(let bounds): "\(bounds.lowerBound)% to \(bounds.upperBound)%"
        case .duration(Bounds.durations): "a duration"
        case .duration(let bounds): "a duration of \(bounds.words)"
        case .size(let bounds) where bounds.upperBound == .max: "a size"
        case .size(let bounds):
            "a size, \(ByteSize.write(bounds.lowerBound)) to \(ByteSize.write(bounds.upperBound))"
        case .statuses(let bounds):
            "a status of \(bounds.lowerBound) to \(bounds.upperBound), a range, or a list of them"
        case .words(let words): orList(words)
        case .flag: "`true` or `false`"
        case .named(let shape): shape.words
        case .list: "a list"
        case .names, .section: "a mapping"
        case .either(let shapes): Self.words(of: shapes)
        }
    }

    /// What can only be a word comes last: `1 to 100, or off`.
    private static func words(of shapes: [Shape]) -> String {
        var others: [String] = []
        var single: [String] = []
        func visit(_ shape: Shape) {
            switch shape {
            case .words(let words): single += words
            case .either(let shapes): shapes.forEach(visit)
            default: others.append(shape.words)
            }
        }
        shapes.forEach(visit)
        if others.isEmpty {
            single = single.filter { $0 != "off" } + single.filter { $0 == "off" }
        } else if single.count == 1, others.count == 1 || single == ["off"] {
            return others.joined(separator: ", ") + ", or `\(single[0])`"
        }
        let all = single.map { "`\($0)`" } + others
        return all.count < 2 ? all.joined() : all.dropLast().joined(separator: ", ") + ", or \(all[all.count - 1])"
    }
}

extension SharedShape {
    fileprivate var words: String {
        switch self {
        case .duration: "a duration"
        case .secret: "a secret"
        case .address: "an address"
        case .path: "a path"
        case .name: "a name"
        case .network: "a network"
        case .condition: "a condition"
        case .variable: "a variable of the environment"
        }
    }
}

extension ClosedRange<Duration> {
    /// `1s to 1h`.
    var words: String { "\(lowerBound.configured) to \(upperBound.configured)" }
}
