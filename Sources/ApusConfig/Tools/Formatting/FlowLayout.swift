/// What is written of a flow collection (`[...]`, `{...}`) so far, and the rules of the blanks within it.
struct FlowLayout {
    enum Token: Equatable {
        case open(Unicode.Scalar)
        case close(Unicode.Scalar)
        case comma, colon
        /// A scalar, an alias, an anchor or a tag.
        case word(isAlias: Bool)
    }

    /// The line that is being written.
    var text: String
    /// The column of the line on which each open bracket stands: what is within goes two further in.
    private var brackets: [Int] = []
    /// Where the current line begins.
    private var indentation: Int
    /// What was written last on this line; nil at its start.
    private(set) var previous: Token?
    /// Whether `previous` is the first of its line.
    private var isFirst = false
    /// Whether the line before ended with a word, which may go on.
    private(set) var endedWithWord = false

    init(text: String, base: Int) {
        self.text = text
        indentation = base
    }

    var isClosed: Bool { brackets.isEmpty }

    /// Where a line of words begins.
    var inner: Int { (brackets.last ?? indentation) + 2 }

    /// The current line has ended.
    mutating func startLine() {
        if case .word = previous { endedWithWord = true } else { endedWithWord = false }
        text = ""
        previous = nil
    }

    mutating func append(_ token: Token, _ written: String) {
        let startsLine = text.isEmpty
        defer { isFirst = startsLine }
        if startsLine {
            if case .close = token { indentation = brackets.last ?? indentation } else { indentation = inner }
            text = BlockLayout.blanks(indentation)
        } else if case .close = token, previous == .comma, !isFirst {
            // A comma behind the last of a line says nothing.
            text.removeLast()
            text += token == .close("}") ? " " : ""
        } else if isApart(token) {
            text += " "
        }
        text += written
        previous = token
        switch token {
        case .open: brackets.append(indentation)
        case .close: if !brackets.isEmpty { brackets.removeLast() }
        default: break
        }
    }

    /// What continues a word that began on a line before.
    mutating func resume(_ written: String) {
        text = written
        previous = .word(isAlias: false)
    }

    private func isApart(_ token: Token) -> Bool {
        switch (previous, token) {
        case (nil, _), (_, .comma), (.open("["), _), (.open("{"), .close): false
        case (.word(let isAlias), .colon): isAlias
        case (_, .colon): false
        case (_, .close(let bracket)): bracket == "}"
        default: true
        }
    }
}
