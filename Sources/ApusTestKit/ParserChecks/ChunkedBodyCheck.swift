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
    let expected = decodeByGrammar(input)
    let whole = decode(input, cuts: [])
    try require(whole == expected, "decoded \(whole), by the grammar \(expected)")
    let everywhere = decode(input, cuts: Array(1..<max(1, input.count)))
    try require(everywhere == expected, "byte by byte \(everywhere), at once \(expected)")
    for cut in stride(from: 1, to: input.count, by: max(1, input.count / 64)) {
        let halves = decode(input, cuts: [cut])
        try require(halves == expected, "cut at \(cut) \(halves), at once \(expected)")
    }
    guard case .trailers(let start) = expected.end else { return }
    try checkTrailers(input, from: start)
}

/// Decodes `input` as it would arrive when cut at `cuts`.
private func decode(_ input: [UInt8], cuts: [Int]) -> DecodedBody {
    var decoder = ChunkedDecoder()
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

/// Decodes `input` as RFC 9112 section 7.1 writes it down, with the decoder's bounds: 15 digits, 1,024 bytes of
/// extensions.
private func decodeByGrammar(_ input: [UInt8]) -> DecodedBody {
    var body = DecodedBody()
    var rest = input[...]
    while true {
        let digits = rest.prefix { hexDigit($0) != nil }
        guard digits.count <= 15 else { return body.ended(.refused) }
        var line = rest.dropFirst(digits.count)
        guard let behindDigits = line.first else { return body }
        guard !digits.isEmpty else { return body.ended(.refused) }
        if behindDigits == UInt8(ascii: ";") {
            let text = line.dropFirst().prefix { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }
            guard text.count <= 1024 else { return body.ended(.refused) }
            line = line.dropFirst(1 + text.count)
        }
        guard let carriageReturn = line.first else { return body }
        guard carriageReturn == 0x0d else { return body.ended(.refused) }
        guard let lineFeed = line.dropFirst().first else { return body }
        guard lineFeed == 0x0a else { return body.ended(.refused) }
        rest = line.dropFirst(2)
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
        let forbidden = ["content-length", "transfer-encoding", "host", "connection", "te", "upgrade", "keep-alive"]
        try require(!forbidden.contains(name), "\(name) is forwarded as a trailer")
    }
}
