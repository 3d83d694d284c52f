extension BlockLayout {
    /// A flow collection with all of its lines, and the comment behind it.
    mutating func layOutFlow(_ line: LineText, _ flow: inout FlowLayout) throws(Refusal) {
        var line = line
        repeat {
            line.skipBlanks()
            if endsHere(line) {
                line = try nextLine(after: line, &flow)
            } else {
                try takeToken(&line, &flow)
            }
        } while !flow.isClosed
        line.skipBlanks()
        guard endsHere(line) else {
            throw refusal("what stands behind a closing bracket cannot be formatted", line.offset)
        }
        finish(line, flow.text)
    }

    /// Writes the line, and finds the next that says something.
    private mutating func nextLine(after line: LineText, _ flow: inout FlowLayout) throws(Refusal) -> LineText {
        if flow.text.isEmpty {
            // Only a comment stood on it.
            output.append(Self.blanks(flow.inner) + line.rest(from: line.offset))
            index += 1
        } else {
            finish(line, flow.text)
            flow.startLine()
        }
        let first = index
        while index < lines.count, lines[index].isBlank { index += 1 }
        guard index < lines.count else { throw refusal("a bracket is not closed", 0) }
        var next = lines[index]
        next.skipBlanks()
        // Empty lines within a scalar are its line breaks.
        let isWithin = flow.endedWithWord && !",:[]{}#".unicodeScalars.contains(next.next ?? "#")
        if isWithin {
            for _ in first..<index { output.append("", isText: true) }
        } else if first < index {
            output.appendEmpty()
        }
        return next
    }

    private mutating func takeToken(_ line: inout LineText, _ flow: inout FlowLayout) throws(Refusal) {
        guard let next = line.next else { return }
        let start = line.offset
        switch next {
        case "[", "{": flow.append(.open(next), String(next))
        case "]", "}": flow.append(.close(next), String(next))
        case ",": flow.append(.comma, ",")
        case ":": flow.append(.colon, ":")
        case "\"", "'":
            let first = index
            // Its first line may be written before it is known how the last one ends.
            flow.append(.word(isAlias: false), "")
            let text = quotation(&line, flow.text, continuation: flow.inner)
            if index == first { flow.text = text } else { flow.resume(text) }
            return
        case "?" where line.isBlank(at: start + 1):
            throw refusal("a key that begins with `? ` is not formatted: write it without", start)
        case "*", "&":
            line.offset += 1
            while let character = line.next, character.isNameCharacter { line.offset += 1 }
            flow.append(.word(isAlias: next == "*"), line.text(start..<line.offset))
            return
        default:
            takePlain(&line)
            flow.append(.word(isAlias: false), LineText(line.text(start..<line.offset)[...]).rest(from: 0))
            return
        }
        line.offset += 1
    }

    private func takePlain(_ line: inout LineText) {
        let start = line.offset
        while let character = line.next {
            if ",[]{}".unicodeScalars.contains(character) { return }
            if character == "#", line.offset > start, line.isBlank(at: line.offset - 1) { return }
            if character == ":" {
                let next = line.character(at: line.offset + 1)
                if line.isBlank(at: line.offset + 1) || next.map(",[]{}".unicodeScalars.contains) ?? true { return }
            }
            line.offset += 1
        }
    }
}

extension Unicode.Scalar {
    /// Of an anchor's name, as the parser reads it.
    fileprivate var isNameCharacter: Bool {
        self == "_" || self == "-" || ("a"..."z").contains(self) || ("A"..."Z").contains(self)
            || ("0"..."9").contains(self)
    }
}
