/// Something about a configuration that its author should know: where, what was found, what was expected, what to do.
public struct Diagnostic: Sendable, Hashable {
    public enum Severity: String, Sendable {
        /// The configuration cannot be used.
        case error
        /// It can be used, and probably does not do what was meant.
        case warning
    }

    /// The file's name as it was given.
    public var file: String
    public var position: SourcePosition
    public var severity: Severity
    /// One line.
    public var message: String
    /// The text of the line at `position`, without its line break.
    public var sourceLine: String
    /// Further lines, such as an example; shown by `rendered` only.
    public var note: String?
}

extension Diagnostic: CustomStringConvertible {
    /// `file:line:column: severity: message`, the form that editors and scripts look for.
    public var description: String {
        "\(file):\(position): \(severity.rawValue): \(message)"
    }

    /// The description, then the source line with a caret below the column, then the note: several lines, none empty at
    /// the end.
    public var rendered: String {
        var lines = [description]
        if !sourceLine.isEmpty {
            let number = String(position.line)
            let gutter = String(repeating: " ", count: number.count)
            // A tab is kept, so that the caret stands below its character whatever the tab's width.
            let indent = sourceLine.unicodeScalars.prefix(position.column - 1).map { $0 == "\t" ? "\t" : " " }
            lines.append("  \(number) | \(sourceLine)")
            lines.append("  \(gutter) | \(indent.joined())^")
        }
        if let note { lines.append(note) }
        return lines.joined(separator: "\n")
    }
}
