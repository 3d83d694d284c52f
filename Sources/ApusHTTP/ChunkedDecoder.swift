/// Takes the chunked transfer coding off a body (RFC 9112 section 7.1), piece by piece as it arrives.
///
/// A value without buffers: it says where in the given bytes the data lies, and remembers only where it stopped. As
/// strict as the grammar: a size is nothing but hexadecimal digits, every line ends in CR LF, and the data is followed
/// by CR LF and nothing else. Chunk extensions are checked, bounded and dropped.
public struct ChunkedDecoder: Sendable, BitwiseCopyable {
    public enum Event: Sendable, Equatable {
        /// Body bytes. Ask again from the range's end.
        case data(Range<Int>)
        /// All given bytes are used up; ask again when more have come.
        case needsMore
        /// The last chunk has been read. The trailer section, at least its empty line, starts at the offset.
        case trailers(from: Int)
    }

    private enum State: UInt8 {
        case sizeStart, size, extensions, sizeLF, data, dataCR, dataLF, trailers
    }

    private var state = State.sizeStart
    /// Bytes of this line seen so far that bound it: size digits, or extension bytes.
    private var lineBytes: UInt16 = 0
    /// The chunk's size while it is read, then what is left of its data.
    private var remaining: UInt64 = 0

    /// More digits than this cannot be a size that anybody means; 15 cannot overflow.
    private static let sizeDigits: UInt16 = 15
    private static let extensionBytes: UInt16 = 1_024

    public init() {}

    /// What comes next in `bytes` at `offset`.
    public mutating func next(_ bytes: Span<UInt8>, from start: Int) throws(Reason) -> Event {
        var offset = start
        while state != .trailers {
            guard offset < bytes.count else { return .needsMore }
            if state == .data {
                let end = offset &+ Int(min(remaining, UInt64(bytes.count &- offset)))
                remaining &-= UInt64(end &- offset)
                if remaining == 0 { state = .dataCR }
                return .data(offset..<end)
            }
            try advance(over: bytes[offset])
            offset &+= 1
        }
        return .trailers(from: offset)
    }

    /// One byte of framing.
    private mutating func advance(over byte: UInt8) throws(Reason) {
        switch state {
        case .sizeStart, .size: try advanceSize(over: byte)
        case .extensions:
            lineBytes += 1
            if byte == cr {
                state = .sizeLF
            } else if !isFieldValueByte(byte) || lineBytes > Self.extensionBytes {
                throw .badChunk
            }
        case .sizeLF:
            guard byte == lf else { throw .badChunk }
            state = remaining == 0 ? .trailers : .data
        case .dataCR:
            guard byte == cr else { throw .badChunk }
            state = .dataLF
        case .dataLF:
            guard byte == lf else { throw .badChunk }
            state = .sizeStart
        case .data, .trailers: preconditionFailure("not framing")
        }
    }

    private mutating func advanceSize(over byte: UInt8) throws(Reason) {
        if let digit = hexValue(byte) {
            if state == .sizeStart {
                state = .size
                remaining = 0
                lineBytes = 0
            }
            lineBytes += 1
            guard lineBytes <= Self.sizeDigits else { throw .badChunk }
            remaining = remaining << 4 | UInt64(digit)
        } else if state == .size, byte == cr {
            state = .sizeLF
        } else if state == .size, byte == 0x3b {
            state = .extensions
            lineBytes = 0
        } else {
            throw .badChunk
        }
    }
}
