/// One end of a connection of HTTP/2 (RFC 9113), without its socket: bytes that came go in, and what they mean comes out, one
/// event after the other; what has to be answered is written into a sink.
///
/// It knows the streams, their windows and the peer's settings, decodes heads, and sees to it that the peer keeps to the
/// protocol and within the bounds of `FloodGauge`. What requests and responses are is for others.
public struct HTTP2Session: ~Copyable {
    public enum Role: Sendable { case server, client }

    /// What the bytes mean. A stream is one until `release`.
    public enum Event: Sendable, Equatable {
        /// All given bytes are used up, or kept.
        case needsMore
        /// A head, or trailers: the fields have been given to the receiver.
        case head(StreamHandle, isTrailer: Bool, endsStream: Bool)
        /// Bytes of a body, at `range` of those that were given; perhaps none. `consumed` is to be told when they have gone on.
        case data(StreamHandle, range: Range<Int>, endsStream: Bool)
        /// A stream is over before its time: no more is sent on it, and whoever works for it should cease. The peer has reset it, or
        /// this end has, for what was sent on it (and has told the peer).
        case reset(StreamHandle, HTTP2Error, byPeer: Bool)
        /// More may be sent: on a stream, or on any of them.
        case windowOpened(StreamHandle?)
        /// The peer takes no streams any more above this number: what was sent on those it has not seen.
        case goAway(last: UInt32, HTTP2Error)
        /// The answer to a ping.
        case pong(UInt64)
        /// The connection cannot go on; the peer is told (GOAWAY), and nothing more is to be given.
        case failed(Failure)
    }

    /// Why a connection cannot go on.
    public struct Failure: Error, Sendable, Equatable {
        public var error: HTTP2Error
        /// For the log: what the peer did.
        public var words: String
        /// The flood that it is part of; nil for a fault.
        public var flood: FloodGauge.Flood?

        init(_ error: HTTP2Error, _ words: String, flood: FloodGauge.Flood? = nil) {
            self.error = error
            self.words = words
            self.flood = flood
        }
    }

    public struct Limits: Sendable {
        /// Streams that may be worked for at a time: 32,767 at most.
        public var streams: UInt32 = 100
        /// Bytes of each body that may be under way, 0 or more, and of all of them.
        public var streamWindow: Int32 = 65_535
        public var connectionWindow: Int32 = 1 << 20
        /// Bytes of a head as it is sent.
        public var blockBytes = 64 << 10
        /// Whether CONNECT may name a protocol (RFC 8441).
        public var allowsConnectProtocol = false
        public var floods = FloodGauge.Bounds()

        public init() {}
    }

    /// Where the next byte belongs.
    enum Place {
        case preface(Int)
        case header
        /// The rest of a frame that is looked at when all of it is there.
        case frame(FrameHeader)
        /// The number of padding bytes, which stands before a body's bytes.
        case padding(FrameHeader)
        /// Bytes of a body, with what fills them up behind them.
        case data(StreamHandle, left: Int, padding: Int, endsStream: Bool)
        case skipped(Int)
    }

    public let role: Role
    let limits: Limits
    var place: Place
    var isFirstFrame = true
    /// What has come of a frame that is not complete.
    var partial: [UInt8] = []
    /// What has come of a head whose end is to come, on which stream, and whether that ends with it.
    var block: [UInt8] = []
    var blockStream: UInt32 = 0
    var blockEndsStream = false
    var decoder = HPACKDecoder()
    var streams = StreamTable()
    /// The highest number of a stream that the peer has opened, or this end.
    public internal(set) var lastStream: UInt32 = 0
    /// The highest that is still taken: lower once this end has said that it goes.
    var lastTaken = UInt32(Int32.max)
    /// The highest that the peer takes, once it has said that it goes.
    var lastTakenByPeer = UInt32(Int32.max)
    var hasGone = false
    /// How the latest streams ended that are no more; a ring.
    var ended: [EndedStream] = []
    var nextEnded = 0
    /// What the peer takes.
    public internal(set) var peer = HTTP2Settings()
    /// The peer has heard what this end takes.
    public internal(set) var isAcknowledged = false
    /// The next block has to say that the table is not used (RFC 7541 section 4.2).
    public internal(set) var mustShrinkTable = false
    /// Bytes that may be sent on all streams together, and that the peer may send.
    public internal(set) var sendWindow: Int32 = 65_535
    var receiveWindow: Int32 = 65_535
    var consumed: Int32 = 0
    /// What the windows are when nothing is under way.
    public internal(set) var connectionWindow: Int32
    public internal(set) var streamWindow: Int32
    public internal(set) var gauge: FloodGauge

    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    public init(_ role: Role, _ limits: Limits = Limits()) {
        var limits = limits
        limits.streams = min(limits.streams, 32_767)
        limits.streamWindow = max(limits.streamWindow, 0)
        self.role = role
        self.limits = limits
        gauge = FloodGauge(limits.floods)
        connectionWindow = max(limits.connectionWindow, 65_535)
        streamWindow = limits.streamWindow
        place = role == .server ? .preface(0) : .header
    }

    /// Writes what a connection begins with.
    public mutating func begin(_ sink: inout some FrameSink & ~Copyable) {
        if role == .client {
            for index in 0..<Self.preface.utf8CodeUnitCount { sink.append(unsafe Self.preface.utf8Start[index]) }
        }
        var settings = HTTP2Settings()
        settings.window = streamWindow
        settings.ignoresOldPriorities = true
        if role == .server {
            settings.streams = limits.streams
            settings.allowsConnectProtocol = limits.allowsConnectProtocol
        } else {
            settings.allowsPush = false
        }
        settings.write(to: &sink, isOfServer: role == .server)
        grantConnection(connectionWindow - receiveWindow, &sink)
    }

    /// Whether anything that has begun is to come to its end.
    public var isIdle: Bool { streams.count == 0 && blockStream == 0 }

    public var streamCount: Int { streams.count }

    /// Bytes of a body that a new stream's peer knows it may send: it may not have heard of another figure yet.
    var firstReceiveWindow: Int32 { isAcknowledged ? streamWindow : 65_535 }

    /// What the bytes from `offset` on mean first; `offset` is then behind what was used.
    ///
    /// - Parameters:
    ///   - now: milliseconds of a clock that may go round.
    ///   - receiver: is given the fields of a head; only what an event `head` follows counts.
    ///   - sink: is given what the peer has to be told.
    public mutating func next<Receiver: HeadReceiver & ~Copyable, Sink: FrameSink & ~Copyable>(
        _ bytes: Span<UInt8>, from offset: inout Int, now: UInt32, _ scratch: inout HPACKScratch,
        into receiver: inout Receiver, _ sink: inout Sink
    ) -> Event {
        do throws(Failure) {
            while true {
                if let event = try advance(bytes, &offset, now, &scratch, &receiver, &sink) { return event }
            }
        } catch {
            writeGoAway(error.error, last: role == .server ? min(lastStream, lastTaken) : 0, &sink)
            return .failed(error)
        }
    }

    private mutating func advance<Receiver: HeadReceiver & ~Copyable, Sink: FrameSink & ~Copyable>(
        _ bytes: Span<UInt8>, _ offset: inout Int, _ now: UInt32, _ scratch: inout HPACKScratch,
        _ receiver: inout Receiver, _ sink: inout Sink
    ) throws(Failure) -> Event? {
        let available = bytes.count - offset
        switch place {
        case .preface(let seen): return try takePreface(bytes, &offset, seen)
        case .header:
            guard let header = try header(bytes, &offset) else { return .needsMore }
            try check(header)
            if header.kind == .data { return try beginData(header, &sink) }
            place = .frame(header)
            return nil
        case .frame(let header):
            let missing = header.length - partial.count
            guard available >= missing else {
                for index in offset..<bytes.count { partial.append(bytes[index]) }
                offset = bytes.count
                return .needsMore
            }
            place = .header
            if partial.isEmpty {
                let range = offset..<offset + header.length
                offset = range.upperBound
                return try take(header, bytes, range, now, &scratch, &receiver, &sink)
            }
            for index in offset..<offset + missing { partial.append(bytes[index]) }
            offset += missing
            let whole = partial
            partial = []
            return try take(header, whole.span, 0..<whole.count, now, &scratch, &receiver, &sink)
        case .padding(let header):
            guard available > 0 else { return .needsMore }
            let padding = Int(bytes[offset])
            offset += 1
            guard padding < header.length else {
                throw Failure(.protocolError, "a frame has more padding than bytes")
            }
            return try beginBody(header, left: header.length - 1 - padding, padding: padding, &sink)
        case .data(let handle, let left, let padding, let endsStream):
            return takeData(available, &offset, handle, left, padding, endsStream, &sink)
        case .skipped(let left):
            let count = min(left, available)
            offset += count
            place = count == left ? .header : .skipped(left - count)
            return count == left ? nil : .needsMore
        }
    }

    private mutating func takePreface(
        _ bytes: Span<UInt8>, _ offset: inout Int, _ seen: Int
    ) throws(Failure) -> Event? {
        var seen = seen
        while seen < Self.preface.utf8CodeUnitCount {
            guard offset < bytes.count else {
                place = .preface(seen)
                return .needsMore
            }
            guard bytes[offset] == (unsafe Self.preface.utf8Start[seen]) else {
                throw Failure(.protocolError, "the connection does not begin as HTTP/2 does")
            }
            seen += 1
            offset += 1
        }
        place = .header
        return nil
    }

    /// A frame's header, which may have come in pieces.
    private mutating func header(_ bytes: Span<UInt8>, _ offset: inout Int) throws(Failure) -> FrameHeader? {
        if partial.isEmpty, let header = FrameHeader(bytes, at: offset) {
            offset += FrameHeader.count
            return header
        }
        while partial.count < FrameHeader.count, offset < bytes.count {
            partial.append(bytes[offset])
            offset += 1
        }
        guard let header = FrameHeader(partial.span, at: 0) else { return nil }
        partial = []
        return header
    }

    /// What holds for all frames.
    private mutating func check(_ header: FrameHeader) throws(Failure) {
        guard header.length <= 16_384 else {
            throw Failure(.frameSize, "a frame of \(header.length) bytes, where 16384 are taken")
        }
        if isFirstFrame {
            guard header.kind == .settings, !header.flags.contains(.ack) else {
                throw Failure(.protocolError, "the first frame is not SETTINGS")
            }
            isFirstFrame = false
        }
        let isContinuation = header.kind == .continuation
        if blockStream != 0 ? !isContinuation || header.stream != blockStream : isContinuation {
            throw Failure(.protocolError, "a frame of another kind within a head, or a piece of no head")
        }
        let isContent = header.kind == .data || header.kind == .headers || isContinuation
        try bounded { gauge throws(FloodFault) in
            try gauge.frame(FrameHeader.count + header.length, content: isContent ? header.length : 0)
        }
    }

    /// Counts something of which there may not be any number.
    mutating func bounded(_ count: (inout FloodGauge) throws(FloodFault) -> Void) throws(Failure) {
        do throws(FloodFault) {
            try count(&gauge)
        } catch {
            throw Failure(
                .enhanceYourCalm, "too much that costs this end more than the peer: \(error.flood)", flood: error.flood)
        }
    }

    // MARK: - Bodies

    private mutating func beginData(
        _ header: FrameHeader, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        guard header.stream != 0 else { throw Failure(.protocolError, "DATA without a stream") }
        guard !isIdle(header.stream) else { throw Failure(.protocolError, "DATA on a stream that was never opened") }
        // All of it counts, with its padding (RFC 9113 section 6.1).
        guard header.length <= Int(receiveWindow) else {
            throw Failure(.flowControl, "more DATA than the connection's window allows")
        }
        receiveWindow -= Int32(header.length)
        if header.flags.contains(.padded) {
            guard header.length > 0 else { throw Failure(.frameSize, "a padded frame without bytes") }
            place = .padding(header)
            return nil
        }
        return try beginBody(header, left: header.length, padding: 0, &sink)
    }

    private mutating func beginBody(
        _ header: FrameHeader, left: Int, padding: Int, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        let endsStream = header.flags.contains(.endStream)
        try bounded { gauge throws(FloodFault) in try gauge.data(left, endsStream: endsStream) }
        guard let slot = streams.slot(of: header.stream) else {
            grantUnused(header.length, &sink)
            place = .skipped(left + padding)
            // The peer may not have heard of this end's reset yet.
            if end(of: header.stream) != .resetHere, header.stream <= lastTaken {
                try refuse(header.stream, .streamClosed, &sink)
            }
            return nil
        }
        guard !streams[slot].isReset else {
            grantUnused(header.length, &sink)
            place = .skipped(left + padding)
            return nil
        }
        guard !streams[slot].peerHasEnded, streams[slot].hasHead else {
            grantUnused(header.length, &sink)
            place = .skipped(left + padding)
            return try fault(slot, streams[slot].peerHasEnded ? .streamClosed : .protocolError, &sink)
        }
        guard header.length <= Int(streams[slot].receiveWindow) else {
            grantUnused(header.length, &sink)
            place = .skipped(left + padding)
            return try fault(slot, .flowControl, &sink)
        }
        let isTooMuch = streams[slot].expected >= 0 && Int64(left) > streams[slot].expected
        let isTooLittle = endsStream && streams[slot].expected > Int64(left)
        guard !isTooMuch, !isTooLittle else {
            grantUnused(header.length, &sink)
            place = .skipped(left + padding)
            return try fault(slot, .protocolError, &sink)
        }
        if streams[slot].expected >= 0 { streams[slot].expected -= Int64(left) }
        streams[slot].receiveWindow -= Int32(header.length)
        // Nobody will tell of the padding.
        let unused = header.length - left
        if unused > 0 {
            streams[slot].held += Int32(unused)
            consumed(streams.handle(slot), unused, &sink)
        }
        place = .data(streams.handle(slot), left: left, padding: padding, endsStream: endsStream)
        return nil
    }

    private mutating func takeData(
        _ available: Int, _ offset: inout Int, _ handle: StreamHandle, _ left: Int, _ padding: Int, _ endsStream: Bool,
        _ sink: inout some FrameSink & ~Copyable
    ) -> Event? {
        let count = min(left, available)
        let range = offset..<offset + count
        offset += count
        let isAll = count == left
        if isAll {
            place = padding > 0 ? .skipped(padding) : .header
        } else {
            place = .data(handle, left: left - count, padding: padding, endsStream: endsStream)
        }
        // It may have been let go of since the frame began, and its slot be another's.
        guard let slot = streams.slot(handle), !streams[slot].isReset else {
            grantUnused(count, &sink)
            return isAll ? nil : .needsMore
        }
        let ends = isAll && endsStream
        if ends { streams[slot].peerHasEnded = true }
        guard count > 0 || ends else { return isAll ? nil : .needsMore }
        streams[slot].held += Int32(count)
        return .data(handle, range: range, endsStream: ends)
    }
}
