extension BlockLayout {
    /// A key as it will be written, and where its colon ends.
    struct Key {
        var text: String
        var end: Int
    }

    /// The key at the line's offset; nil when a value stands there.
    func key(_ line: LineText) throws(Refusal) -> Key? {
        var line = line
        let properties = Self.properties(&line)
        guard let first = line.next else { return nil }
        if first == "?", line.isBlank(at: line.offset + 1) {
            throw refusal("a key that begins with `? ` is not formatted: write it without", line.offset)
        }
        if "[{|>".unicodeScalars.contains(first) { return nil }
        let start = line.offset
        guard let end = endOfKey(line, first) else { return nil }
        var colon = end
        while line.character(at: colon) == " " { colon += 1 }
        guard line.character(at: colon) == ":", line.isBlank(at: colon + 1) else { return nil }
        // An alias takes the colon for a part of its name.
        let gap = first == "*" ? " " : ""
        return Key(text: properties + line.text(start..<end) + gap, end: colon + 1)
    }

    private func endOfKey(_ line: LineText, _ first: Unicode.Scalar) -> Int? {
        if first == "\"" || first == "'" { return line.endOfQuotation(from: line.offset + 1, by: first) }
        var index = line.offset
        if first == "*" {
            while !line.isBlank(at: index) { index += 1 }
            return index
        }
        // Behind the last character that is no blank.
        var end = index
        while let character = line.character(at: index) {
            if character == ":", line.isBlank(at: index + 1) { return end }
            if character == "#", line.isBlank(at: index - 1) { return nil }
            index += 1
            if character != " ", character != "\t" { end = index }
        }
        return nil
    }

    /// Takes the anchor and the tag at the offset, each with one blank behind it.
    static func properties(_ line: inout LineText) -> String {
        var text = ""
        while let next = line.next, next == "&" || next == "!" {
            let start = line.offset
            while !line.isBlank(at: line.offset) { line.offset += 1 }
            text += line.text(start..<line.offset) + " "
            line.skipBlanks()
        }
        return text
    }
}
