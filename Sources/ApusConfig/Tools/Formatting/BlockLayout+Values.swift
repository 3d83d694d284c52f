extension BlockLayout {
    /// The value at the line's offset, behind `text`, with all of its lines.
    mutating func layOutValue(_ line: LineText, _ text: String, _ place: Place) throws(Refusal) {
        var line = line
        let text = text + Self.properties(&line)
        if endsHere(line) {
            return finish(line, String(text.dropLast()))
        }
        switch line.next {
        case "|", ">": try layOutBlockScalar(line, text, place)
        case "\"", "'": try layOutQuotation(line, text, place)
        case "[", "{":
            var flow = FlowLayout(text: text, base: place.base)
            try layOutFlow(line, &flow)
        default: layOutPlain(line, text, place)
        }
    }

    // MARK: - Plain scalars

    private mutating func layOutPlain(_ line: LineText, _ text: String, _ place: Place) {
        var line = line
        var text = text
        while true {
            let start = line.offset
            let comment = line.comment(from: start)
            line.offset = comment ?? line.characters.count
            text += LineText(line.text(start..<line.offset)[...]).rest(from: 0)
            finish(line, text)
            // A comment ends the scalar.
            guard comment == nil, let next = continuation(of: place) else { return }
            while index < next {
                output.append("", isText: true)
                index += 1
            }
            line = lines[index]
            line.skipBlanks()
            text = Self.blanks(place.continuation)
        }
    }

    /// The number of the line on which a plain scalar goes on, empty lines left out.
    private func continuation(of place: Place) -> Int? {
        guard let next = lines[index...].firstIndex(where: { !$0.isBlank }) else { return nil }
        let line = lines[next]
        guard line.indentation > place.parentOld, line.character(at: line.indentation) != "#" else { return nil }
        return next
    }

    // MARK: - Quoted scalars

    private mutating func layOutQuotation(_ line: LineText, _ text: String, _ place: Place) throws(Refusal) {
        var line = line
        let head = quotation(&line, text, continuation: place.continuation)
        line.skipBlanks()
        guard endsHere(line) else { throw refusal("this line cannot be formatted from here on", line.offset) }
        finish(line, head)
    }

    /// Takes a quoted scalar, writes all of its lines but the last, and gives that one.
    mutating func quotation(_ line: inout LineText, _ text: String, continuation: Int) -> String {
        guard let quote = line.next else { return text }
        var text = text
        var start = line.offset
        var search = start + 1
        while true {
            if let end = line.endOfQuotation(from: search, by: quote) {
                line.offset = end
                return text + line.text(start..<end)
            }
            // A blank behind a backslash is one that counts.
            let whole = line.text(start..<line.characters.count)
            let rest = line.rest(from: start)
            output.append(text + (rest.hasSuffix("\\") ? whole : rest), isText: true)
            guard index + 1 < lines.count else {
                line.offset = line.characters.count
                return ""
            }
            index += 1
            line = lines[index]
            line.offset = 0
            line.skipBlanks()
            start = line.offset
            search = start
            text = line.isAtEnd ? "" : Self.blanks(continuation)
        }
    }

    // MARK: - Block scalars

    /// Its header, and its lines moved to where they belong.
    private mutating func layOutBlockScalar(_ line: LineText, _ text: String, _ place: Place) throws(Refusal) {
        var line = line
        let start = line.offset
        while !line.isBlank(at: line.offset) { line.offset += 1 }
        let header = line.text(start..<line.offset)
        let digit = header.unicodeScalars.lazy.compactMap {
            $0.properties.numericType == .decimal ? Int($0.value) - 48 : nil
        }
        .first
        line.skipBlanks()
        guard endsHere(line) else { throw refusal("this line cannot be formatted from here on", line.offset) }
        let new = max(place.parentNew, 0) + 2
        finish(
            line,
            text + header.filter { !$0.isNumber }.withIndicator(digit == nil ? nil : new - max(place.parentNew, 0)))
        let content = lines[index...].first { !$0.characters.allSatisfy { $0 == " " } }?.indentation ?? 0
        let old = digit.map { max(place.parentOld, 0) + $0 } ?? content
        guard old > place.parentOld else { return }
        var end = index
        var last = index
        while end < lines.count, isInBlockScalar(lines[end], old) {
            if lines[end].characters.count > old || header.contains("+") { last = end + 1 }
            end += 1
        }
        while index < last {
            let line = lines[index]
            let isEmpty = line.characters.count <= old
            let rest = isEmpty ? "" : Self.blanks(new) + line.text(old..<line.characters.count)
            output.append(rest, isText: true)
            index += 1
        }
    }

    private func isInBlockScalar(_ line: LineText, _ column: Int) -> Bool {
        line.indentation >= column || line.characters.allSatisfy { $0 == " " }
    }
}

extension String {
    /// The header of a block scalar with its indentation said: `|2-`.
    fileprivate func withIndicator(_ digit: Int?) -> String {
        guard let digit else { return self }
        return prefix(1) + "\(digit)" + dropFirst()
    }
}
