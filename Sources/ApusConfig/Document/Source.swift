/// The text of a configuration file, by lines.
struct Source: Sendable {
    let file: String
    let text: String
    let lines: [Substring]

    init(file: String, text: String) {
        self.file = file
        self.text = text
        lines = Self.lines(of: text)
    }

    private static func lines(of text: String) -> [Substring] {
        // Other line breaks than this one are rare, and looking for them takes much longer.
        let isPlain = text.utf8.allSatisfy { $0 == 0x0a || ($0 >= 0x20 && $0 < 0x80) || $0 == 0x09 }
        guard isPlain else { return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) }
        return text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// `position`, or the end of the text when it lies beyond.
    func clamped(_ position: SourcePosition) -> SourcePosition {
        if position.line <= lines.count { return position }
        let end = line(lines.count).unicodeScalars.count + 1
        return SourcePosition(line: lines.count, column: end, source: position.source)
    }

    /// The line of that number, counted from 1; empty beyond the end.
    func line(_ number: Int) -> String {
        lines.indices.contains(number - 1) ? String(lines[number - 1]) : ""
    }

    /// What stands at `position` and behind it on the same line.
    func text(from position: SourcePosition) -> String {
        String(String.UnicodeScalarView(line(position.line).unicodeScalars.dropFirst(position.column - 1)))
    }
}
