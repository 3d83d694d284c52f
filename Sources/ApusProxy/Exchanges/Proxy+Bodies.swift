import ApusExchange
import ApusHTTP
import ApusTransport

/// Bodies, whichever way they go: framed anew, from the buffer into which they were read.
extension Proxy {
    typealias Direction = ExchangeState.Direction

    /// Appends to the send what of a body stands in `stretch`, framed anew.
    ///
    /// - Returns: where in the buffer the bytes end that were used: the rest is an unfinished trailer section, or
    ///   belongs to what follows the message.
    mutating func appendBody(
        _ direction: Direction, of x: Int, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        var relay = direction == .request ? exchanges[x].state.request : exchanges[x].state.response
        let used: Int
        do throws(Reason) {
            used =
                relay.isChunkedOut
                ? try appendChunks(direction, of: x, &relay, stretch, &arena)
                : try scratch.appendPlain(direction, &relay, stretch, settings, &arena)
        } catch {
            // What was understood of a response is sent, and counts.
            if direction == .response { exchanges[x].state.response = relay }
            throw error
        }
        if direction == .request {
            guard relay.byteCount <= bodyLimit(x) else { throw .bodyTooLarge }
            exchanges[x].state.request = relay
        } else {
            exchanges[x].state.response = relay
        }
        return used
    }

    /// Makes chunks of what has arrived, as large as they come.
    private mutating func appendChunks(
        _ direction: Direction, of x: Int, _ relay: inout BodyRelay, _ stretch: Stretch, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        scratch.chunk.removeAll()
        var offset = Int(stretch.start)
        let end = Int(stretch.end)
        while true {
            let event: BodyRelay.Event
            do throws(Reason) {
                event = try relay.next(arena.bytes(stretch.handle, 0..<end), from: offset)
            } catch {
                // What was understood before goes on.
                scratch.appendChunk(stretch.handle, &arena)
                throw error
            }
            switch event {
            case .data(let range):
                scratch.chunk.append(range)
                offset = range.upperBound
                if scratch.chunk.isFull { scratch.appendChunk(stretch.handle, &arena) }
            case .needsMore:
                scratch.appendChunk(stretch.handle, &arena)
                return end
            case .end(let end): return end
            case .trailers(let start):
                scratch.appendChunk(stretch.handle, &arena)
                guard let end = try scratch.parseTrailers(direction, stretch, from: start, settings, arena) else {
                    return start
                }
                relay.trailersEnded()
                arena.append("0\r\n")
                if relay.passesTrailers {
                    // What a route takes from responses, or writes, it does not let through behind them.
                    if direction == .response, !exchanges[x].hasPlainRoute {
                        settings.rules.parts.drop(
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
}

/// What needs no more than the scratch.
extension Scratch {
    /// Appends what of a body stands in `stretch`, as it came.
    ///
    /// - Returns: where in the buffer the bytes end that were used.
    mutating func appendPlain(
        _ direction: ExchangeState.Direction, _ relay: inout BodyRelay, _ stretch: Stretch,
        _ settings: borrowing WorkerSettings, _ arena: inout BufferArena
    ) throws(Reason) -> Int {
        var offset = Int(stretch.start)
        let end = Int(stretch.end)
        while true {
            switch try relay.next(arena.bytes(stretch.handle, 0..<end), from: offset) {
            case .data(let range):
                arena.appendOrCopy(stretch.handle, range)
                offset = range.upperBound
            case .needsMore: return end
            case .end(let end): return end
            case .trailers(let start):
                // A client without chunks has no place for trailers either.
                guard let end = try parseTrailers(direction, stretch, from: start, settings, arena) else {
                    return start
                }
                relay.trailersEnded()
                return end
            }
        }
    }

    /// - Returns: where the trailer section ends that begins at `start`; nil when it is not all here.
    mutating func parseTrailers(
        _ direction: ExchangeState.Direction, _ stretch: Stretch, from start: Int,
        _ settings: borrowing WorkerSettings, _ arena: borrowing BufferArena
    ) throws(Reason) -> Int? {
        try TrailerSection.parse(
            arena.bytes(stretch.handle, 0..<Int(stretch.end)), from: start,
            limits: direction == .request ? settings.rules.headLimits : settings.responseHeadLimits,
            ofRequest: direction == .request, into: &trailers)
    }

    /// Appends what was gathered as one chunk.
    mutating func appendChunk(_ handle: BufferHandle, _ arena: inout BufferArena) {
        guard chunk.byteCount > 0 else { return }
        arena.append(hexadecimal: UInt64(chunk.byteCount))
        arena.append("\r\n")
        for index in 0..<chunk.count { arena.appendOrCopy(handle, chunk[index]) }
        arena.append("\r\n")
        chunk.removeAll()
    }
}

extension BufferArena {
    fileprivate mutating func appendOrCopy(_ handle: BufferHandle, _ range: Range<Int>) {
        // One read is smaller than the outbound scratch, so that there is room when there are too many pieces.
        if !append(handle, range) { append(copying: handle, range) }
    }
}
