/// Writes the Prometheus text exposition format, version 0.0.4.
///
/// Every family is opened once, with its help and type; its samples follow.
struct ExpositionWriter {
    /// What has been written and not been passed on.
    private(set) var text = ""
    private var family = ""
    /// Takes the text, piece by piece; nil to keep all of it.
    private let sink: ((String) -> Void)?

    private static let pieceBytes = 64 << 10

    enum Kind: String { case counter, gauge, histogram }

    init(sink: ((String) -> Void)? = nil) {
        self.sink = sink
        text.reserveCapacity(sink == nil ? 16_384 : Self.pieceBytes + 1024)
    }

    /// Passes on what is left.
    mutating func finish() {
        sink?(text)
        text = ""
    }

    /// Opens the family `name`: the samples that follow belong to it.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        family = name
        text += "# HELP \(name) \(Self.escapedHelp(help))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ labels: LabelSet, _ value: UInt64) {
        sample(suffix: "", labels, "\(value)")
    }

    /// A sample given in microseconds, written in seconds.
    mutating func sample(_ labels: LabelSet, microseconds: UInt64) {
        sample(suffix: "", labels, Self.seconds(microseconds: microseconds))
    }

    /// A share of 1.
    mutating func sample(_ labels: LabelSet, share: Double) {
        sample(suffix: "", labels, Self.seconds(microseconds: UInt64((share * 1_000_000).rounded())))
    }

    /// The samples of one histogram: `buckets` holds one count per bound of `bounds` (in microseconds) and a last one
    /// for everything above, none of them cumulative; `sum` is in microseconds.
    mutating func histogram(_ labels: LabelSet, bounds: [Int64], buckets: [UInt64], sum: UInt64) {
        var cumulative: UInt64 = 0
        for (index, count) in buckets.enumerated() {
            cumulative += count
            let bound = index < bounds.count ? Self.seconds(microseconds: UInt64(bounds[index])) : "+Inf"
            sample(suffix: "_bucket", labels.adding("le", bound), "\(cumulative)")
        }
        sample(suffix: "_sum", labels, Self.seconds(microseconds: sum))
        sample(suffix: "_count", labels, "\(cumulative)")
    }

    private mutating func sample(suffix: String, _ labels: LabelSet, _ value: String) {
        text += family
        text += suffix
        if !labels.text.isEmpty {
            text += "{"
            text += labels.text
            text += "}"
        }
        text += " "
        text += value
        text += "\n"
        guard let sink, text.utf8.count >= Self.pieceBytes else { return }
        sink(text)
        text.removeAll(keepingCapacity: true)
    }

    /// A number of microseconds as seconds in decimal, exact: 1500 reads `0.0015`.
    static func seconds(microseconds: UInt64) -> String {
        let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if rest == 0 { return "\(whole)" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 6 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    private static func escapedHelp(_ help: String) -> String {
        var escaped = ""
        for character in help.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}

/// The labels of a sample, as they are written: `pool="web",endpoint="10.0.0.1:80"`.
struct LabelSet: Sendable, ExpressibleByDictionaryLiteral {
    private(set) var text = ""

    init() {}

    init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    func adding(_ name: String, _ value: String) -> LabelSet {
        var labels = self
        labels.add(name, value)
        return labels
    }

    private mutating func add(_ name: String, _ value: String) {
        if !text.isEmpty { text += "," }
        text += name
        text += "=\""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        text += "\""
    }
}
