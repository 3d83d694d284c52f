/// Takes the chunked transfer coding off a body (RFC 9112 section 7.1), piece by piece as it arrives.
///
/// A value without buffers: it says where in the given bytes the data lies, and remembers only where it stopped. As
/// strict as the grammar: a size is nothing but hexadecimal digits, every line ends in CR LF, and the data is followed
/// by CR LF and nothing else. Chunk extensions are checked by their grammar, blanks included, bounded and dropped.
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
        case sizeStart, size
        /// Behind the size or an extension, where blanks may stand.
        case blank
        /// The parts of an extension, from behind its semicolon on.
        case nameStart, name, nameBlank, valueStart, value, quoted, quotedPair, valueEnd
        case sizeLF, data, dataCR, dataLF, trailers
    }

    private var state = State.sizeStart
    /// Bytes of this line seen so far that bound it: size digits, or what stands behind them.
    private var lineBytes: UInt16 = 0
    /// The chunk's size while it is read, then what is left of its data.
    private var remaining: UInt64 = 0

    /// More digits than this cannot be a size that anybody means; 15 cannot overflow.
    private static let sizeDigits: UInt16 = 15
    private static let extensionBytes: UInt16 = 1_024

    /// Whether blanks may stand at the end of a size's line: some origins fill it up to a fixed width.
    private let bearsBlanks: Bool

    public init(bearsBlanks: Bool = false) { self.bearsBlanks = bearsBlanks }

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
        case .blank, .nameStart, .name, .nameBlank, .valueStart, .value, .quoted, .quotedPair, .valueEnd:
            try advanceExtension(over: byte)
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
        } else if state == .size, byte == semicolon || byte == space || byte == tab {
            state = byte == semicolon ? .nameStart : .blank
            lineBytes = 1
        } else {
            throw .badChunk
        }
    }

    /// One byte behind the size: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 section
    /// 7.1.1).
    private mutating func advanceExtension(over byte: UInt8) throws(Reason) {
        if byte != cr { lineBytes += 1 }
        guard lineBytes <= Self.extensionBytes, let next = nextState(byte) else { throw .badChunk }
        state = next
    }

    private func nextState(_ byte: UInt8) -> State? {
        let isBlank = byte == space || byte == tab
        switch state {
        case .quoted where byte == quote: return .valueEnd
        case .quoted where byte == backslash: return .quotedPair
        case .quoted, .quotedPair: return isFieldValueByte(byte) ? .quoted : nil
        case .nameStart, .valueStart:
            if isBlank { return state }
            if state == .valueStart, byte == quote { return .quoted }
            guard isTokenByte(byte) else { return nil }
            return state == .nameStart ? .name : .value
        case .name where isTokenByte(byte), .value where isTokenByte(byte): return state
        case .name where byte == equalsSign, .nameBlank where byte == equalsSign: return .valueStart
        default: break
        }
        // A name, a value or blanks end here.
        let mayEnd = bearsBlanks || state != .blank && state != .nameBlank
        if isBlank { return state == .name || state == .nameBlank ? .nameBlank : .blank }
        if byte == semicolon { return .nameStart }
        return byte == cr && mayEnd ? .sizeLF : nil
    }
}

private let quote: UInt8 = 0x22
