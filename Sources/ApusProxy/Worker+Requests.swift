import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Requests: from bytes on a client connection to an exchange that knows where it goes.
extension Worker {
    mutating func readRequest(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        if connections[client].phase == .waiting, !connections[client].input.isEmpty {
            // A request that came along with the one before.
            return parseRequest(client, connections[client].input, &hand, &arena)
        }
        guard connections[client].isReadable || connections[client].peerClosed || connections[client].isBroken else {
            return
        }
        let known = connections[client].input.count
        switch receive(client, &arena) {
        case .nothing: return
        case .ended, .failed: closeClient(client, &arena)
        case .noMemory: refuse(client, .memoryLimit, &arena)
        case .bytes(let stretch):
            if known > 0, !isWorthParsing(stretch, knownBefore: known, arena) { return }
            parseRequest(client, stretch, &hand, &arena)
        }
    }

    private mutating func parseRequest(
        _ client: Int, _ stretch: Stretch, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        let isWhole: Bool
        do {
            isWhole = try hand.parse(arena.bytes(of: stretch), at: stretch, limits: settings.rules.headLimits)
        } catch {
            return refuse(client, error, &arena)
        }
        if isWhole { return begin(client, &hand, &arena) }
        guard keepInput(client, stretch, &arena) else { return refuse(client, .memoryLimit, &arena) }
        if connections[client].phase != .readingHead {
            connections[client].phase = .readingHead
            connections[client].since = now
            setDeadline(client, in: settings.requestHead)
        }
        if connections[client].isReadable || connections[client].peerClosed { makeReady(client) }
    }

    /// The exchange of a client that begins now.
    mutating func insertExchange(_ client: Int) -> Int {
        let listener = Int(connections[client].place)
        let started = connections[client].phase == .waiting ? now : connections[client].since
        guard let x = exchanges.insert(Exchange(client: client, listener: listener, started: started)) else {
            // There are as many slots as for connections, and an exchange belongs to one.
            preconditionFailure("more exchanges than connections")
        }
        connections[client].exchange = Int32(x)
        connections[client].pace = .none
        connections[client].phase = .exchanging
        return x
    }

    /// Begins the exchange of the request in hand, and does what its plan says.
    private mutating func begin(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        let x = insertExchange(client)
        exchanges[x].method = hand.head.method
        exchanges[x].version = hand.head.version
        exchanges[x].clientKeepsAlive = hand.head.keepsAlive
        exchanges[x].request = BodyRelay(hand.head.framing, isChunkedOut: hand.head.framing == .chunked)
        exchanges[x].awaitsContinue = hand.head.expectsContinue && !exchanges[x].request.isComplete
        exchanges[x].isPersonal = hand.head.authenticatesConnection
        noteRequest(x, &hand, &arena)
        if connections[client].isTrusted {
            var bytes = arena.mutableBytes(hand.place.handle, hand.place.range)
            hand.fields.tidyClaims(in: &bytes)
        } else {
            hand.fields.dropClaims()
        }
        switch settings.rules.plan(&hand, arrival(x), &arena) {
        case .route(let route): follow(route, x, &hand, &arena)
        case .lastRecipient: answerAsLastRecipient(x, &hand, &arena)
        case .refuse(let reason): answer(x, reason, instead: &hand, &arena)
        }
    }

    /// Where the exchange's request came in, and who brought it.
    @inline(__always)
    mutating func arrival(_ x: Int) -> Arrival {
        let client = exchanges[x].client
        return Arrival(
            listener: exchanges[x].listener,
            peer: IPAddress(high: connections[client].peer.high, low: connections[client].peer.low),
            isTrusted: connections[client].isTrusted)
    }

    /// Does with a request what its route says.
    private mutating func follow(
        _ route: Int, _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        let rules = settings.rules.routes[route]
        exchanges[x].route = route
        exchanges[x].visit.pool = rules.pool
        exchanges[x].visit.priority = rules.priority
        if !rules.isPlain, !applyRoute(x, &hand, &arena) { return }
        guard rules.takes(hand.head.framing) else { return answer(x, .bodyTooLarge, &arena) }
        if settings.pools[exchanges[x].pool].looksAtHead { readKeys(x, &hand, arena) }
        do {
            try forward(x, &hand, &arena)
        } catch {
            // What has come behind it was not told apart from it.
            exchanges[x].requestWasAbandoned = true
            return answer(x, error, &arena)
        }
        enterPool(x, &arena)
    }

    /// The request comes to its pool, which may refuse it.
    mutating func enterPool(_ x: Int, _ arena: inout BufferArena) {
        guard exchanges[x].visit.enter(&origins, now: now) else { return noAnswer(x, .overloaded, &arena) }
        attempt(x, &arena)
    }

    /// The exchange is over as far as its pool is concerned.
    mutating func leavePool(_ x: Int) {
        let pool = exchanges[x].pool
        if exchanges[x].visit.wait == .queued { leaveQueue(x) }
        guard settings.pools[pool].hasConcurrencyLimit else {
            return exchanges[x].visit.leave(&origins, headReceived: nil, now: now)
        }
        let received = exchanges[x].headReceived
        exchanges[x].visit.leave(&origins, headReceived: received > 0 ? received : nil, now: now)
        let limit = origins.dispatchers[pool].concurrencyLimit ?? 0
        counters.set(shared.layout.pool(pool, .concurrencyLimit), to: UInt64(limit))
    }

    /// Writes the request as the origin will get it, with what of its body has come along, and keeps it until the
    /// origin has begun to answer: it can then be sent to whichever endpoint takes it.
    private mutating func forward(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) throws(Reason) {
        let client = exchanges[x].client
        let stretch = hand.place
        let start = Int(stretch.start)
        exchanges[x].request.passesTrailers =
            settings.pools[exchanges[x].pool].passesTrailers && !hand.head.namesFields
        if exchanges[x].isPlain {
            let peer = connections[client].peer
            let listener = ownAddress(x, &hand)
            arena.beginSend()
            arena.setInput(stretch.handle, at: start)
            hand.head.write(
                forwarding: ForwardedRequest(isTrusted: connections[client].isTrusted, ownPort: listener.port),
                fields: hand.fields, to: &arena, clientAddress: { $0.append(peer) },
                ownAddress: { $0.append(authority: listener) })
        } else {
            try writeRewritten(x, &hand, &arena)
        }
        var used = start + hand.head.end
        if !exchanges[x].request.isComplete {
            used = try appendBody(.request, of: x, Stretch(stretch.handle, used..<Int(stretch.end)), &arena)
        }
        let count = arena.sendCount
        guard let replay = borrow(count, for: client, &arena) else { throw .memoryLimit }
        arena.copyUnsent(from: 0, to: replay, at: 0)
        exchanges[x].replay = Stretch(replay, 0..<count)
        guard keepInput(client, Stretch(stretch.handle, used..<Int(stretch.end)), &arena) else { throw .memoryLimit }
    }

    /// What stands for the host of a request that names none: where its connection arrived.
    ///
    /// The system is asked only where the listener's address does not say it.
    @inline(__always)
    mutating func ownAddress(_ x: Int, _ hand: inout RequestInHand) -> SocketAddress {
        let listener = settings.listenerAddress[exchanges[x].listener]
        guard hand.head.hostField.isEmpty, listener.ip == .anyIPv4 || listener.ip == .anyIPv6 else { return listener }
        return SocketAddress(connections[exchanges[x].client].socket.localAddress)
    }

    /// Refuses what is not a request that could be forwarded, and ends the connection.
    mutating func refuse(_ client: Int, _ reason: Reason, _ arena: inout BufferArena) {
        let x = insertExchange(client)
        // Where the next request would start is unknown.
        exchanges[x].requestWasAbandoned = true
        answer(x, reason, &arena)
    }

    /// What a client's connection can do while an exchange runs on it.
    mutating func clientProceeds(_ client: Int, isWritable: Bool, _ arena: inout BufferArena) {
        let x = Int(connections[client].exchange)
        if connections[client].isBroken { return abort(x, .clientClosed, &arena) }
        // Who waits for a place and has hung up gives it up. It could be a client that only ended its own direction, but
        // hardly any do, and a queue full of those that have gone would serve nobody.
        if connections[client].peerClosed, exchanges[x].visit.wait == .queued { return abort(x, .clientClosed, &arena) }
        let handle = exchanges.handle(x)
        if isWritable, !connections[client].output.isEmpty {
            let waiting = connections[client].output.count
            guard flushOutput(client, &arena) else { return abort(x, .clientClosed, &arena) }
            let left = connections[client].output.count
            if left == 0, exchanges[x].responsePhase == .complete { return endExchange(x, &arena) }
            guard bodyProceeded(x, by: waiting - left, waitingFor: .client, &arena), left == 0 else { return }
            readResponse(x, &arena)
        } else if isWritable, exchanges[x].pipeHolds(.response) {
            readResponse(x, &arena)
        }
        if exchanges.index(handle) != nil { relayRequest(x, &arena) }
    }

    /// Reads request body from the client as long as the origin takes it.
    mutating func relayRequest(_ x: Int, _ arena: inout BufferArena) {
        let client = exchanges[x].client
        for _ in 0..<Self.readsPerTurn {
            let upstream = exchanges[x].upstream
            guard !exchanges[x].requestIsOver, upstream >= 0, connections[upstream].phase == .leased,
                connections[upstream].output.isEmpty,
                connections[client].isReadable || connections[client].peerClosed || exchanges[x].pipeBytes > 0
            else { return }
            if spliceBody(.request, of: x, &arena) { return }
            let known = connections[client].input.count
            switch receive(client, &arena) {
            case .nothing: return
            case .ended, .failed: return abort(x, .clientClosed, &arena)
            case .noMemory: return answer(x, .memoryLimit, &arena)
            case .bytes(let stretch):
                if known > 0, !isWorthParsing(stretch, knownBefore: known, arena) { continue }
                guard forwardBody(x, stretch, &arena) else { return }
            }
        }
        makeReady(client)
    }

    /// Reads that one connection may take in a turn before others have theirs.
    static var readsPerTurn: Int { 8 }

    /// - Returns: whether the exchange goes on.
    private mutating func forwardBody(_ x: Int, _ stretch: Stretch, _ arena: inout BufferArena) -> Bool {
        let client = exchanges[x].client
        let upstream = exchanges[x].upstream
        arena.beginSend()
        let used: Int
        do {
            used = try appendBody(.request, of: x, stretch, &arena)
        } catch {
            exchanges[x].requestWasAbandoned = true
            answer(x, error, &arena)
            return false
        }
        exchanges[x].awaitsContinue = false
        if !keepBody(x, &arena) {
            exchanges[x].isReplayable = false
            releaseReplay(x, &arena)
        }
        switch flush(upstream, &arena) {
        case .all: break
        case .failed:
            // The origin takes no more; it may have said why before.
            exchanges[x].requestWasAbandoned = true
            connections[upstream].isBroken = true
            readResponse(x, &arena)
            return false
        case .noMemory:
            answer(x, .memoryLimit, &arena)
            return false
        }
        guard keepInput(client, Stretch(stretch.handle, used..<Int(stretch.end)), &arena) else {
            answer(x, .memoryLimit, &arena)
            return false
        }
        if exchanges[x].request.isComplete {
            setDeadline(client, in: responseHeadTime(x))
            return true
        }
        let hasRoom = connections[upstream].output.isEmpty
        return bodyProceeded(x, by: stretch.count, waitingFor: requestPace(x, hasRoom: hasRoom), &arena)
    }

    /// Keeps what is about to be sent of a body behind what is kept of the request, if that may be sent again and the pool
    /// or route wants bodies of that size kept.
    private mutating func keepBody(_ x: Int, _ arena: inout BufferArena) -> Bool {
        let replay = exchanges[x].replay
        let count = arena.sendCount
        // Of a method that is not idempotent nothing is repeated once the origin has some of it.
        guard exchanges[x].method.isIdempotent, exchanges[x].isReplayable, !replay.isEmpty,
            exchanges[x].request.byteCount <= keptBody(x)
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

    mutating func releaseReplay(_ x: Int, _ arena: inout BufferArena) {
        arena.giveBack(exchanges[x].replay.handle)
        exchanges[x].replay = Stretch()
    }
}

extension Range<Int> {
    func moved(by offset: Int) -> Range<Int> { lowerBound + offset..<upperBound + offset }
}
