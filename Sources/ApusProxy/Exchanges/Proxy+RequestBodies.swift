import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Bodies of requests: from the client to the origin, as long as that takes them, kept for another attempt where they may be.
extension Proxy {
    /// What a client's connection can do while an exchange runs on it.
    mutating func clientProceeds(_ client: Int, isWritable: Bool, _ arena: inout BufferArena) -> Next {
        let x = Int(connections[client].exchange)
        if connections[client].isBroken { return .breakOff(.clientClosed) }
        if connections[client].peerClosed {
            // The end of a socket is not TLS's own: whoever has only that has left.
            let isServed =
                settings.listenerServesHalfClosed[Int(connections[client].place)] && connections[client].link.isPlain
            let next = exchanges[x].state.clientEnded(isServed: isServed)
            guard case .goesOn = next else { return next }
        }
        if isWritable, connections[client].hasUnsent {
            let waiting = connections.unsentCount(client)
            if let reason = connections.flushOutput(client, &arena).failure { return .breakOff(reason) }
            let isTaken = !connections[client].hasUnsent
            if isTaken, exchanges[x].state.responsePhase == .complete { return .over }
            if exchanges[x].state.responsePhase == .awaited {
                // Of an interim response: the final one has the time that it had.
                guard isTaken else { return .waits }
            } else {
                let next = bodyProceeded(
                    x, by: max(0, waiting - connections.unsentCount(client)), waitingFor: .client)
                guard case .goesOn = next, isTaken else { return next }
            }
        } else if !isWritable || !exchanges[x].state.pipeHolds(.response) {
            return relayRequest(x, &arena)
        }
        let next = readResponse(x, &arena)
        return next.isQuiet ? relayRequest(x, &arena) : next
    }

    /// Reads request body from the client as long as the origin takes it.
    mutating func relayRequest(_ x: Int, _ arena: inout BufferArena) -> Next {
        let client = exchanges[x].client
        for _ in 0..<Self.readsPerTurn {
            let upstream = exchanges[x].upstream
            guard !exchanges[x].state.requestIsOver, upstream >= 0, connections[upstream].phase == .leased,
                !connections[upstream].hasUnsent,
                connections[client].mayHaveMore || exchanges[x].state.pipeBytes > 0
            else { return .waits }
            if let next = spliceBody(.request, of: x, &arena) { return next }
            let known = connections[client].input.count
            switch receive(client, &arena) {
            case .nothing: return .waits
            case .ended, .failed: return .breakOff(.clientClosed)
            case .noMemory: return .answer(.memoryLimit)
            case .bytes(let stretch):
                if known > 0, !settings.isWorthParsing(stretch, knownBefore: known, arena) { continue }
                let next = forwardBody(x, stretch, &arena)
                guard case .goesOn = next else { return next }
            }
        }
        connections.makeReady(client)
        return .waits
    }

    /// Reads that one connection may take in a turn before others have theirs.
    static var readsPerTurn: Int { 8 }

    /// - Returns: `goesOn` when more may be read.
    private mutating func forwardBody(_ x: Int, _ stretch: Stretch, _ arena: inout BufferArena) -> Next {
        let client = exchanges[x].client
        let upstream = exchanges[x].upstream
        arena.beginSend()
        let used: Int
        do {
            used = try appendBody(.request, of: x, stretch, &arena)
        } catch {
            exchanges[x].state.requestWasAbandoned = true
            return .answer(error)
        }
        exchanges[x].state.awaitsContinue = false
        if !keepBody(x, &arena) {
            exchanges[x].state.isReplayable = false
            exchanges[x].releaseReplay(&arena)
        }
        switch flush(upstream, &arena) {
        case .all: break
        case .failed:
            // The origin takes no more; it may have said why before, and another may get all of it.
            exchanges[x].state.requestWasAbandoned = true
            connections.takesNoMore(upstream)
            guard keepInput(client, stretch.rest(from: used), &arena) else {
                return .answer(.memoryLimit)
            }
            return readResponse(x, &arena)
        case .noMemory, .systemHasNoMemory: return .answer(exchanges[x].losesPlace(.memoryLimit))
        }
        guard keepInput(client, stretch.rest(from: used), &arena) else {
            return .answer(exchanges[x].losesPlace(.memoryLimit))
        }
        if exchanges[x].state.request.isComplete {
            requestHasEnded(x)
            return .goesOn
        }
        let hasRoom = !connections[upstream].hasUnsent
        return bodyProceeded(x, by: stretch.count, waitingFor: exchanges[x].requestPace(hasRoom: hasRoom))
    }

    /// All of the request has been passed on: the origin has its time for a response, or for what is left of one.
    mutating func requestHasEnded(_ x: Int) {
        guard exchanges[x].state.responsePhase == .awaited else { return setDeadline(exchange: x, in: bodyTime(x)) }
        exchanges[x].state.visit.current.started = now
        setDeadline(exchange: x, in: timeOfSent(x, on: exchanges[x].upstream))
    }

    /// Keeps what is about to be sent of a body behind what is kept of the request, if that may be sent again and the pool
    /// or route wants bodies of that size kept.
    private mutating func keepBody(_ x: Int, _ arena: inout BufferArena) -> Bool {
        let replay = exchanges[x].replay
        let count = arena.sendCount
        // What may not be repeated is not, once the origin has some of it.
        guard exchanges[x].state.isRepeatable, exchanges[x].state.isReplayable, !replay.isEmpty,
            exchanges[x].state.request.byteCount <= keptBody(x)
        else { return false }
        let total = Int(replay.end) + count
        if total > arena.capacity(of: replay.handle) {
            // For a retry that may never be needed nobody else loses memory.
            guard let larger = arena.borrow(total) else { return false }
            arena.copy(from: replay.handle, replay.range, to: larger, at: Int(replay.start))
            arena.giveBack(replay.handle)
            exchanges[x].replay = Stretch(larger, replay.range)
        }
        arena.copyUnsent(from: 0, to: exchanges[x].replay.handle, at: Int(replay.end))
        exchanges[x].replay.end = Int32(truncatingIfNeeded: total)
        return true
    }
}
