import ApusHTTP

/// One direction of an exchange's body: what is left of it to come, and how it is framed when it goes on.
///
/// A value that takes bytes and says where the data and the end are. Framing is always made anew: what goes on was
/// understood, byte for byte, and nothing that only looked like framing is passed along.
struct BodyRelay: BitwiseCopyable {
    enum Event: Equatable {
        /// Body bytes. Ask again from the range's end.
        case data(Range<Int>)
        /// All given bytes are used up.
        case needsMore
        /// The trailer section starts here; parse it and say `trailersEnded`.
        case trailers(from: Int)
        /// The body ended at this offset.
        case end(at: Int)
    }

    private enum Source: UInt8 { case none, length, chunked, untilClose }

    private var source: Source
    private var remaining: UInt64
    private var decoder: ChunkedDecoder
    /// Whether the body goes on in chunks.
    private(set) var isChunkedOut: Bool
    private(set) var isComplete: Bool
    /// Whether the data has ended and the trailer section has not.
    private(set) var isInTrailers = false
    /// Whether its trailers go on, those that may.
    var passesTrailers = false
    /// Bytes of data so far.
    private(set) var byteCount: UInt64 = 0

    /// - Parameters:
    ///   - isChunkedOut: whether to frame the body in chunks when it goes on.
    ///   - bearsBlanks: whether blanks may stand behind the sizes of chunks, as some origins have it.
    @inline(__always)
    init(_ framing: BodyFraming, isChunkedOut: Bool, bearsBlanks: Bool = false) {
        self.isChunkedOut = isChunkedOut
        decoder = ChunkedDecoder(bearsBlanks: bearsBlanks)
        remaining = 0
        isComplete = false
        switch framing {
        case .none:
            source = .none
            isComplete = true
        case .length(let length):
            source = .length
            remaining = length
            isComplete = length == 0
        case .chunked: source = .chunked
        case .untilClose: source = .untilClose
        }
    }

    /// Whether the body's length was not told before it came.
    var hasNoLength: Bool { source == .chunked || source == .untilClose }

    /// Whether the end of the connection is the proper end of the body.
    var endsWithConnection: Bool { source == .untilClose }

    /// Bytes of data that are still to come and go on as they are, of which nobody needs to see any; 0 where the
    /// framing is in between.
    var unseenBytes: UInt64 { source == .length && !isChunkedOut ? remaining : 0 }

    /// Bytes of those went on without having been seen.
    mutating func passedOn(_ count: Int) {
        remaining -= UInt64(count)
        byteCount += UInt64(count)
        if remaining == 0 { isComplete = true }
    }

    /// What comes next in `bytes` at `offset`.
    mutating func next(_ bytes: Span<UInt8>, from offset: Int) throws(Reason) -> Event {
        if isComplete { return .end(at: offset) }
        if isInTrailers { return .trailers(from: offset) }
        switch source {
        case .none: return .end(at: offset)
        case .length: return nextOfLength(bytes.count, from: offset)
        case .untilClose: return data(offset..<bytes.count)
        case .chunked:
            switch try decoder.next(bytes, from: offset) {
            case .data(let range): return data(range)
            case .needsMore: return .needsMore
            case .trailers(let start):
                isInTrailers = true
                return .trailers(from: start)
            }
        }
    }

    mutating func trailersEnded() {
        isInTrailers = false
        isComplete = true
    }

    /// The connection has ended. Says whether that completes the body.
    mutating func connectionEnded() -> Bool {
        if endsWithConnection { isComplete = true }
        return isComplete
    }

    private mutating func nextOfLength(_ count: Int, from offset: Int) -> Event {
        let end = offset + Int(min(remaining, UInt64(count - offset)))
        remaining -= UInt64(end - offset)
        if remaining == 0 { isComplete = true }
        return data(offset..<end)
    }

    private mutating func data(_ range: Range<Int>) -> Event {
        if range.isEmpty { return .needsMore }
        byteCount += UInt64(range.count)
        return .data(range)
    }
}
