/// How the end of a message's body is found (RFC 9112 section 6.3).
public enum BodyFraming: Sendable, Equatable {
    /// There is no body.
    case none
    /// As many bytes as Content-Length says.
    case length(UInt64)
    /// Chunks, of which the last is empty, then trailers.
    case chunked
    /// Everything until the connection closes; only responses can be framed so.
    case untilClose
}

/// What the fields of one head say about its body and its connection, gathered in one pass over the table.
struct MessageFields {
    var contentLength: UInt64?
    var hasTransferEncoding = false
    /// Chunked is the last transfer coding, stands once, and nothing else was applied.
    var isChunked = false
    /// Another line says the same: `Transfer-Encoding: chunked`, and nothing else.
    var repeatsChunked = false
    var hasOtherCoding = false
    var isTransferEncodingMalformed = false
    var saysClose = false
    var saysKeepAlive = false
    /// Connection names fields that a trailer section could have too.
    var namesFields = false
    var hasDate = false
    private var optionCount = 0
    /// Options that the Connection fields of one head may have: each that names a field costs a look at every line.
    private static let optionLimit = 32

    init(_ bytes: Span<UInt8>, _ fields: inout FieldTable) throws(Reason) {
        // Most requests have none of these.
        guard !fields.known.isDisjoint(with: .framing) else { return }
        var namesOthers = false
        for index in 0..<fields.count {
            let line = fields[index]
            switch line.field {
            case .contentLength:
                if try addContentLength(bytes, line.value) {
                    fields.drop(index)
                } else if bytes[line.value.lowerBound] == 0x30 {
                    fields.dropLeadingZeros(index, bytes)
                }
            case .date: hasDate = true
            case .transferEncoding: addTransferEncoding(bytes, line.value)
            case .connection: namesOthers = try addConnection(bytes, line.value) || namesOthers
            default: continue
            }
        }
        guard namesOthers else { return }
        for index in 0..<fields.count where fields[index].field == .connection {
            fields.dropLines(namedIn: fields[index].value, bytes)
        }
    }

    /// Returns whether the line only repeats what an earlier one said.
    private mutating func addContentLength(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(Reason) -> Bool {
        guard let length = decimal(bytes, value) else { throw .badContentLength }
        guard let known = contentLength else {
            contentLength = length
            return false
        }
        guard known == length else { throw .conflictingContentLength }
        return true
    }

    private mutating func addTransferEncoding(_ bytes: Span<UInt8>, _ value: Range<Int>) {
        hasTransferEncoding = true
        if bytes.equalsIgnoringCase(value, "chunked") {
            if isChunked { repeatsChunked = true }
            isChunked = true
            return
        }
        forEachElement(of: bytes, in: value) { coding in
            // Anything behind chunked would make the end of the body a matter of opinion.
            if isChunked { isTransferEncodingMalformed = true }
            if bytes.equalsIgnoringCase(coding, "chunked") { isChunked = true } else { hasOtherCoding = true }
        }
        // RFC 9110 section 5.6.1 has empty elements ignored, but who does not know `,chunked` reads another body.
        if !hasOtherCoding { isTransferEncodingMalformed = true }
    }

    /// Returns whether the value names fields of this message, rather than only saying how the connection goes on.
    private mutating func addConnection(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(Reason) -> Bool {
        var namesOthers = false
        try forEachElement(of: bytes, in: value) { option throws(Reason) in
            optionCount += 1
            guard optionCount <= Self.optionLimit else { throw .tooManyOptions }
            if bytes.equalsIgnoringCase(option, "close") {
                saysClose = true
            } else if bytes.equalsIgnoringCase(option, "keep-alive") {
                saysKeepAlive = true
            } else {
                namesOthers = true
                if !bytes.equalsIgnoringCase(option, "te"), !bytes.equalsIgnoringCase(option, "upgrade") {
                    namesFields = true
                }
            }
        }
        return namesOthers
    }

    /// Whether the connection can carry another message behind this one (RFC 9112 section 9.3).
    func keepsAlive(_ version: Version) -> Bool {
        switch version {
        case .http11: !saysClose
        case .http10: saysKeepAlive && !saysClose
        }
    }
}

/// The number that the digits of `range` give; nil for anything but one or more digits below 2^63.
func decimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    // 18 digits cannot overflow; more than that many bytes are no length that anybody means.
    guard (1...18).contains(range.count) else { return nil }
    var value: UInt64 = 0
    for index in range {
        guard isDigit(bytes[index]) else { return nil }
        value = value &* 10 &+ UInt64(bytes[index] &- 0x30)
    }
    return value
}
