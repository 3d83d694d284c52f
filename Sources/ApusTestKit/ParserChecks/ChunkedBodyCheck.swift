internal import ApusHTTP

/// What decoding a body came to.
private struct DecodedBody: Equatable {
    enum End: Equatable {
        case needsMore
        /// The trailer section starts here.
        case trailers(Int)
        case refused
    }

    var data: [UInt8] = []
    var end = End.needsMore
}

/// One result for every way the body may be cut, the same as that of a decoder which is written down from the grammar;
/// and one answer for every cut of the trailer section.
func checkChunkedBody(_ input: [UInt8]) throws(ParserProblem) {
    for bearsBlanks in [false, true] {
        let expected = decodeByGrammar(input, bearsBlanks)
        let whole = decode(input, bearsBlanks, cuts: [])
        try require(whole == expected, "decoded \(whole), by the grammar \(expected)")
        let everywhere = decode(input, bearsBlanks, cuts: Array(1..<max(1, input.count)))
        try require(everywhere == expected, "byte by byte \(everywhere), at once \(expected)")
        for cut in stride(from: 1, to: input.count, by: max(1, input.count / 64)) {
            let halves = decode(input, bearsBlanks, cuts: [cut])
            try require(halves == expected, "cut at \(cut) \(halves), at once \(expected)")
        }
        if case .trailers(let start) = expected.end { try checkTrailers(input, from: start) }
    }
}

/// Decodes `input` as it would arrive when cut at `cuts`.
private func decode(_ input: [UInt8], _ bearsBlanks: Bool, cuts: [Int]) -> DecodedBody {
    var decoder = ChunkedDecoder(bearsBlanks: bearsBlanks)
    var body = DecodedBody()
    var start = 0
    for end in cuts + [input.count] {
        let piece = input.span.extracting(start..<end)
        var offset = 0
        do throws(Reason) {
            loop: while true {
                switch try decoder.next(piece, from: offset) {
                case .data(let range):
                    body.data += input[start + range.lowerBound..<start + range.upperBound]
                    offset = range.upperBound
                case .needsMore: break loop
                case .trailers(let from):
                    body.end = .trailers(start + from)
                    return body
                }
            }
        } catch {
            body.end = .refused
            return body
        }
        start = end
    }
    return body
}

/// Decodes `input` as RFC 9112 section 7.1 writes it down, with the decoder's bounds: 15 digits, 1,024 bytes behind them.
private func decodeByGrammar(_ input: [UInt8], _ bearsBlanks: Bool) -> DecodedBody {
    var body = DecodedBody()
    var rest = input[...]
    while true {
        let digits = rest.prefix { hexDigit($0) != nil }
        guard digits.count <= 15 else { return body.ended(.refused) }
        let behind = rest.dropFirst(digits.count)
        guard !behind.isEmpty else { return body }
        guard !digits.isEmpty else { return body.ended(.refused) }
        var line = ChunkLine(rest: behind, bearsBlanks: bearsBlanks)
        do throws(ChunkLine.Stop) {
            try line.readToEnd()
        } catch {
            return error == .needsMore ? body : body.ended(.refused)
        }
        rest = line.rest
        let size = digits.reduce(0) { $0 * 16 + hexDigit($1)! }
        if size == 0 { return body.ended(.trailers(rest.startIndex)) }
        body.data += rest.prefix(size)
        rest = rest.dropFirst(size)
        for byte: UInt8 in [0x0d, 0x0a] {
            guard let next = rest.popFirst() else { return body }
            guard next == byte else { return body.ended(.refused) }
        }
    }
}

/// What stands behind a chunk's size, read rule by rule: `*( BWS ";" BWS name [ BWS "=" BWS value ] ) CR LF`.
private struct ChunkLine {
    enum Stop: Error { case needsMore, refused }

    var rest: ArraySlice<UInt8>
    let bearsBlanks: Bool
    private var count = 0

    init(rest: ArraySlice<UInt8>, bearsBlanks: Bool) {
        self.rest = rest
        self.bearsBlanks = bearsBlanks
    }

    mutating func readToEnd() throws(Stop) {
        while true {
            let hasBlanks = try skipBlanks()
            switch try peek() {
            case 0x0d where bearsBlanks || !hasBlanks:
                rest = rest.dropFirst()
                guard let feed = rest.popFirst() else { throw .needsMore }
                guard feed == 0x0a else { throw .refused }
                return
            case 0x3b: try take()
            default: throw .refused
            }
            _ = try skipBlanks()
            try token()
            let isFollowed = try skipBlanks()
            guard try peek() == 0x3d else {
                if isFollowed, try peek() == 0x0d, !bearsBlanks { throw .refused }
                continue
            }
            try take()
            _ = try skipBlanks()
            if try peek() == 0x22 { try quotedString() } else { try token() }
        }
    }

    private mutating func token() throws(Stop) {
        guard isToken(try peek()) else { throw .refused }
        while isToken(try peek()) { try take() }
    }

    private mutating func quotedString() throws(Stop) {
        try take()
        while try peek() != 0x22 {
            if try peek() == 0x5c { try take() }
            let byte = try peek()
            guard byte == 0x09 || byte >= 0x20 && byte != 0x7f else { throw .refused }
            try take()
        }
        try take()
    }

    private mutating func skipBlanks() throws(Stop) -> Bool {
        var hasBlanks = false
        while [0x20, 0x09].contains(try peek()) {
            hasBlanks = true
            try take()
        }
        return hasBlanks
    }

    private func peek() throws(Stop) -> UInt8 {
        guard let byte = rest.first else { throw .needsMore }
        guard count < 1024 || byte == 0x0d else { throw .refused }
        return byte
    }

    private mutating func take() throws(Stop) {
        count += 1
        rest = rest.dropFirst()
    }

    private func isToken(_ byte: UInt8) -> Bool {
        let character = Character(UnicodeScalar(byte))
        return byte < 0x80 && (character.isLetter || character.isNumber || "!#$%&'*+-.^_`|~".contains(character))
    }
}

extension DecodedBody {
    fileprivate func ended(_ end: End) -> DecodedBody {
        DecodedBody(data: data, end: end)
    }
}

private func hexDigit(_ byte: UInt8) -> Int? {
    Character(UnicodeScalar(byte)).isASCII ? Character(UnicodeScalar(byte)).hexDigitValue : nil
}

private func checkTrailers(_ input: [UInt8], from start: Int) throws(ParserProblem) {
    struct Trailers: Equatable {
        var end: Int
        var lines: [ParsedLine]
    }
    let limits = HeadLimits(bytes: 500, fields: 8)
    var fields = FieldTable()
    // The section is parsed where it stands, so the cuts begin with it.
    let section = Array(input[start...])
    let answer = try checkEveryCut(of: section) { bytes -> ParserAnswer<Trailers> in
        do throws(Reason) {
            guard let end = try TrailerSection.parse(bytes, from: 0, limits: limits, into: &fields) else {
                return .incomplete
            }
            return .success(Trailers(end: end, lines: parsedLines(fields)))
        } catch {
            return .refused(error)
        }
    }
    guard case .success(let trailers) = answer else { return }
    for line in trailers.lines where !line.isDropped {
        let name = String(decoding: section[line.name], as: UTF8.self).lowercased()
        // As CGI and WSGI see it.
        let folded = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
        let forbidden = [
            "content-length", "transfer-encoding", "host", "connection", "te", "upgrade", "keep-alive", "authorization",
            "cookie", "set-cookie", "x-forwarded-for", "forwarded", "x-real-ip", "cache-control",
        ]
        try require(!forbidden.contains(folded), "\(name) is forwarded as a trailer")
    }
    try checkForwardedTrailers(section, limits)
}

/// Trailers are forwarded as a section of lines `Name: value` that parses to the same.
private func checkForwardedTrailers(_ section: [UInt8], _ limits: HeadLimits) throws(ParserProblem) {
    var fields = FieldTable()
    guard (try? TrailerSection.parse(section.span, from: 0, limits: limits, into: &fields)) != nil else {
        throw ParserProblem("a second look finds something else")
    }
    var sink = CollectedHead(input: section)
    sink.append(fields)
    sink.append("\r\n")
    _ = try linesOfHead(Array("a start line\r\n".utf8) + sink.output)
    let kept = parsedLines(fields).filter { !$0.isDropped }.map { Array(section[$0.name]) + Array(section[$0.value]) }
    let output = sink.output
    guard let end = try? TrailerSection.parse(output.span, from: 0, limits: HeadLimits(), into: &fields) else {
        throw ParserProblem("what is forwarded of the trailers is refused or incomplete")
    }
    let written = parsedLines(fields).map { Array(output[$0.name]) + Array(output[$0.value]) }
    try require(end == output.count && written == kept, "the trailers have changed")
}
