import ApusModel

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
    /// The text of the line at `position`, without its line break; of a long line, what stands around the column, with an
    /// ellipsis where it is cut.
    public var sourceLine: String
    /// Where the position's column is in `sourceLine`, counted from 1.
    public var sourceColumn = 1
    /// Further lines, such as an example; shown by `rendered` only.
    public var note: String?
    /// The file may be right: it is a matter of the moment, such as a name service that does not answer.
    public var isPassing = false
    /// It is as good as ever, and said where a configuration is checked or Apus starts with it: not at each reload, and not by
    /// commands that read the configuration for something else.
    public var isAdvice = false
}

extension Diagnostic: CustomStringConvertible {
    /// `file:line:column: severity: message`, the form that editors and scripts look for.
    public var description: String {
        "\(file):\(position): \(severity.rawValue): \(message)".escapingControls(keeping: ["\t"])
    }

    /// The description, then the source line with a caret below the column, then the note: several lines, none empty at
    /// the end.
    public var rendered: String {
        var lines = [description]
        if !sourceLine.isEmpty {
            let number = String(position.line)
            let gutter = String(repeating: " ", count: number.count)
            // A tab is kept, so that the caret stands below its character whatever the tab's width.
            let indent = sourceLine.unicodeScalars.prefix(sourceColumn - 1).map { scalar in
                if scalar == "\t" { return "\t" }
                return String(repeating: " ", count: scalar.isUnseen ? scalar.escapedControl.count : 1)
            }
            lines.append("  \(number) | \(sourceLine.escapingControls(keeping: ["\t"]))")
            lines.append("  \(gutter) | \(indent.joined())^")
        }
        if let note { lines.append(note.escapingControls(keeping: ["\t", "\n"])) }
        return lines.joined(separator: "\n")
    }
}

extension Diagnostic {
    /// What is quoted of a word in a message, in characters.
    private static let wordLength = 80

    /// A message with its long quoted words, and itself if it is very long, shortened in the middle.
    static func clipped(_ message: String) -> String {
        guard message.utf8.count > wordLength else { return message }
        let parts = message.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
            index % 2 == 0 ? String(part) : shortened(part, to: wordLength)
        }
        return shortened(parts.joined(separator: "`"), to: 2048)
    }

    static func shortened(_ text: some StringProtocol, to length: Int) -> String {
        let scalars = text.unicodeScalars
        guard text.utf8.count > length, scalars.count > length else { return String(text) }
        var short = String.UnicodeScalarView(scalars.prefix(length * 2 / 3))
        short.append(contentsOf: StarredLine.ellipsis.unicodeScalars)
        short.append(contentsOf: scalars.suffix(length / 3 - 1))
        return String(short)
    }
}
