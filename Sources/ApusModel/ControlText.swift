extension StringProtocol {
    /// The text with each character that a terminal or a reader of the log could take for an order, or not see, written as
    /// `\u{1b}`: control characters, those that change the direction of text, and those without a width.
    ///
    /// - Parameter kept: control characters that stay as they are, such as line breaks of text that has several lines.
    public func escapingControls(keeping kept: Set<Unicode.Scalar> = []) -> String {
        // Nearly all text is plain ASCII, which is quick to see.
        if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(self) }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.isUnseen, !kept.contains(scalar) {
                text.append(contentsOf: scalar.escapedControl.unicodeScalars)
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }

    /// Whether there is anything that `escapingControls` would write otherwise.
    public var hasControls: Bool { unicodeScalars.contains(where: \.isUnseen) }
}

extension Unicode.Scalar {
    /// `\u{1b}`
    public var escapedControl: String { "\\u{\(String(value, radix: 16))}" }

    /// A control or format character, or a line break of Unicode's own.
    public var isUnseen: Bool {
        if value < 0x80 { return value < 0x20 || value == 0x7f }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
