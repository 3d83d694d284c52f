// What frames mean that are looked at when all of them is there.

extension HTTP2Session {
    /// - Parameter range: what follows the frame's header.
    mutating func take<Receiver: HeadReceiver & ~Copyable, Sink: FrameSink & ~Copyable>(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>, _ now: UInt32,
        _ scratch: inout HPACKScratch, _ receiver: inout Receiver, _ sink: inout Sink
    ) throws(Failure) -> Event? {
        switch header.kind {
        case .headers:
            guard let piece = try beginBlock(header, bytes, range) else { return nil }
            return try takeBlock(bytes, piece, now, &scratch, &receiver, &sink)
        case .continuation:
            try addPiece(bytes, range, isFirst: false)
            guard header.flags.contains(.endHeaders) else { return nil }
            let whole = block
            block = []
            return try takeBlock(whole.span, 0..<whole.count, now, &scratch, &receiver, &sink)
        case .settings: return try takeSettings(header, bytes, range, &sink)
        case .ping: return try takePing(header, bytes, range, &sink)
        case .reset: return try takeReset(header, bytes, range, now)
        case .windowUpdate: return try takeWindowUpdate(header, bytes, range, &sink)
        case .goAway:
            guard header.stream == 0 else { throw Failure(.protocolError, "GOAWAY on a stream") }
            guard range.count >= 8 else { throw Failure(.frameSize, "GOAWAY of \(range.count) bytes") }
            return try takeGoAway(bytes, range)
        case .pushPromise: throw Failure(.protocolError, "a push, which nobody has allowed")
        case .priority: return try takePriority(header, &sink)
        case .priorityUpdate: return try takePriorityUpdate(header, bytes, range)
        default: return nil
        }
    }

    // MARK: - Heads

    /// - Returns: the block, where all of it is there; nil where more is to come.
    private mutating func beginBlock(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(Failure) -> Range<Int>? {
        guard header.stream != 0 else { throw Failure(.protocolError, "HEADERS without a stream") }
        var piece = range
        if header.flags.contains(.padded) {
            guard !piece.isEmpty else { throw Failure(.frameSize, "a padded frame without bytes") }
            let padding = Int(bytes[piece.lowerBound])
            guard padding < piece.count else { throw Failure(.protocolError, "a frame has more padding than bytes") }
            piece = piece.lowerBound + 1..<piece.upperBound - padding
        }
        if header.flags.contains(.priority) {
            guard piece.count >= 5 else { throw Failure(.frameSize, "HEADERS too short for their priority") }
            guard bytes.bigEndian(at: piece.lowerBound) & 0x7fff_ffff != header.stream else {
                throw Failure(.protocolError, "a stream that depends on itself")
            }
            piece = piece.lowerBound + 5..<piece.upperBound
        }
        blockStream = header.stream
        blockEndsStream = header.flags.contains(.endStream)
        if header.flags.contains(.endHeaders) { return piece }
        block.removeAll(keepingCapacity: false)
        try addPiece(bytes, piece, isFirst: true)
        return nil
    }

    private mutating func addPiece(_ bytes: Span<UInt8>, _ range: Range<Int>, isFirst: Bool) throws(Failure) {
        try bounded { gauge throws(FloodFault) in try gauge.piece(range.count, isFirst: isFirst) }
        guard block.count + range.count <= limits.blockBytes else {
            throw Failure(.enhanceYourCalm, "a head of more than \(limits.blockBytes) bytes", flood: .continuations)
        }
        for index in range { block.append(bytes[index]) }
    }

    /// All of a head, or of trailers, is there.
    private mutating func takeBlock<Receiver: HeadReceiver & ~Copyable, Sink: FrameSink & ~Copyable>(
        _ bytes: Span<UInt8>, _ range: Range<Int>, _ now: UInt32, _ scratch: inout HPACKScratch,
        _ receiver: inout Receiver, _ sink: inout Sink
    ) throws(Failure) -> Event? {
        let id = blockStream
        blockStream = 0
        let known = streams.slot(of: id)
        receiver.begin(isTrailer: known.map { streams[$0].hasHead } ?? false)
        // Whatever becomes of the stream, the peer goes on from here.
        do throws(HPACKFault) {
            try decoder.decode(bytes.extracting(range), &scratch, into: &receiver)
        } catch {
            throw Failure(.compression, "a head that cannot be decoded (\(error))")
        }
        if let slot = known {
            if streams[slot].isReset { return nil }
            guard !streams[slot].peerHasEnded else { return try fault(slot, .streamClosed, &sink) }
            return try takeHead(slot, &sink)
        }
        guard isIdle(id) else { return try headOfEnded(id, &sink) }
        guard role == .server else { throw Failure(.protocolError, "HEADERS on a stream that was never opened") }
        guard id % 2 == 1 else { throw Failure(.protocolError, "a client opens streams of odd numbers") }
        lastStream = id
        guard id <= lastTaken else { return nil }
        guard streams.count < Int(limits.streams) else {
            // Who has not heard of the bound yet, or has reset what is still worked for, has done no wrong.
            writeReset(id, .refusedStream, &sink)
            note(id, .resetHere)
            try bounded { gauge throws(FloodFault) in
                try gauge.refused()
                try gauge.answer()
            }
            return nil
        }
        gauge.opened()
        let slot = streams.insert(
            HTTP2Stream(id: id, sendWindow: peer.window, receiveWindow: firstReceiveWindow, opened: now))
        return try takeHead(slot, &sink)
    }

    /// A head on a stream that is no more.
    private mutating func headOfEnded(
        _ id: UInt32, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        // Of those that were never taken nothing is known, and nothing said.
        guard id <= lastTaken else { return nil }
        switch end(of: id) {
        // The peer may not have heard of it yet.
        case .resetHere: return nil
        case .resetByPeer:
            try refuse(id, .streamClosed, &sink)
            return nil
        case .properly: throw Failure(.streamClosed, "a head on a stream that had ended")
        case nil: throw Failure(.protocolError, "a stream with a lower number than one before it")
        }
    }

    private mutating func takeHead(
        _ slot: Int, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        let isTrailer = streams[slot].hasHead
        if isTrailer, !blockEndsStream || streams[slot].expected > 0 {
            return try fault(slot, .protocolError, &sink)
        }
        // Of a server's heads several may come before the final one; who reads them says which that is.
        if role == .server { streams[slot].hasHead = true }
        if blockEndsStream { streams[slot].peerHasEnded = true }
        return .head(streams.handle(slot), isTrailer: isTrailer, endsStream: blockEndsStream)
    }

    // MARK: - The others

    private mutating func takeSettings(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        guard header.stream == 0 else { throw Failure(.protocolError, "SETTINGS on a stream") }
        if header.flags.contains(.ack) {
            guard range.isEmpty else { throw Failure(.frameSize, "an acknowledgement of settings that has some") }
            if !isAcknowledged {
                isAcknowledged = true
                streams.widenReceiving(by: streamWindow - 65_535)
            }
            return nil
        }
        guard range.count % HTTP2Settings.entryBytes == 0 else {
            throw Failure(.frameSize, "SETTINGS of \(range.count) bytes")
        }
        let before = peer
        do throws(HTTP2Error) {
            let leastTable = try peer.take(bytes, range, isOfServer: role == .client)
            if leastTable < before.tableBytes { mustShrinkTable = true }
        } catch {
            throw Failure(error, "a setting that may not be")
        }
        guard streams.widen(by: Int64(peer.window) - Int64(before.window)) else {
            throw Failure(.flowControl, "settings that make a window larger than any")
        }
        try bounded { gauge throws(FloodFault) in try gauge.answer() }
        FrameHeader(.settings, flags: .ack, length: 0).write(to: &sink)
        return peer.window > before.window ? .windowOpened(nil) : nil
    }

    private mutating func takePing(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        guard header.stream == 0 else { throw Failure(.protocolError, "PING on a stream") }
        guard range.count == 8 else { throw Failure(.frameSize, "PING of \(range.count) bytes") }
        let words = (bytes.bigEndian(at: range.lowerBound), bytes.bigEndian(at: range.lowerBound + 4))
        if header.flags.contains(.ack) { return .pong(UInt64(words.0) << 32 | UInt64(words.1)) }
        try bounded { gauge throws(FloodFault) in try gauge.answer() }
        FrameHeader(.ping, flags: .ack, length: 8).write(to: &sink)
        sink.append(number: words.0)
        sink.append(number: words.1)
        return nil
    }

    private mutating func takeReset(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>, _ now: UInt32
    ) throws(Failure) -> Event? {
        guard header.stream != 0 else { throw Failure(.protocolError, "RST_STREAM without a stream") }
        guard range.count == 4 else { throw Failure(.frameSize, "RST_STREAM of \(range.count) bytes") }
        guard !isIdle(header.stream) else {
            throw Failure(.protocolError, "RST_STREAM of a stream that was never opened")
        }
        guard let slot = streams.slot(of: header.stream), !streams[slot].isReset else { return nil }
        let age = now &- streams[slot].opened
        if role == .server { try bounded { gauge throws(FloodFault) in try gauge.reset(after: age) } }
        streams[slot].isReset = true
        streams[slot].wasResetByPeer = true
        return .reset(streams.handle(slot), HTTP2Error(rawValue: bytes.bigEndian(at: range.lowerBound)), byPeer: true)
    }

    private mutating func takeWindowUpdate(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        guard range.count == 4 else { throw Failure(.frameSize, "WINDOW_UPDATE of \(range.count) bytes") }
        try bounded { gauge throws(FloodFault) in try gauge.window() }
        let increment = Int64(bytes.bigEndian(at: range.lowerBound) & 0x7fff_ffff)
        guard header.stream != 0 else {
            guard increment > 0 else { throw Failure(.protocolError, "WINDOW_UPDATE of nothing") }
            guard Int64(sendWindow) + increment <= Int64(Int32.max) else {
                throw Failure(.flowControl, "a window larger than any")
            }
            let wasShut = sendWindow <= 0
            sendWindow += Int32(increment)
            return wasShut ? .windowOpened(nil) : nil
        }
        guard !isIdle(header.stream) else {
            throw Failure(.protocolError, "WINDOW_UPDATE of a stream that was never opened")
        }
        guard let slot = streams.slot(of: header.stream), !streams[slot].isReset else { return nil }
        guard increment > 0 else { return try fault(slot, .protocolError, &sink) }
        guard Int64(streams[slot].sendWindow) + increment <= Int64(Int32.max) else {
            return try fault(slot, .flowControl, &sink)
        }
        let wasShut = streams[slot].sendWindow <= 0
        streams[slot].sendWindow += Int32(increment)
        return wasShut && streams[slot].sendWindow > 0 ? .windowOpened(streams.handle(slot)) : nil
    }

    private mutating func takeGoAway(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Failure) -> Event? {
        let last = bytes.bigEndian(at: range.lowerBound) & 0x7fff_ffff
        guard last <= lastTakenByPeer else {
            throw Failure(.protocolError, "a GOAWAY that takes streams which one before did not")
        }
        lastTakenByPeer = last
        hasGone = true
        return .goAway(last: last, HTTP2Error(rawValue: bytes.bigEndian(at: range.lowerBound + 4)))
    }

    /// Of RFC 9218 section 7.1: looked at, and without effect yet.
    private mutating func takePriorityUpdate(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(Failure) -> Event? {
        guard role == .server, header.stream == 0 else { throw Failure(.protocolError, "PRIORITY_UPDATE on a stream") }
        guard range.count >= 4 else { throw Failure(.frameSize, "PRIORITY_UPDATE of \(range.count) bytes") }
        guard bytes.bigEndian(at: range.lowerBound) & 0x7fff_ffff != 0 else {
            throw Failure(.protocolError, "PRIORITY_UPDATE of no stream")
        }
        try bounded { gauge throws(FloodFault) in try gauge.priority() }
        return nil
    }

    private mutating func takePriority(
        _ header: FrameHeader, _ sink: inout some FrameSink & ~Copyable
    ) throws(Failure) -> Event? {
        guard header.stream != 0 else { throw Failure(.protocolError, "PRIORITY without a stream") }
        try bounded { gauge throws(FloodFault) in try gauge.priority() }
        guard header.length != 5 else { return nil }
        guard let slot = streams.slot(of: header.stream) else {
            throw Failure(.frameSize, "PRIORITY of \(header.length) bytes")
        }
        guard !streams[slot].isReset else { return nil }
        return try fault(slot, .frameSize, &sink)
    }
}
