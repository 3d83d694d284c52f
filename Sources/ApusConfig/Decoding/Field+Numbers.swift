/// Numbers that are shares or ratios, and durations that a protocol counts in seconds.
extension Field {
    /// A whole number of percent, with its sign: a bare `50` could as well be meant as a count.
    func percent(in bounds: ClosedRange<Int>, example: Int = 50, _ findings: inout Findings) -> Int? {
        let expected = "a percentage from \(bounds.lowerBound)% to \(bounds.upperBound)%, such as `\(example)%`"
        guard let text = node.text else {
            reject(expected: expected, &findings)
            return nil
        }
        let number = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let value = Decimal(number) else {
            reject(expected: expected, &findings)
            return nil
        }
        guard text.hasSuffix("%") else {
            let meant = value.whole ?? Int((value.value * 100).rounded())
            let advice = value.whole == nil ? "write it in percent" : "add the percent sign"
            reject(expected: expected, hint: bounds.contains(meant) ? "\(advice): `\(meant)%`" : nil, &findings)
            return nil
        }
        guard let percent = value.whole else {
            reject(expected: expected, hint: "write it without decimals", &findings)
            return nil
        }
        if findings.takes(percent, in: bounds) { return percent }
        reject(expected: expected, &findings)
        return nil
    }

    /// A number with or without decimals.
    func decimal(in bounds: ClosedRange<Double>, example: String, _ findings: inout Findings) -> Double? {
        let expected =
            "a number from \(Decimal.write(bounds.lowerBound)) to \(Decimal.write(bounds.upperBound)), such as "
            + "`\(example)`"
        if let text = node.plainText, let value = Decimal(text[...])?.value, findings.takes(value, in: bounds) {
            return value
        }
        let isQuotedNumber = node.plainText == nil && node.text.map { Decimal($0[...]) != nil } == true
        let isPercentage = node.text.map { $0.hasSuffix("%") } == true
        let hint =
            isQuotedNumber ? "remove the quotes" : isPercentage ? "write a ratio: 150% is `1.5`" : nil
        reject(expected: expected, hint: hint, &findings)
        return nil
    }

    /// A duration that is sent in whole seconds (Retry-After, Max-Age).
    func seconds(in bounds: ClosedRange<Duration>, _ findings: inout Findings) -> Duration? {
        guard let duration = duration(in: bounds, &findings) else { return nil }
        if duration.components.attoseconds == 0 { return duration }
        reject(expected: "a duration in whole seconds, which is how it is sent", &findings)
        return nil
    }
}

/// A number as it stands in a configuration: digits, and decimals behind a point.
struct Decimal {
    let value: Double
    /// The number, if it has no decimals.
    let whole: Int?

    /// Nil for anything else, and for more digits than any bound needs.
    init?(_ text: Substring) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count),
            parts.allSatisfy({ (1...12).contains($0.count) && $0.allSatisfy(\.isASCIIDigit) }),
            let value = Double(String(text))
        else { return nil }
        self.value = value
        whole = parts.count == 1 ? Int(text) : nil
    }

    static func write(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(value)
    }
}
