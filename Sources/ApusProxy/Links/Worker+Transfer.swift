import ApusExchange
import ApusHTTP
import ApusTransport

/// Moving bytes between links and buffers, the same way for clients and origins.
extension Worker {
    enum Received {
        case bytes(Stretch)
        case nothing
        /// The peer has ended its direction.
        case ended
        case failed
        case noMemory
    }

    /// Reads once: into the scratch buffer, or behind what the connection keeps.
    mutating func receive(_ connection: Int, _ arena: inout BufferArena) -> Received {
        guard connections[connection].input.isEmpty else { return receiveMore(connection, &arena) }
        let asked = BufferArena.inboundCapacity
        let result = links.receive(from: &connections[connection].link, into: .inbound, at: 0, count: asked, &arena)
        guard result.rawValue > 0 else { return nothingReceived(result) }
        return .bytes(Stretch(.inbound, 0..<result.rawValue))
    }

    private mutating func receiveMore(_ connection: Int, _ arena: inout BufferArena) -> Received {
        guard makeRoom(connection, &arena) else { return .noMemory }
        let input = connections[connection].input
        let asked = arena.capacity(of: input.handle) - Int(input.end)
        let result = links.receive(
            from: &connections[connection].link, into: input.handle, at: Int(input.end), count: asked, &arena)
        guard result.rawValue > 0 else { return nothingReceived(result) }
        connections[connection].input.end += Int32(result.rawValue)
        return .bytes(connections[connection].input)
    }

    private mutating func nothingReceived(_ result: SystemResult) -> Received {
        if result.rawValue == 0 { return .ended }
        return result.wouldBlock ? .nothing : .failed
    }

    /// Makes room behind the kept bytes, in their buffer or a larger one.
    private mutating func makeRoom(_ connection: Int, _ arena: inout BufferArena) -> Bool {
        let input = connections[connection].input
        let capacity = arena.capacity(of: input.handle)
        guard capacity - Int(input.end) < capacity / 4 else { return true }
        if input.count <= capacity / 2 {
            arena.move(input.handle, input.range, to: 0)
            connections[connection].input = Stretch(input.handle, 0..<input.count)
            return true
        }
        guard let larger = borrow(capacity * 2, for: connection, &arena) else { return false }
        arena.copy(from: input.handle, input.range, to: larger, at: 0)
        arena.giveBack(input.handle)
        connections[connection].input = Stretch(larger, 0..<input.count)
        return true
    }

    /// Keeps what is left of bytes just read for later, and only that.
    ///
    /// - Returns: false when there is no memory for it.
    mutating func keepInput(_ connection: Int, _ rest: Stretch, _ arena: inout BufferArena) -> Bool {
        let input = connections[connection].input
        if rest.count == 0 {
            arena.giveBack(input.handle)
            connections[connection].input = Stretch()
        } else if rest.handle == input.handle {
            connections[connection].input = rest
        } else {
            guard let handle = borrow(rest.count, for: connection, &arena) else { return false }
            arena.copy(from: rest.handle, rest.range, to: handle, at: 0)
            connections[connection].input = Stretch(handle, 0..<rest.count)
        }
        return true
    }

    /// Whether a head or a trailer section that was incomplete is to be parsed again, now that more has come: when it may
    /// have become complete, and whenever it has doubled. What is to be refused is refused early, and what trickles costs
    /// no more than two parses of it.
    @inline(never)
    mutating func isWorthParsing(
        _ stretch: Stretch, knownBefore known: Int, _ arena: borrowing BufferArena
    ) -> Bool {
        stretch.count >= settings.rules.headLimits.bytes
            || known.leadingZeroBitCount != stretch.count.leadingZeroBitCount
            || headMayEnd(arena.bytes(stretch.handle, stretch.range), newFrom: known)
    }

    enum Sent {
        /// The socket, or the connection's output buffer, has everything.
        case all
        case failed
        case noMemory

        /// Why an exchange is broken off when this is said of its client's connection; nil when nothing is wrong.
        var failure: Reason? {
            switch self {
            case .all: nil
            case .failed: .clientClosed
            case .noMemory: .memoryLimit
            }
        }
    }

    /// Sends what was appended to the arena; what the socket does not take waits in the connection's output.
    mutating func flush(_ connection: Int, _ arena: inout BufferArena) -> Sent {
        let total = arena.sendCount
        guard total > 0 else { return .all }
        guard connections[connection].output.isEmpty else { return queue(connection, from: 0, &arena) }
        let result = links.send(to: &connections[connection].link, &arena)
        if result.rawValue == total { return .all }
        if result.isFailure, !result.wouldBlock { return .failed }
        return queue(connection, from: max(0, result.rawValue), &arena)
    }

    /// Puts what was appended, without its first `sent` bytes, behind what the connection has to send.
    private mutating func queue(_ connection: Int, from sent: Int, _ arena: inout BufferArena) -> Sent {
        let waiting = connections[connection].output
        let count = arena.sendCount - sent
        guard let handle = borrow(waiting.count + count, for: connection, &arena) else { return .noMemory }
        if !waiting.isEmpty {
            arena.copy(from: waiting.handle, waiting.range, to: handle, at: 0)
            arena.giveBack(waiting.handle)
        }
        arena.copyUnsent(from: sent, to: handle, at: waiting.count)
        connections[connection].output = Stretch(handle, 0..<waiting.count + count)
        return .all
    }

    /// Sends what waits in the connection's output.
    ///
    /// - Returns: false when the connection is broken.
    mutating func flushOutput(_ connection: Int, _ arena: inout BufferArena) -> Bool {
        let output = connections[connection].output
        guard !output.isEmpty else { return true }
        let result = links.send(to: &connections[connection].link, output.handle, output.range, &arena)
        if result.isFailure { return result.wouldBlock }
        if result.rawValue == output.count {
            arena.giveBack(output.handle)
            connections[connection].output = Stretch()
        } else {
            connections[connection].output.start += Int32(result.rawValue)
        }
        return true
    }

    typealias Direction = ExchangeState.Direction

    /// Appends to the send what of a body stands in `stretch`, framed anew.
    ///
    /// - Returns: where in the buffer the bytes end that were used: the rest is an unfinished trailer section, or
    ///   belongs to what follows the message.
    mutating func appendBody(
        _ direction: Direction, of x: Int, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        var relay = direction == .request ? exchanges[x].state.request : exchanges[x].state.response
        let used =
            relay.isChunkedOut
            ? try appendChunks(direction, of: x, &relay, stretch, &arena)
            : try appendPlain(direction, &relay, stretch, &arena)
        if direction == .request {
            guard relay.byteCount <= bodyLimit(x) else { throw .bodyTooLarge }
            exchanges[x].state.request = relay
        } else {
            exchanges[x].state.response = relay
        }
        return used
    }

    private mutating func appendPlain(
        _ direction: Direction, _ relay: inout BodyRelay, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        var offset = Int(stretch.start)
        let end = Int(stretch.end)
        while true {
            switch try relay.next(arena.bytes(stretch.handle, 0..<end), from: offset) {
            case .data(let range):
                appendData(stretch.handle, range, &arena)
                offset = range.upperBound
            case .needsMore: return end
            case .end(let end): return end
            case .trailers(let start):
                // A client without chunks has no place for trailers either.
                guard let end = try parseTrailers(direction, stretch, from: start, arena) else { return start }
                relay.trailersEnded()
                return end
            }
        }
    }

    /// Makes chunks of what has arrived, as large as they come.
    private mutating func appendChunks(
        _ direction: Direction, of x: Int, _ relay: inout BodyRelay, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        scratch.chunk.removeAll()
        var offset = Int(stretch.start)
        let end = Int(stretch.end)
        while true {
            switch try relay.next(arena.bytes(stretch.handle, 0..<end), from: offset) {
            case .data(let range):
                scratch.chunk.append(range)
                offset = range.upperBound
                if scratch.chunk.isFull { appendChunk(stretch.handle, &arena) }
            case .needsMore:
                appendChunk(stretch.handle, &arena)
                return end
            case .end(let end): return end
            case .trailers(let start):
                appendChunk(stretch.handle, &arena)
                guard let end = try parseTrailers(direction, stretch, from: start, arena) else { return start }
                relay.trailersEnded()
                arena.append("0\r\n")
                if relay.passesTrailers {
                    // What a route takes from responses, or writes, it does not let through behind them.
                    if direction == .response, !exchanges[x].isPlain {
                        settings.rules.tables.drop(
                            settings.rules.routes[exchanges[x].route].responseNames, from: &scratch.trailers,
                            in: arena.bytes(stretch.handle, 0..<Int(stretch.end)))
                    }
                    arena.setInput(stretch.handle, at: 0)
                    arena.append(scratch.trailers)
                }
                arena.append("\r\n")
                return end
            }
        }
    }

    private mutating func parseTrailers(
        _ direction: Direction, _ stretch: Stretch, from start: Int, _ arena: borrowing BufferArena
    ) throws(Reason) -> Int? {
        try TrailerSection.parse(
            arena.bytes(stretch.handle, 0..<Int(stretch.end)), from: start,
            limits: direction == .request ? settings.rules.headLimits : settings.responseHeadLimits,
            ofRequest: direction == .request, into: &scratch.trailers)
    }

    private mutating func appendChunk(_ handle: BufferHandle, _ arena: inout BufferArena) {
        guard scratch.chunk.byteCount > 0 else { return }
        arena.append(hexadecimal: UInt64(scratch.chunk.byteCount))
        arena.append("\r\n")
        for index in 0..<scratch.chunk.count { appendData(handle, scratch.chunk[index], &arena) }
        arena.append("\r\n")
        scratch.chunk.removeAll()
    }

    private mutating func appendData(_ handle: BufferHandle, _ range: Range<Int>, _ arena: inout BufferArena) {
        // One read is smaller than the outbound scratch, so that there is room when there are too many pieces.
        if !arena.append(handle, range) { arena.append(copying: handle, range) }
    }
}
