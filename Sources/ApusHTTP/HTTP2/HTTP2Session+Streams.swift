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
    public mutating func open(now: UInt32) -> Int? {
        guard streams.count < Int(min(peer.streams, limits.streams)), lastStream < UInt32(Int32.max) - 2 else {
            return nil
        }
        lastStream = lastStream == 0 ? 1 : lastStream + 2
        gauge.opened()
        return streams.insert(
            HTTP2Stream(id: lastStream, sendWindow: peer.window, receiveWindow: streamWindow, opened: now))
    }

    /// The number of the stream in a slot.
    public func id(_ slot: Int) -> UInt32 { streams[slot].id }

    /// The slot of a stream that somebody works for.
    public func slot(of id: UInt32) -> Int? { streams.slot(of: id) }

    /// The final head of a response has come, as a client sees it.
    public mutating func tookFinalHead(_ slot: Int) { streams[slot].hasHead = true }

    /// So many bytes of a body are to come, by its head: others make the message a bad one (RFC 9113 section 8.1.1).
    ///
    /// - Returns: false where the stream has ended with fewer.
    public mutating func expect(_ slot: Int, _ bytes: Int64) -> Bool {
        streams[slot].expected = bytes
        return bytes == 0 || !streams[slot].peerHasEnded
    }

    /// Whether neither end sends any more.
    public func isOver(_ slot: Int) -> Bool {
        streams[slot].isReset || streams[slot].hasEnded && streams[slot].peerHasEnded
    }

    /// A head has been written, or trailers.
    public mutating func sentHead(_ slot: Int, endsStream: Bool) {
        mustShrinkTable = false
        if endsStream { streams[slot].hasEnded = true }
    }

    /// Nobody works for the stream any more. What is not over is reset.
    ///
    /// - Parameter error: why, where it has to be reset.
    public mutating func release(_ slot: Int, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable) {
        if !isOver(slot) {
            // A server that has said all may stop a body that nobody reads (RFC 9113 section 8.1).
            let isAnswered = role == .server && streams[slot].hasEnded
            writeReset(streams[slot].id, isAnswered ? .none : error, &sink)
        }
        streams.remove(slot)
    }

    /// Resets a stream for what the peer has sent.
    ///
    /// - Returns: what to tell whoever works for it.
    mutating func fault(
        _ slot: Int, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        try refuse(streams[slot].id, error, &sink)
        streams[slot].isReset = true
        return .reset(slot: slot, error, byPeer: false)
    }

    /// Refuses what was read of a stream, as far as it is this end's to say what is wrong: it is counted.
    public mutating func refuse(
        _ id: UInt32, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) {
        writeReset(id, error, &sink)
        try bounded { gauge throws(FloodFault) in try gauge.fault() }
    }

    func writeReset(_ id: UInt32, _ error: HTTP2Error, _ sink: inout some FrameSink & ~Copyable) {
        FrameHeader(.reset, stream: id, length: 4).write(to: &sink)
        sink.append(number: error.rawValue)
    }

    // MARK: - Windows

    /// Bytes of a body that may be sent on a stream now, in one frame.
    public func allowance(_ slot: Int) -> Int {
        max(0, min(Int(streams[slot].sendWindow), Int(sendWindow), peer.frameBytes))
    }

    /// A frame of a body has been written.
    public mutating func sentData(_ slot: Int, _ count: Int, endsStream: Bool) {
        streams[slot].sendWindow -= Int32(count)
        sendWindow -= Int32(count)
        gauge.sentData()
        if endsStream { streams[slot].hasEnded = true }
    }

    /// Bytes of a body have gone on: the peer may send as many more, which it is told when they are half of a window.
    public mutating func consumed(_ slot: Int, _ count: Int, _ sink: inout some FrameSink & ~Copyable) {
        grantUnused(count, &sink)
        guard !streams[slot].peerHasEnded, !streams[slot].isReset else { return }
        streams[slot].consumed += Int32(count)
        guard Int(streams[slot].consumed) * 2 >= Int(streamWindow) else { return }
        let grant = streams[slot].consumed
        streams[slot].consumed = 0
        streams[slot].receiveWindow += grant
        writeWindow(streams[slot].id, grant, &sink)
    }

    /// Has the peer send more on a stream before it hears of this end: the path is a long one.
    public mutating func widen(_ slot: Int, by count: Int32, _ sink: inout some FrameSink & ~Copyable) {
        guard !streams[slot].peerHasEnded, !streams[slot].isReset, count > 0 else { return }
        streams[slot].receiveWindow += count
        writeWindow(streams[slot].id, count, &sink)
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
        writeGoAway(.none, last: UInt32(Int32.max), &sink)
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
