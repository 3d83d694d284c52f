/// The head of a response: what a proxy needs to know of it, as values and as offsets into the bytes that were parsed.
public struct ResponseHead: Sendable {
    public var version: Version
    public var status: Int
    /// The reason phrase, empty if there was none.
    public var phrase: Range<Int>
    public var framing: BodyFraming
    /// Whether the connection can carry another exchange behind this one.
    public var keepsAlive: Bool
    /// Whether there is a Date field.
    public var hasDate: Bool
    /// Whether Connection names fields, which must then not go on as trailers either (RFC 9110 section 7.6.1).
    public var namesFields: Bool
    /// Whether this is an interim response, which another one follows (RFC 9110 section 15.2).
    public var isInterim: Bool { status < 200 }
    /// Behind the empty line: where the body starts.
    public var end: Int
}

extension ResponseHead {
    /// Parses the response head at the start of `bytes` (RFC 9112 sections 4 to 6) as the answer to a request of
    /// `method`, filling `fields`.
    ///
    /// What could be read in two ways is refused, as from clients. What users bear and can be read in one way only is
    /// taken: any status, a later minor version, one empty line in front, `Transfer-Encoding: chunked` on several lines
    /// (the connection is then not used again). The answer depends on the bytes alone, never on how they were cut.
    ///
    /// - Returns: nil when the head has not arrived whole.
    /// - Throws: what is wrong; toward the client every such defect is a 502.
    public static func parse(
        _ bytes: Span<UInt8>, method: Method, limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> ResponseHead? {
        let isCut = bytes.count >= limits.bytes
        let visible = isCut ? bytes.extracting(0..<limits.bytes) : bytes
        guard let line = try statusLine(visible),
            let end = try section(visible, from: line.end, limits, into: &fields)
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
        keepsAlive = message.keepsAlive(line.version) && !message.repeatsChunked
        hasDate = message.hasDate
        namesFields = message.namesFields
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

    private static func section(
        _ bytes: Span<UInt8>, from start: Int, _ limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> Int? {
        do throws(Reason) {
            return try fields.parseSection(bytes, from: start, limit: limits.fields, of: .response)
        } catch {
            throw error == .tooManyFields ? .responseHeadTooLarge : error
        }
    }

    private static func statusLine(_ bytes: Span<UInt8>) throws(Reason) -> StatusLine? {
        guard let start = try skipEmptyLine(bytes) else { return nil }
        let name: StaticString = "HTTP/1."
        for index in 0..<7 {
            guard start + index < bytes.count else { return nil }
            guard bytes[start + index] == (unsafe name.utf8Start[index]) else { throw .badResponse }
        }
        guard bytes.count > start + 12 else { return nil }
        guard isDigit(bytes[start + 7]), bytes[start + 8] == space else { throw .badResponse }
        // Statuses above 599 are no class of RFC 9110, and taken for server errors (section 15).
        guard let status = decimal(bytes, start + 9..<start + 12), status >= 100 else { throw .badResponse }
        // A missing phrase often takes its space along; nothing depends on it.
        let behind = bytes[start + 12]
        guard behind == space || behind == cr else { throw .badResponse }
        let phrase = behind == space ? start + 13 : start + 12
        guard let end = try FieldTable.lineEnd(bytes, from: phrase) else { return nil }
        return StatusLine(
            version: bytes[start + 7] == 0x30 ? .http10 : .http11, status: Int(status), phrase: phrase..<end - 2,
            end: end)
    }

    /// One empty line before the status line is left over from a body that was ended once too often.
    private static func skipEmptyLine(_ bytes: Span<UInt8>) throws(Reason) -> Int? {
        guard let first = bytes.indices.first else { return nil }
        guard bytes[first] == cr else { return first }
        return try FieldTable.lineFeed(bytes, behindCR: first)
    }
}
