/// The characters of one line, and a place in it.
struct LineText {
    let characters: [Unicode.Scalar]
    var offset = 0

    init(_ text: Substring) { characters = Array(text.unicodeScalars) }

    var isAtEnd: Bool { offset >= characters.count }
    var next: Unicode.Scalar? { isAtEnd ? nil : characters[offset] }
    var isBlank: Bool { characters.allSatisfy { $0 == " " || $0 == "\t" } }
    /// Blanks at its beginning.
    var indentation: Int { characters.prefix { $0 == " " }.count }

    func character(at offset: Int) -> Unicode.Scalar? {
        characters.indices.contains(offset) ? characters[offset] : nil
    }

    /// Whether a blank or the end stands there.
    func isBlank(at offset: Int) -> Bool { character(at: offset).map { $0 == " " || $0 == "\t" } ?? true }

    mutating func skipBlanks() {
        while let next, next == " " || next == "\t" { offset += 1 }
    }

    func text(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(characters[range])) }

    /// From `start` to the end, without the blanks there.
    func rest(from start: Int) -> String {
        var end = characters.count
        while end > start, characters[end - 1] == " " || characters[end - 1] == "\t" { end -= 1 }
        return text(start..<max(start, end))
    }

    /// Where the comment begins that stands at or behind `start`; nil for none. A `#` opens one behind a blank only.
    func comment(from start: Int) -> Int? {
        var index = start
        while index < characters.count {
            if characters[index] == "#", index == 0 || isBlank(at: index - 1) { return index }
            index += 1
        }
        return nil
    }

    /// Behind the quotation that goes on at `start` and is closed by `quote`; nil when it goes on in the next line.
    func endOfQuotation(from start: Int, by quote: Unicode.Scalar) -> Int? {
        var index = start
        while index < characters.count {
            if quote == "\"", characters[index] == "\\" {
                index += 2
            } else if characters[index] != quote {
                index += 1
            } else if quote == "'", character(at: index + 1) == "'" {
                index += 2
            } else {
                return index + 1
            }
        }
        return nil
    }
}
