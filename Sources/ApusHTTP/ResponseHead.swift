/// The head of a response: what a proxy needs to know of it, as values and as offsets into the bytes that were parsed.
public struct ResponseHead: Sendable {
    public var version: Version
    public var status: Int
    /// The reason phrase, empty if there was none.
    public var phrase: Range<Int>
    public var framing: BodyFraming
    /// Whether the connection can carry another exchange behind this one.
    public var keepsAlive: Bool
    /// Whether this is an interim response, which another one follows (RFC 9110 section 15.2).
    public var isInterim: Bool { status < 200 }
    /// Behind the empty line: where the body starts.
    public var end: Int
}

extension ResponseHead {
    /// Parses the response head at the start of `bytes` (RFC 9112 sections 4 to 6) as the answer to a request of
    /// `method`, filling `fields`.
    ///
    /// As strict as toward clients: what could be read in two ways is refused. The answer depends on the bytes alone,
    /// never on how they were cut.
    ///
    /// - Returns: nil when the head has not arrived whole.
    /// - Throws: what is wrong; toward the client every such defect is a 502.
    public static func parse(
        _ bytes: Span<UInt8>, method: Method, limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> ResponseHead? {
        let isCut = bytes.count >= limits.bytes
        let visible = isCut ? bytes.extracting(0..<limits.bytes) : bytes
        guard let line = try statusLine(visible),
            let end = try fields.parseSection(visible, from: line.end, limit: limits.fields, of: .response)
        else {
            if isCut { throw .responseHeadTooLarge }
            return nil
        }
        return try ResponseHead(visible, line, end, method, &fields)
    }

    private struct StatusLine {
        var version: Version
        var status: Int
        var phrase: Range<Int>
        var end: Int
    }

    private init(
        _ bytes: Span<UInt8>, _ line: StatusLine, _ end: Int, _ method: Method, _ fields: inout FieldTable
    ) throws(Reason) {
        let message = try MessageFields(bytes, &fields)
        version = line.version
        status = line.status
        phrase = line.phrase
        self.end = end
        keepsAlive = message.keepsAlive(line.version)
        framing = try Self.framing(message, line, method)
        guard line.status < 200 || line.status == 204 else { return }
        // These have no body whatever their fields say; a length here could only mislead the client.
        for index in 0..<fields.count where fields[index].field == .contentLength { fields.drop(index) }
    }

    private static func framing(
        _ message: MessageFields, _ line: StatusLine, _ method: Method
    ) throws(Reason) -> BodyFraming {
        if message.hasTransferEncoding {
            if message.contentLength != nil { throw .contentLengthWithTransferEncoding }
            if line.version == .http10 { throw .transferEncodingInHTTP10 }
            if message.isTransferEncodingMalformed || !message.isChunked { throw .badTransferEncoding }
            if message.hasOtherCoding { throw .unsupportedTransferCoding }
        }
        if method == .head || line.status < 200 || line.status == 204 || line.status == 304 { return .none }
        if message.hasTransferEncoding { return .chunked }
        return message.contentLength.map { $0 == 0 ? .none : .length($0) } ?? .untilClose
    }

    private static func statusLine(_ bytes: Span<UInt8>) throws(Reason) -> StatusLine? {
        let name: StaticString = "HTTP/1."
        for index in 0..<7 {
            guard index < bytes.count else { return nil }
            guard bytes[index] == (unsafe name.utf8Start[index]) else { throw .badResponse }
        }
        guard bytes.count > 12 else { return nil }
        guard bytes[7] == 0x30 || bytes[7] == 0x31, bytes[8] == space else { throw .badResponse }
        guard let status = decimal(bytes, 9..<12), (100...599).contains(status) else { throw .badResponse }
        // A missing phrase often takes its space along; nothing depends on it.
        guard bytes[12] == space || bytes[12] == cr else { throw .badResponse }
        let phrase = bytes[12] == space ? 13 : 12
        guard let end = try FieldTable.lineEnd(bytes, from: phrase) else { return nil }
        return StatusLine(
            version: bytes[7] == 0x31 ? .http11 : .http10, status: Int(status), phrase: phrase..<end - 2, end: end)
    }
}
