/// Lines as they will be written, with the comments beside them to be put into columns.
struct LaidOutLines {
    /// A comment beside a line, and the column in which it stood.
    struct Comment {
        var text: String
        var column: Int
    }

    private struct Line {
        var text: String
        var comment: Comment?
        /// Part of a scalar's text: stays, also when it is empty.
        var isText: Bool
    }

    private var lines: [Line] = []

    /// A line; `comment` stands beside it.
    mutating func append(_ text: String, comment: Comment? = nil, isText: Bool = false) {
        lines.append(Line(text: text, comment: comment, isText: isText))
    }

    /// An empty line, unless one is there already or nothing is.
    mutating func appendEmpty() {
        if let last = lines.last, !last.text.isEmpty { append("") }
    }

    /// All of them, each with its line break.
    ///
    /// - Parameter keepsOpenEnd: the text ended without a line break, which a block scalar at its end would come to have.
    func text(keepingOpenEnd keepsOpenEnd: Bool) -> String {
        var written = ""
        var index = 0
        // Empty lines at the end say nothing, unless a scalar keeps them.
        let end = (lines.lastIndex { !$0.text.isEmpty || $0.isText } ?? -1) + 1
        while index < end {
            guard let comment = lines[index].comment else {
                written += lines[index].text + "\n"
                index += 1
                continue
            }
            // Comments of one column, line after line, were aligned by somebody and stay so.
            let group = lines[index..<end].prefix { $0.comment?.column == comment.column }
            let width = group.map(\.text.unicodeScalars.count).max() ?? 0
            for line in group {
                let gap = String(repeating: " ", count: width - line.text.unicodeScalars.count + 2)
                written += line.text + gap + (line.comment?.text ?? "") + "\n"
            }
            index += group.count
        }
        if keepsOpenEnd, end > 0, lines[end - 1].isText { written.removeLast() }
        return written
    }
}
