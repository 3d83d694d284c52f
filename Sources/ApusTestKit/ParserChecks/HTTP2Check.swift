internal import ApusHTTP

/// What a session makes of bytes, with a body's pieces put together.
private struct Conversation: Equatable {
    var events: [String] = []
    /// Frames that it wrote. Windows are granted sooner or later by the cut of a body.
    var frames: [UInt8] = []
    var bodies: [UInt32: Int] = [:]
    var hasFailed = false
}

private struct WrittenFrames: FrameSink {
    var bytes: [UInt8] = []
    mutating func append(_ byte: UInt8) { bytes.append(byte) }
}

/// A session that is given any bytes behind a good beginning says the same however they are cut, ends streams once, never
/// grants more than was used, and what it takes for a head is one to the parser of HTTP/1.
///
/// The first byte says which end it is and how narrow its bounds are.
func checkHTTP2(_ input: [UInt8]) throws(ParserProblem) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    let whole = try converse(bytes, first, cuts: [])
    for size in [1, 2, 9, 31] where size < bytes.count {
        let cut = try converse(bytes, first, cuts: Array(stride(from: size, to: bytes.count, by: size)))
        try require(cut == whole, "cut each \(size) bytes \(cut), at once \(whole)")
    }
}

private func converse(_ bytes: [UInt8], _ kind: UInt8, cuts: [Int]) throws(ParserProblem) -> Conversation {
    let role: HTTP2Session.Role = kind & 1 == 0 ? .server : .client
    var limits = HTTP2Session.Limits()
    limits.streams = kind & 2 == 0 ? 100 : 2
    limits.streamWindow = kind & 4 == 0 ? 65_535 : 100
    limits.blockBytes = kind & 8 == 0 ? 64 << 10 : 200
    var session = HTTP2Session(role, limits)
    var scratch = HPACKScratch(capacity: 4_096)
    var head = HTTP2HeadText(role == .server ? .request : .response, .init(bytes: 4_096, fields: 20, crumbs: 20))
    var sink = WrittenFrames()
    var conversation = Conversation()
    session.begin(&sink)
    var beginning = FrameHeader(.settings, length: 0).bytes
    if role == .server { beginning = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + beginning }
    if role == .client { for _ in 0..<3 { _ = session.open(now: 0) } }
    sink.bytes = []
    var start = 0
    for (index, end) in ([0] + cuts + [bytes.count]).enumerated() {
        let piece = index == 0 ? beginning : Array(bytes[start..<end])
        var offset = 0
        loop: while !conversation.hasFailed {
            let event = session.next(piece.span, from: &offset, now: 1, &scratch, into: &head, &sink)
            switch event {
            case .needsMore: break loop
            case .head(let stream, let isTrailer, let ends):
                let words = try words(&head, role, isTrailer: isTrailer, endsStream: ends)
                conversation.events.append("\(event)\(words)")
                // Some are let go of at once.
                if stream.id % 8 == 5 { session.release(stream, .cancel, &sink) }
            // In the middle of a frame, by the cut.
            case .data(let stream, _, _) where stream.id % 8 == 3: session.release(stream, .cancel, &sink)
            case .data(let stream, let range, let ends):
                conversation.bodies[stream.id, default: 0] += range.count
                if stream.id % 8 != 7 { session.consumed(stream, range.count, &sink) }
                if ends { conversation.events.append("the end of \(stream.id)") }
            case .reset(let stream, _, _):
                conversation.events.append("\(event)")
                session.release(stream, .cancel, &sink)
            case .failed:
                conversation.events.append("\(event)")
                conversation.hasFailed = true
            default: conversation.events.append("\(event)")
            }
        }
        if index > 0 { start = end }
    }
    for _ in 0..<3 where role == .client { _ = session.open(now: 2) }
    conversation.frames = withoutWindows(sink.bytes)
    return conversation
}

/// What the head says; what is no head to the parser of HTTP/1 must be refused as one, never cut or doubled.
private func words(
    _ head: inout HTTP2HeadText, _ role: HTTP2Session.Role, isTrailer: Bool, endsStream: Bool
) throws(ParserProblem) -> String {
    let count: Int
    do {
        count = try head.finish(endsStream: endsStream)
    } catch {
        return ": \(error)"
    }
    let text = head.written
    guard !isTrailer, role == .server else { return ": \(count) bytes" }
    var fields = FieldTable()
    do throws(Reason) {
        let parsed = try RequestHead.parse(text, limits: HeadLimits(), into: &fields)
        guard let parsed, parsed.end == count else { throw Reason.badRequestLine }
        return ": \(parsed.method) \(fields.count)"
    } catch {
        let usual: [Reason] = [
            .missingHost, .repeatedHost, .badHost, .badMethod, .methodNotAllowed, .targetTooLong, .badContentLength,
            .conflictingContentLength, .expectationFailed, .badTarget,
        ]
        try require(usual.contains(error), "a head of HTTP/2 becomes one that is refused: \(error)")
        return ": \(error)"
    }
}

private func withoutWindows(_ bytes: [UInt8]) -> [UInt8] {
    var kept: [UInt8] = []
    var offset = 0
    while let header = FrameHeader(bytes.span, at: offset) {
        let end = offset + FrameHeader.count + header.length
        if header.kind != .windowUpdate { kept += bytes[offset..<end] }
        offset = end
    }
    return kept
}

extension FrameHeader {
    fileprivate var bytes: [UInt8] {
        var sink = WrittenFrames()
        write(to: &sink)
        return sink.bytes
    }
}
