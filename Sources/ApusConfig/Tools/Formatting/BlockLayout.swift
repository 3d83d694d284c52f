/// Lays out the lines of a YAML document: follows its block structure by the columns in which things stand, and gives
/// each level its new column.
///
/// Expects text that the YAML parser takes. What it does not take apart (`? ` keys, directives, collections as keys) it
/// refuses.
struct BlockLayout {
    /// Why a text was not laid out.
    struct Refusal: Error {
        var message: String
        var position: SourcePosition
    }

    /// An open block collection: where its entries stood, and where they will.
    struct Level {
        enum Kind { case mapping, sequence }

        var kind: Kind
        var old: Int
        var new: Int
    }

    /// Where a value stands: what its further lines are measured by.
    struct Place {
        /// The old and the new column of the collection that it belongs to; -1 at the root.
        var parentOld: Int
        var parentNew: Int
        /// Where its further lines begin.
        var continuation: Int
        /// Where a bracket that closes it begins.
        var base: Int
    }

    let lines: [LineText]
    private let endsWithBreak: Bool
    var index = 0
    var output = LaidOutLines()
    private var levels: [Level] = []
    /// Empty lines and lines of comments that wait for what follows them: how far in it stands says where they go.
    private var waiting: [Int] = []

    init(_ text: String) {
        let text = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
        var split = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        // The last line break ends a line and begins none.
        endsWithBreak = split.last?.isEmpty ?? true
        if endsWithBreak, !split.isEmpty { split.removeLast() }
        lines = split.map { LineText($0) }
    }

    mutating func formatted() throws(Refusal) -> String {
        while index < lines.count {
            let line = lines[index]
            let first = line.character(at: line.indentation)
            if line.isBlank || first == "#" {
                waiting.append(index)
                index += 1
            } else if first == "\t" {
                throw refusal("YAML is indented with spaces, found a tab", line.indentation)
            } else if line.indentation == 0, isMarker(line) {
                try layOutMarker(line)
            } else {
                try layOut(line)
            }
        }
        writeWaiting(before: nil, levels)
        return output.text(keepingOpenEnd: !endsWithBreak)
    }

    func refusal(_ message: String, _ offset: Int) -> Refusal {
        Refusal(message: message, position: SourcePosition(line: index + 1, column: offset + 1))
    }

    static func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }

    // MARK: - Lines

    private func isMarker(_ line: LineText) -> Bool {
        let word = line.text(0..<min(3, line.characters.count))
        return line.next == "%" || (word == "---" || word == "...") && line.isBlank(at: 3)
    }

    private mutating func layOutMarker(_ line: LineText) throws(Refusal) {
        guard line.next != "%" else { throw refusal("a file with directives (`%`) is not formatted", 0) }
        let comment = line.comment(from: 3)
        guard line.text(3..<(comment ?? line.characters.count)).allSatisfy({ $0 == " " || $0 == "\t" }) else {
            throw refusal("put what stands behind `---` on a line of its own", 4)
        }
        writeWaiting(before: (0, 0), levels)
        levels = []
        output.append(line.text(0..<3), comment: comment.map { self.comment(line, $0) })
        index += 1
    }

    private mutating func layOut(_ line: LineText) throws(Refusal) {
        var line = line
        line.offset = line.indentation
        let before = levels
        let column = line.offset
        let isItem = line.next == "-" && line.isBlank(at: column + 1)
        let isEntry = isItem ? false : try key(line) != nil
        let new = open(isItem ? .sequence : isEntry ? .mapping : nil, at: column)
        writeWaiting(before: (column, new), before)
        try layOutItems(line, Self.blanks(new), isOwnLine: !isItem && !isEntry, column: new)
    }

    /// Finds or opens the level of what stands at `old`, a value alone having none, and gives its new column.
    private mutating func open(_ kind: Level.Kind?, at old: Int) -> Int {
        while let last = levels.last, last.old > old { levels.removeLast() }
        guard let kind else { return levels.last.map { $0.new + 2 } ?? 0 }
        // A list may stand in the column of its key: then the next key ends it.
        if kind == .mapping, let last = levels.last, last.kind == .sequence, last.old == old { levels.removeLast() }
        if let last = levels.last, last.old == old, last.kind == kind { return last.new }
        let new = levels.last.map { $0.new + 2 } ?? 0
        levels.append(Level(kind: kind, old: old, new: new))
        return new
    }

    /// What stands at the line's offset, behind `text`: items within items, then a key or a value.
    private mutating func layOutItems(
        _ line: LineText, _ text: String, isOwnLine: Bool, column: Int
    ) throws(Refusal) {
        var line = line
        var text = text
        while line.next == "-", line.isBlank(at: line.offset + 1) {
            line.offset += 1
            line.skipBlanks()
            text += "-"
            if endsHere(line) { return finish(line, text) }
            text += " "
            let isItem = line.next == "-" && line.isBlank(at: line.offset + 1)
            let isEntry = isItem ? false : try key(line) != nil
            if isItem || isEntry { _ = open(isItem ? .sequence : .mapping, at: line.offset) }
        }
        if let key = try key(line) {
            text += key.text + ":"
            line.offset = key.end
            line.skipBlanks()
            if endsHere(line) { return finish(line, text) }
            text += " "
        }
        try layOutValue(line, text, place(isOwnLine: isOwnLine, column: column))
    }

    private func place(isOwnLine: Bool, column: Int) -> Place {
        guard let level = levels.last else { return Place(parentOld: -1, parentNew: -1, continuation: 2, base: 0) }
        let base = isOwnLine ? column : level.kind == .mapping ? level.new : level.new + 2
        return Place(
            parentOld: level.old, parentNew: level.new, continuation: isOwnLine ? column : level.new + 2, base: base)
    }

    // MARK: - Ends of lines

    /// Whether nothing but a comment stands at the offset.
    func endsHere(_ line: LineText) -> Bool { line.isAtEnd || line.next == "#" && line.isBlank(at: line.offset - 1) }

    func comment(_ line: LineText, _ offset: Int) -> LaidOutLines.Comment {
        LaidOutLines.Comment(text: line.rest(from: offset), column: offset)
    }

    /// Writes `text` with the comment that stands at the offset, and goes to the next line.
    mutating func finish(_ line: LineText, _ text: String) {
        output.append(text, comment: line.isAtEnd ? nil : comment(line, line.offset))
        index += 1
    }

    // MARK: - Comments on lines of their own

    /// - Parameters:
    ///   - next: the old and the new column of what follows; nil at the end.
    ///   - levels: those that were open before it.
    private mutating func writeWaiting(before next: (old: Int, new: Int)?, _ levels: [Level]) {
        for number in waiting {
            let line = lines[number]
            if line.isBlank {
                output.appendEmpty()
            } else {
                let column = column(ofComment: line.indentation, before: next, levels)
                output.append(Self.blanks(column) + line.rest(from: line.indentation))
            }
        }
        waiting = []
    }

    /// A comment belongs to what follows, unless it stands further in: then to the level before, in whose column it is.
    private func column(ofComment column: Int, before next: (old: Int, new: Int)?, _ levels: [Level]) -> Int {
        let deepest = next?.old ?? -1
        if column != next?.old, let level = levels.last(where: { $0.old <= column && $0.old > deepest }) {
            return level.new
        }
        return next?.new ?? 0
    }
}
