/// The text of a configuration file, by lines.
struct Source: Sendable {
    let file: String
    let lines: [Substring]

    init(file: String, text: String) {
        self.file = file
        lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
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
