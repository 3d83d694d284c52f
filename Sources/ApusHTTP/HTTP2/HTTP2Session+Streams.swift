// What this end says: about streams, about windows, and that it goes.

extension HTTP2Session {
    /// Whether nobody has opened that stream yet.
    func isIdle(_ id: UInt32) -> Bool {
        // Streams of even numbers would be a server's, which opens none.
        id % 2 == 0 || id > lastStream
    }

    // MARK: - Streams

    /// Opens a stream, as a client; nil where the peer takes no more of them now, or none of this connection any more.
    ///
    /// - Parameter now: as for `next`.
    public mutating func open(now: UInt32) -> StreamHandle? {
        guard !hasGone, streams.count < Int(min(peer.streams, limits.streams)), lastStream < UInt32(Int32.max) - 2
        else {
            return nil
        }
        lastStream = lastStream == 0 ? 1 : lastStream + 2
        gauge.opened()
        return streams.handle(
            streams.insert(
                HTTP2Stream(
                    id: lastStream, sendWindow: peer.window, receiveWindow: firstReceiveWindow, opened: now)))
    }

    /// The stream of that number, if somebody works for it.
    public func stream(_ id: UInt32) -> StreamHandle? { streams.slot(of: id).map { streams.handle($0) } }

    /// Whether the peer has said that it has not seen the stream, and never will: it may be asked again elsewhere, whatever it
    /// was (RFC 9113 section 6.8).
    public func wasNotSeen(_ stream: StreamHandle) -> Bool { stream.id > lastTakenByPeer }

    /// The final head of a response has come, as a client sees it.
    public mutating func tookFinalHead(_ stream: StreamHandle) {
        if let slot = streams.slot(stream) { streams[slot].hasHead = true }
    }

    /// So many bytes of a body are to come, by its head: others make the message a bad one (RFC 9113 section 8.1.1).
    ///
    /// - Returns: false where the stream has ended with fewer.
    public mutating func expect(_ stream: StreamHandle, _ bytes: Int64) -> Bool {
        guard let slot = streams.slot(stream) else { return true }
        streams[slot].expected = bytes
        return bytes == 0 || !streams[slot].peerHasEnded
    }

    /// Whether neither end sends any more.
    public func isOver(_ stream: StreamHandle) -> Bool { streams.slot(stream).map { isOver($0) } ?? true }

    private func isOver(_ slot: Int) -> Bool {
        streams[slot].isReset || streams[slot].hasEnded && streams[slot].peerHasEnded
    }

    /// A head has been written, or trailers.
    ///
    /// - Parameter count: bytes of its block.
    public mutating func sentHead(_ stream: StreamHandle, _ count: Int, endsStream: Bool) {
        mustShrinkTable = false
        gauge.sent(count)
        if endsStream, let slot = streams.slot(stream) { streams[slot].hasEnded = true }
    }

    /// Nobody works for the stream any more. What is not over is reset.
    ///
    /// - Parameter error: why, where it has to be reset.
    public mutating func release(_ stream: StreamHandle, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable)
    {
        guard let slot = streams.slot(stream) else { return }
        var end = EndedStream.End.properly
        if streams[slot].isReset {
            end = streams[slot].wasResetByPeer ? .resetByPeer : .resetHere
        } else if !isOver(slot) {
            // A server that has said all may stop a body that nobody reads (RFC 9113 section 8.1).
            let isAnswered = role == .server && streams[slot].hasEnded
            writeReset(stream.id, isAnswered ? .none : error, &sink)
            end = .resetHere
        }
        note(stream.id, end)
        // What nobody has passed on weighs on the connection no more.
        let held = Int(streams[slot].held)
        streams.remove(slot)
        grantUnused(held, &sink)
    }

    /// Refuses what was sent on a stream: it is reset, and counted as the peer's fault.
    ///
    /// - Throws: when that has been too often for one connection.
    public mutating func refuse(
        _ stream: StreamHandle, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) {
        guard let slot = streams.slot(stream), !streams[slot].isReset else { return }
        streams[slot].isReset = true
        try refuse(stream.id, error, &sink)
    }

    /// Resets a stream for what the peer has sent.
    ///
    /// - Returns: what to tell whoever works for it.
    mutating func fault(
        _ slot: Int, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        let stream = streams.handle(slot)
        try refuse(stream, error, &sink)
        return .reset(stream, error, byPeer: false)
    }

    mutating func refuse(_ id: UInt32, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable) throws(Failure) {
        writeReset(id, error, &sink)
        try bounded { gauge throws(FloodFault) in
            try gauge.fault()
            try gauge.answer()
        }
    }

    // MARK: - Those that are no more

    /// How many are remembered: as many as may be open at a time, and more than a peer has under way.
    private static let mostEnded = 128

    mutating func note(_ id: UInt32, _ end: EndedStream.End) {
        let ended = EndedStream(id: id, end: end)
        guard self.ended.count == Self.mostEnded else { return self.ended.append(ended) }
        self.ended[nextEnded] = ended
        nextEnded = (nextEnded + 1) % Self.mostEnded
    }

    /// How a stream ended; nil for one that is not remembered, or never was.
    func end(of id: UInt32) -> EndedStream.End? { ended.last { $0.id == id }?.end }

    func writeReset(_ id: UInt32, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable) {
        FrameHeader(.reset, stream: id, length: 4).write(to: &sink)
        sink.append(number: error.rawValue)
    }

    // MARK: - Windows

    /// Bytes of a body that may be sent on a stream now, in one frame. A few of many are better waited with: a peer that opens its
    /// window by a byte at a time gets frames of a byte.
    public func allowance(_ stream: StreamHandle) -> Int {
        guard let slot = streams.slot(stream), !streams[slot].isReset else { return 0 }
        return max(0, min(Int(streams[slot].sendWindow), Int(sendWindow), peer.frameBytes))
    }

    /// A frame of a body has been written.
    public mutating func sentData(_ stream: StreamHandle, _ count: Int, endsStream: Bool) {
        sendWindow -= Int32(count)
        gauge.sent(count)
        guard let slot = streams.slot(stream) else { return }
        streams[slot].sendWindow -= Int32(count)
        if endsStream { streams[slot].hasEnded = true }
    }

    /// Bytes of a body have gone on: the peer may send as many more, which it is told when they are half of a window.
    public mutating func consumed(_ stream: StreamHandle, _ count: Int, _ sink: inout some FrameSink & ~Copyable) {
        guard let slot = streams.slot(stream) else { return }
        let count = min(count, Int(streams[slot].held))
        streams[slot].held -= Int32(count)
        grantUnused(count, &sink)
        guard !streams[slot].peerHasEnded, !streams[slot].isReset else { return }
        streams[slot].consumed += Int32(count)
        guard Int(streams[slot].consumed) * 2 >= Int(streamWindow) else { return }
        let grant = streams[slot].consumed
        streams[slot].consumed = 0
        streams[slot].receiveWindow += grant
        writeWindow(stream.id, grant, &sink)
    }

    /// Has the peer send more on a stream before it hears of this end: the path is a long one.
    public mutating func widen(_ stream: StreamHandle, by count: Int32, _ sink: inout some FrameSink & ~Copyable) {
        guard let slot = streams.slot(stream), !streams[slot].peerHasEnded, !streams[slot].isReset, count > 0,
            Int64(streams[slot].receiveWindow) + Int64(streams[slot].held) + Int64(count) <= Int64(Int32.max) / 2
        else { return }
        streams[slot].receiveWindow += count
        writeWindow(stream.id, count, &sink)
    }

    /// Bytes that went nowhere, or that have gone on: they weigh on the connection no more.
    mutating func grantUnused(_ count: Int, _ sink: inout some FrameSink & ~Copyable) {
        consumed += Int32(count)
        guard Int(consumed) * 2 >= Int(connectionWindow) else { return }
        let grant = consumed
        consumed = 0
        grantConnection(grant, &sink)
    }

    mutating func grantConnection(_ grant: Int32, _ sink: inout some FrameSink & ~Copyable) {
        guard grant > 0 else { return }
        receiveWindow += grant
        writeWindow(0, grant, &sink)
    }

    private func writeWindow(_ id: UInt32, _ grant: Int32, _ sink: inout some FrameSink & ~Copyable) {
        FrameHeader(.windowUpdate, stream: id, length: 4).write(to: &sink)
        sink.append(number: UInt32(grant))
    }

    // MARK: - The connection

    /// What was written of answers has been sent.
    public mutating func answersWereTaken() { gauge.answersWereTaken() }

    public func ping(_ payload: UInt64, _ sink: inout some FrameSink & ~Copyable) {
        FrameHeader(.ping, length: 8).write(to: &sink)
        sink.append(number: UInt32(truncatingIfNeeded: payload >> 32))
        sink.append(number: UInt32(truncatingIfNeeded: payload))
    }

    /// Says that this end is going to go: streams that are on their way are still taken (RFC 9113 section 6.8). `goAway` follows when
    /// the peer has had the time to hear of it: a ping's answer says so.
    public func announceEnd(_ sink: inout some FrameSink & ~Copyable) {
        writeGoAway(.none, last: role == .server ? UInt32(Int32.max) : 0, &sink)
    }

    /// Says that no further streams are taken.
    public mutating func goAway(_ error: HTTP2Error = .none, _ sink: inout some FrameSink & ~Copyable) {
        lastTaken = min(lastTaken, role == .server ? lastStream : 0)
        writeGoAway(error, last: lastTaken, &sink)
    }

    func writeGoAway(_ error: HTTP2Error, last: UInt32, _ sink: inout some FrameSink & ~Copyable) {
        FrameHeader(.goAway, length: 8).write(to: &sink)
        sink.append(number: last)
        sink.append(number: error.rawValue)
    }
}
