internal import ApusHTTP

/// Small limits, so that short inputs reach them.
private let inputLimits = HeadLimits(bytes: 1_500, fields: 16, targetBytes: 200)
/// A rewritten head may be larger than the one that came.
private let outputLimits = HeadLimits(bytes: 60_000, fields: 100, targetBytes: 8_192)

/// A request head parsed into values that can be compared.
private struct ParsedRequest: Equatable {
    var method: Method
    var version: Version
    var form: RequestTarget.Form
    var ranges: [Range<Int>]
    var framing: BodyFraming
    var flags: [Bool]
    var end: Int
    var lines: [ParsedLine]

    init(_ head: RequestHead, _ fields: borrowing FieldTable) {
        method = head.method
        version = head.version
        form = head.target.form
        ranges = [
            head.line.methodRange, head.line.target, head.target.authority, head.target.authorityHost,
            head.target.pathAndQuery, head.target.path, head.hostField, head.host,
        ]
        framing = head.framing
        flags = [head.keepsAlive, head.expectsContinue, head.acceptsTrailers]
        end = head.end
        lines = parsedLines(fields)
    }
}

/// One answer for every cut; what is accepted is forwarded as a head that is accepted too and says the same.
func checkRequestHead(_ input: [UInt8]) throws(ParserProblem) {
    var fields = FieldTable()
    let answer = try checkEveryCut(of: input) { bytes -> ParserAnswer<ParsedRequest> in
        do throws(Reason) {
            let head = try RequestHead.parse(bytes, limits: inputLimits, into: &fields)
            guard let head else { return .incomplete }
            return .success(ParsedRequest(head, fields))
        } catch {
            return .refused(error)
        }
    }
    guard case .success(let parsed) = answer else { return }
    try require(parsed.end <= min(input.count, inputLimits.bytes), "the head ends behind its bytes")
    for isTrusted in [false, true] { try checkForwarding(input, parsed, isTrusted: isTrusted) }
}

private func checkForwarding(
    _ input: [UInt8], _ parsed: ParsedRequest, isTrusted: Bool
) throws(ParserProblem) {
    var fields = FieldTable()
    guard let head = try? RequestHead.parse(input.span, limits: inputLimits, into: &fields) else {
        throw ParserProblem("a second look finds something else")
    }
    var sink = CollectedHead(input: input)
    head.write(
        forwarding: ForwardedRequest(isTrusted: isTrusted), fields: fields, to: &sink,
        clientAddress: { $0.append("192.0.2.1") }, ownAddress: { $0.append("192.0.2.2:80") })
    let output = sink.output
    let lines = try linesOfHead(output)
    let names = lines.map(\.name)
    try require(names.filter { $0 == "host" }.count == 1, "not exactly one Host is forwarded")
    let framings = names.filter { $0 == "content-length" || $0 == "transfer-encoding" }
    try require(framings.count <= 1, "two framings are forwarded")
    try require((parsed.framing == .chunked) == framings.contains("transfer-encoding"), "the framing has changed")
    for name in ["keep-alive", "proxy-connection", "upgrade", "proxy-authorization"] {
        try require(!names.contains(name), "\(name) is forwarded")
    }
    for (name, value) in lines where name == "connection" || name == "te" {
        try require(value == "TE" || value == "trailers", "\(name): \(value) is forwarded")
    }
    for name in names {
        try require(!name.contains("_"), "\(name) is forwarded")
        try require(!understood.contains(folded(name)) || folded(name) == name, "\(name) is forwarded")
    }
    if !isTrusted {
        let claims = lines.filter { $0.name.hasPrefix("x-forwarded-for") }.map(\.value)
        try require(claims == ["192.0.2.1"], "an untrusted client's \(claims) is forwarded")
        let foreign = names.filter { name in
            let isOwn = ["for", "proto", "port", "host"].contains { name == "x-forwarded-\($0)" }
            return !isOwn && (folded(name).hasPrefix("x-forwarded-") || understood.contains(folded(name)))
        }
        try require(foreign.allSatisfy(framing.contains), "an untrusted client's \(foreign) is forwarded")
    }
    let second: RequestHead?
    do throws(Reason) {
        second = try RequestHead.parse(output.span, limits: outputLimits, into: &fields)
    } catch {
        throw ParserProblem("what is forwarded is refused: \(error)")
    }
    guard let second else { throw ParserProblem("what is forwarded is incomplete") }
    try require(second.end == output.count, "what is forwarded goes on behind its head")
    try require(second.method == parsed.method && second.version == .http11, "the request line has changed")
    try require(second.framing == parsed.framing, "\(parsed.framing) has become \(second.framing)")
    try require(second.target.form != .absolute, "an absolute form is forwarded")
}

private let framing: Set = ["content-length", "transfer-encoding"]
/// Some names that no other name may be taken for.
private let understood = framing.union([
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "forwarded",
    "x-real-ip", "x-original-url", "true-client-ip", "remote-user", "proxy", "keep-alive",
])

/// As CGI and WSGI fold names, which are in lower case here.
private func folded(_ name: String) -> String {
    String(
        name.unicodeScalars.map { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "-"
        })
}

/// A response head parsed into values that can be compared.
private struct ParsedResponse: Equatable {
    var version: Version
    var status: Int
    var phrase: Range<Int>
    var framing: BodyFraming
    var keepsAlive: Bool
    var end: Int
    var lines: [ParsedLine]
}

/// As for requests, as the answer to GET and to HEAD.
func checkResponseHead(_ input: [UInt8]) throws(ParserProblem) {
    for method in [Method.get, .head] {
        var fields = FieldTable()
        let answer = try checkEveryCut(of: input) { bytes -> ParserAnswer<ParsedResponse> in
            do throws(Reason) {
                var copy = bytes.indices.map { bytes[$0] }
                let head = try parseOrMend(&copy, method, into: &fields)
                guard let head else { return .incomplete }
                return .success(
                    ParsedResponse(
                        version: head.version, status: head.status, phrase: head.phrase, framing: head.framing,
                        keepsAlive: head.keepsAlive, end: head.end, lines: parsedLines(fields)))
            } catch {
                return .refused(error)
            }
        }
        if case .success(let parsed) = answer { try checkReturning(input, parsed, method) }
    }
}

/// As the data plane does it.
private func parseOrMend(
    _ bytes: inout [UInt8], _ method: Method, into fields: inout FieldTable
) throws(Reason) -> ResponseHead? {
    do throws(Reason) {
        return try ResponseHead.parse(bytes.span, method: method, limits: inputLimits, into: &fields)
    } catch {
        guard error.canBeMended else { throw error }
        var span = bytes.mutableSpan
        return try ResponseHead.parse(mending: &span, method: method, limits: inputLimits, into: &fields)
    }
}

private func checkReturning(
    _ input: [UInt8], _ parsed: ParsedResponse, _ method: Method
) throws(ParserProblem) {
    try require(parsed.end <= min(input.count, inputLimits.bytes), "the head ends behind its bytes")
    var fields = FieldTable()
    var mended = input
    guard let head = try? parseOrMend(&mended, method, into: &fields) else {
        throw ParserProblem("a second look finds something else")
    }
    var sink = CollectedHead(input: mended)
    let isChunked = head.framing == .chunked || head.framing == .untilClose
    head.write(forwarded: ForwardedResponse(isChunked: isChunked, connection: .close), fields: fields, to: &sink)
    let output = sink.output
    let lines = try linesOfHead(output)
    let framings = lines.map(\.name).filter { $0 == "content-length" || $0 == "transfer-encoding" }
    try require(framings.count <= 1, "two framings are returned")
    for name in lines.map(\.name) {
        try require(folded(name) != "apus-reason", "\(name) is returned")
        try require(!framing.contains(folded(name)) || framing.contains(name), "\(name) is returned")
    }
    try require(lines.filter { $0.name == "connection" }.map(\.value) == ["close"], "Connection is not ours alone")
    let second: ResponseHead?
    do throws(Reason) {
        second = try ResponseHead.parse(output.span, method: method, limits: outputLimits, into: &fields)
    } catch {
        throw ParserProblem("what is returned is refused: \(error)")
    }
    guard let second else { throw ParserProblem("what is returned is incomplete") }
    try require(second.end == output.count, "what is returned goes on behind its head")
    try require(second.status == parsed.status && second.version == .http11, "the status line has changed")
    try require(
        second.framing == (isChunked ? .chunked : parsed.framing), "\(parsed.framing) has become \(second.framing)")
}
