/// The first line of a request (RFC 9112 section 3), as offsets into the bytes that were parsed.
public struct RequestLine: Sendable {
    public var method: Method
    public var version: Version
    /// Where the method stands: empty lines before the request line are not part of it.
    public var methodRange: Range<Int>
    public var target: Range<Int>
    /// Behind the line's CR LF.
    public var end: Int

    /// Longer methods than this are noise, not requests.
    static let methodLimit = 64

    /// - Returns: nil when the line has not arrived whole.
    static func parse(_ bytes: Span<UInt8>, _ limits: HeadLimits) throws(Reason) -> RequestLine? {
        guard let start = try skipEmptyLine(bytes), let methodEnd = try methodEnd(bytes, from: start) else {
            return nil
        }
        let method = Method(bytes, start..<methodEnd)
        if method == .other, Method.isOtherCase(bytes, start..<methodEnd) { throw .badMethod }
        guard let targetEnd = try targetEnd(bytes, from: methodEnd + 1, limits.targetBytes),
            let (version, end) = try version(bytes, from: targetEnd + 1)
        else { return nil }
        return RequestLine(
            method: method, version: version, methodRange: start..<methodEnd,
            target: methodEnd + 1..<targetEnd, end: end)
    }

    /// One empty line before a request is left over from an old client's body (RFC 9112 section 2.2).
    private static func skipEmptyLine(_ bytes: Span<UInt8>) throws(Reason) -> Int? {
        guard let first = bytes.indices.first else { return nil }
        if bytes[first] == lf { throw .bareLF }
        guard bytes[first] == cr else { return first }
        return try FieldTable.lineFeed(bytes, behindCR: first)
    }

    private static func methodEnd(_ bytes: Span<UInt8>, from start: Int) throws(Reason) -> Int? {
        var offset = start
        while offset < bytes.count, isTokenByte(bytes[offset]) { offset &+= 1 }
        if offset - start > methodLimit { throw .badMethod }
        guard offset < bytes.count else { return nil }
        guard bytes[offset] == space, offset > start else {
            try refuse(bytes, at: offset, .badMethod)
            return nil
        }
        return offset
    }

    private static func targetEnd(_ bytes: Span<UInt8>, from start: Int, _ limit: Int) throws(Reason) -> Int? {
        let offset = bytes.targetEnd(from: start)
        if offset - start > limit { throw .targetTooLong }
        guard offset < bytes.count else { return nil }
        if bytes[offset] == space, offset > start { return offset }
        try refuse(bytes, at: offset, bytes[offset] == space ? .badRequestLine : .badTarget)
        return nil
    }

    /// The version and the offset behind the line.
    private static func version(_ bytes: Span<UInt8>, from start: Int) throws(Reason) -> (Version, Int)? {
        let name: StaticString = "HTTP/"
        for index in 0..<5 {
            guard start + index < bytes.count else { return nil }
            if bytes[start + index] != (unsafe name.utf8Start[index]) {
                try refuse(bytes, at: start + index, .badRequestLine)
                return nil
            }
        }
        for index in 5..<9 {
            guard start + index < bytes.count else { return nil }
            let byte = bytes[start + index]
            let isExpected = index == 6 ? byte == 0x2e : index == 8 ? byte == cr : isDigit(byte)
            guard isExpected else {
                try refuse(bytes, at: start + index, .badRequestLine)
                return nil
            }
        }
        let (major, minor) = (bytes[start + 5], bytes[start + 7])
        guard let end = try FieldTable.lineFeed(bytes, behindCR: start + 8) else { return nil }
        guard major == 0x31 else { throw .badVersion }
        // A later minor version is read as the highest that is known (RFC 9110 section 2.5).
        return (minor == 0x30 ? .http10 : .http11, end)
    }

    /// Refuses the byte at `offset`: for a line that ends too early if it is a line's end, for `reason` otherwise.
    ///
    /// Returns, with nothing, only behind a CR of which it cannot be known yet whether it stands alone.
    private static func refuse(_ bytes: Span<UInt8>, at offset: Int, _ reason: Reason) throws(Reason) {
        if bytes[offset] == lf { throw .bareLF }
        if bytes[offset] == cr, try FieldTable.lineFeed(bytes, behindCR: offset) == nil { return }
        throw bytes[offset] == cr ? .badRequestLine : reason
    }
}
