public import ApusHTTP

/// One direction of an exchange's body: what is left of it to come, and how it is framed when it goes on.
///
/// A value that takes bytes and says where the data and the end are. Framing is always made anew: what goes on was
/// understood, byte for byte, and nothing that only looked like framing is passed along.
@frozen
public struct BodyRelay: Sendable, BitwiseCopyable {
    @frozen
    public enum Event: Sendable, Equatable {
        /// Body bytes. Ask again from the range's end.
        case data(Range<Int>)
        /// All given bytes are used up.
        case needsMore
        /// The trailer section starts here; parse it and say `trailersEnded`.
        case trailers(from: Int)
        /// The body ended at this offset.
        case end(at: Int)
    }

    @usableFromInline
    enum Source: UInt8, Sendable, BitwiseCopyable { case none, length, chunked, untilClose }

    @usableFromInline var source: Source
    @usableFromInline var remaining: UInt64
    @usableFromInline var decoder: ChunkedDecoder
    /// Whether the body goes on in chunks.
    public let isChunkedOut: Bool
    @usableFromInline var hasEnded: Bool
    /// Whether the data has ended and the trailer section has not.
    @usableFromInline var isInTrailers = false
    /// Whether its trailers go on, those that may.
    public var passesTrailers = false
    /// Bytes of data so far.
    @usableFromInline var passedBytes: UInt64 = 0

    /// - Parameters:
    ///   - isChunkedOut: whether to frame the body in chunks when it goes on.
    ///   - bearsBlanks: whether blanks may stand behind the sizes of chunks, as some origins have it.
    @inlinable @inline(__always)
    public init(_ framing: BodyFraming, isChunkedOut: Bool, bearsBlanks: Bool = false) {
        self.isChunkedOut = isChunkedOut
        decoder = ChunkedDecoder(bearsBlanks: bearsBlanks)
        remaining = 0
        hasEnded = false
        switch framing {
        case .none:
            source = .none
            hasEnded = true
        case .length(let length):
            source = .length
            remaining = length
            hasEnded = length == 0
        case .chunked: source = .chunked
        case .untilClose: source = .untilClose
        }
    }

    /// Whether all of it has come, its trailers included.
    @inlinable public var isComplete: Bool { hasEnded }

    /// Bytes of data so far.
    @inlinable public var byteCount: UInt64 { passedBytes }

    /// Whether the body's length was not told before it came.
    @inlinable
    public var hasNoLength: Bool { source == .chunked || source == .untilClose }

    /// Whether the end of the connection is the proper end of the body.
    @inlinable
    public var endsWithConnection: Bool { source == .untilClose }

    /// Whether who gets it sees its end by that of the connection alone.
    @inlinable
    public var isEndedByClosing: Bool { hasNoLength && !isChunkedOut }

    /// Bytes of data that are still to come and go on as they are, of which nobody needs to see any; 0 where the
    /// framing is in between.
    @inlinable
    public var unseenBytes: UInt64 { source == .length && !isChunkedOut ? remaining : 0 }

    /// Bytes of those went on without having been seen.
    @inlinable
    public mutating func passedOn(_ count: Int) {
        remaining -= UInt64(count)
        passedBytes += UInt64(count)
        if remaining == 0 { hasEnded = true }
    }

    /// What comes next in `bytes` at `offset`.
    @inlinable
    public mutating func next(_ bytes: Span<UInt8>, from offset: Int) throws(Reason) -> Event {
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

    @inlinable
    public mutating func trailersEnded() {
        isInTrailers = false
        hasEnded = true
    }

    /// The connection has ended. Says whether that completes the body.
    @inlinable
    public mutating func connectionEnded() -> Bool {
        if endsWithConnection { hasEnded = true }
        return isComplete
    }

    @inlinable
    mutating func nextOfLength(_ count: Int, from offset: Int) -> Event {
        let end = offset + Int(min(remaining, UInt64(count - offset)))
        remaining -= UInt64(end - offset)
        if remaining == 0 { hasEnded = true }
        return data(offset..<end)
    }

    @inlinable
    mutating func data(_ range: Range<Int>) -> Event {
        if range.isEmpty { return .needsMore }
        passedBytes += UInt64(range.count)
        return .data(range)
    }
}
