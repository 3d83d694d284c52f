import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Requests: from bytes on a client connection to an exchange that knows where it goes.
extension Proxy {
    mutating func readRequest(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        if connections[client].phase == .waiting, !connections[client].input.isEmpty {
            // A request that came along with the one before.
            return parseHeld(client, connections[client].input, &hand, &arena)
        }
        guard connections[client].mayBeRead else {
            return
        }
        let known = connections[client].input.count
        switch receive(client, &arena) {
        case .nothing: return
        case .ended, .failed: closeClient(client, &arena)
        case .noMemory: refuse(client, .memoryLimit, &arena)
        case .bytes(let stretch):
            if known > 0, !settings.isWorthParsing(stretch, knownBefore: known, arena) {
                return connections.readOn(client)
            }
            parseRequest(client, stretch, &hand, &arena)
        }
    }

    /// The same where the bytes have come before: seldom.
    @inline(never)
    mutating func parseHeld(
        _ client: Int, _ stretch: Stretch, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) { parseRequest(client, stretch, &hand, &arena) }

    @inline(__always)
    private mutating func parseRequest(
        _ client: Int, _ stretch: Stretch, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        let isWhole: Bool
        do {
            isWhole = try hand.parse(arena.bytes(of: stretch), at: stretch, limits: settings.rules.headLimits)
        } catch {
            return refuse(client, otherProtocol(stretch, arena) ?? error, &arena)
        }
        if isWhole { return begin(client, &hand, &arena) }
        guard keepInput(client, stretch, &arena) else {
            return refuse(client, .memoryLimit, &arena)
        }
        if connections[client].phase != .readingHead {
            connections[client].phase = .readingHead
            connections[client].since = now
            setDeadline(client, in: settings.requestHead)
        }
        connections.readOn(client)
    }

    /// What is to be said of what is no request, where it begins as something else does: a TLS handshake (RFC 8446
    /// section 5.1), or a header of the PROXY protocol.
    @inline(never)
    private func otherProtocol(_ stretch: Stretch, _ arena: borrowing BufferArena) -> Reason? {
        let bytes = arena.bytes(of: stretch)
        if bytes.count > 1, bytes[0] == 22, bytes[1] == 3 { return .tlsOnPlainHTTP }
        return ProxyHeader.isAtStart(of: bytes) ? .unexpectedProxyHeader : nil
    }

    /// The exchange of a client that begins now; nil when there are as many as there may be, and the client's connection
    /// has been closed.
    private mutating func insertExchange(_ client: Int, _ arena: inout BufferArena) -> Int? {
        let listener = Int(connections[client].place)
        let started = connections[client].phase == .waiting ? now : connections[client].since
        guard let x = exchanges.insert(Exchange(client: client, listener: listener, started: started)) else {
            records.counters.add(to: shared.layout.reason(.requestLimit, listener: listener))
            closeClient(client, &arena)
            return nil
        }
        schedule.makePlace(forExchange: x)
        connections[client].exchange = Int32(x)
        connections[client].deadline = .max
        connections[client].pace = .none
        connections[client].phase = .exchanging
        connections[client].carried &+= 1
        // No event will tell of an end that came along with the request.
        if connections[client].peerClosed { connections.makeReady(client) }
        return x
    }

    /// Begins the exchange of the request in hand, and does what its plan says.
    private mutating func begin(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        guard let x = insertExchange(client, &arena) else { return }
        drive(x, begin(x, of: client, &hand, &arena), &arena)
    }

    private mutating func begin(
        _ x: Int, of client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        exchanges[x].state.hasHead = true
        exchanges[x].state.method = hand.head.method
        exchanges[x].state.version = hand.head.version
        exchanges[x].state.clientKeepsAlive = hand.head.keepsAlive
        exchanges[x].state.request = BodyRelay(hand.head.framing, isChunkedOut: hand.head.framing == .chunked)
        exchanges[x].state.awaitsContinue = hand.head.expectsContinue && !exchanges[x].state.request.isComplete
        exchanges[x].state.isPersonal = hand.head.authenticatesConnection
        noteRequest(x, &hand, &arena)
        settleClaims(client, &hand, &arena)
        guard exchanges.count <= settings.exchangeLimit else { return answer(x, .requestLimit, instead: &hand, &arena) }
        if connections[client].link.isOutdated, isMisdirected(client, hand, arena) {
            return answer(x, .misdirectedRequest, instead: &hand, &arena)
        }
        return switch settings.rules.plan(&hand, arrival(x), &arena) {
        case .route(let route): followPlan(route, x, &hand, &arena)
        case .lastRecipient: answerAsLastRecipient(x, &hand, &arena)
        case .refuse(let reason): answer(x, reason, instead: &hand, &arena)
        }
    }

    /// Whether this process has forwarded the request before, by the same route.
    @inline(never)
    private mutating func cameBack(_ route: Int, _ hand: inout RequestInHand, _ arena: borrowing BufferArena) -> Bool {
        guard let mark = settings.rules.mark(of: route) else { return false }
        return hand.fields.has(mark, in: arena.bytes(of: hand.place))
    }

    /// Has the control plane log that the request came back, and who brought it.
    @inline(never)
    private mutating func tellLoop(_ route: Int, _ x: Int) {
        tell(.cameBack(route: route, listener: exchanges[x].listener, from: arrival(x).peer))
    }

    /// Drops, or tidies, what only a trusted proxy may say of its client.
    @inline(__always)
    mutating func settleClaims(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        if connections[client].isTrusted {
            var bytes = arena.mutableBytes(hand.place.handle, hand.place.range)
            hand.fields.tidyClaims(in: &bytes)
        } else {
            hand.fields.dropClaims()
        }
    }

    /// Where the exchange's request came in, and who brought it.
    @inline(__always)
    mutating func arrival(_ x: Int) -> Arrival {
        let client = exchanges[x].client
        return Arrival(
            listener: exchanges[x].listener,
            peer: IPAddress(high: connections[client].peer.high, low: connections[client].peer.low),
            isTrusted: connections[client].isTrusted, isSecure: !connections[client].link.isPlain,
            policy: settings.asksClients ? policy(of: client) : -1)
    }

    /// By which of its listener's rules for clients' certificates the handshake was made; -1 where that is the same for all, or the
    /// rules have changed since.
    @inline(never)
    private mutating func policy(of client: Int) -> Int32 {
        let link = connections[client].link
        guard !link.isPlain, !link.isOutdated, settings.rules.hasPolicies(Int(connections[client].place)) else {
            return -1
        }
        return Int32(connections.links.policy(link))
    }

    /// Whether a connection whose rules have changed was made by others than a connection for the request's host would have been
    /// at its time: what it gets yet is what it might have had before.
    @inline(never)
    private func isMisdirected(_ client: Int, _ hand: borrowing RequestInHand, _ arena: borrowing BufferArena) -> Bool {
        connections.links.isMisdirected(connections[client].link, to: hand.serverName(arena.bytes(of: hand.place)))
    }

    /// Who the client is, as far as it has shown a certificate.
    @inline(__always)
    mutating func identity(of client: Int) -> LinkIdentity? {
        guard settings.asksClients, !connections[client].link.isPlain else { return nil }
        return connections.links.identity(connections[client].link)
    }

    /// Does with a request what its route says.
    @inline(__always)
    private mutating func followPlan(
        _ route: Int, _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        let rules = settings.rules.routes[route]
        exchanges[x].route = route
        exchanges[x].state.visit.pool = rules.pool
        exchanges[x].state.visit.priority = rules.priority
        if hand.fields.hasMarks, cameBack(route, &hand, arena) {
            tellLoop(route, x)
            return answer(x, .loopDetected, instead: &hand, &arena)
        }
        if !rules.isPlain {
            let next = applyRoute(x, &hand, &arena)
            guard case .goesOn = next else { return next }
        }
        return sendOn(x, rules, &hand, &arena)
    }

    /// Sends a request on to the pool that its route has chosen.
    @inline(__always)
    mutating func sendOn(
        _ x: Int, _ rules: RouteSettings, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        guard rules.takes(hand.head.framing) else { return .answer(.bodyTooLarge) }
        if settings.pools[exchanges[x].pool].looksAtHead { readKeys(x, &hand, arena) }
        noteRepeatability(x, hand.head.framing)
        do {
            try forward(x, &hand, &arena)
        } catch {
            // What has come behind it was not told apart from it.
            exchanges[x].state.requestWasAbandoned = true
            return .answer(error)
        }
        return enterPool(x, &arena)
    }

    /// The request comes to its pool, which may refuse it.
    mutating func enterPool(_ x: Int, _ arena: inout BufferArena) -> Next {
        guard exchanges[x].state.visit.enter(&origins, now: now) else { return .visit(.refuse(.overloaded)) }
        return attempt(x, &arena)
    }

    /// The exchange is over as far as its pool is concerned.
    mutating func leavePool(_ x: Int) {
        let pool = exchanges[x].pool
        if exchanges[x].state.visit.wait == .queued { leaveQueue(x) }
        guard settings.pools[pool].hasConcurrencyLimit else {
            return exchanges[x].state.visit.leave(&origins, headReceived: nil, now: now)
        }
        let received = exchanges[x].headReceived
        exchanges[x].state.visit.leave(&origins, headReceived: received > 0 ? received : nil, now: now)
        let limit = origins.dispatchers[pool].concurrencyLimit ?? 0
        records.counters.set(shared.layout.pool(pool, .concurrencyLimit), to: UInt64(limit))
    }

    /// Writes the request as the origin will get it, with what of its body has come along, and keeps it until the
    /// origin has begun to answer: it can then be sent to whichever endpoint takes it.
    private mutating func forward(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) throws(Reason) {
        let client = exchanges[x].client
        let stretch = hand.place
        let start = Int(stretch.start)
        exchanges[x].state.request.passesTrailers =
            settings.pools[exchanges[x].pool].passesTrailers && !hand.head.namesFields
        // Of TLS the route says nothing.
        if exchanges[x].hasPlainRoute {
            let peer = connections[client].peer
            let listener = ownAddress(x, &hand)
            let identity = identity(of: client)
            arena.beginSend()
            arena.setInput(stretch.handle, at: start)
            hand.head.write(
                forwarding: ForwardedRequest(
                    isTrusted: connections[client].isTrusted, ownPort: listener.port,
                    isSecure: !connections[client].link.isPlain, saysVia: settings.rules.saysVia,
                    mark: settings.rules.mark(of: exchanges[x].route),
                    tellsCertificate: identity.map { !$0.lines.isEmpty } ?? false),
                fields: hand.fields, to: &arena, clientAddress: { $0.append(peer) },
                ownAddress: { $0.append(authority: listener) },
                rewritten: { _, arena in if let lines = identity?.lines { arena.append(lines.span) } })
        } else {
            try writeRewritten(x, &hand, &arena)
        }
        var used = start + hand.head.end
        if !exchanges[x].state.request.isComplete {
            used = try appendBody(.request, of: x, stretch.rest(from: used), &arena)
        }
        let count = arena.sendCount
        guard let replay = borrow(count, for: client, &arena) else { throw .memoryLimit }
        arena.copyUnsent(from: 0, to: replay, at: 0)
        exchanges[x].replay = Stretch(replay, 0..<count)
        guard keepInput(client, stretch.rest(from: used), &arena) else {
            throw .memoryLimit
        }
    }

    /// What stands for the host of a request that names none: where its connection arrived.
    ///
    /// The system is asked only where the listener's address does not say it.
    @inline(__always)
    mutating func ownAddress(_ x: Int, _ hand: inout RequestInHand) -> SocketAddress {
        let listener = settings.listenerAddress[exchanges[x].listener]
        guard hand.head.hostField.isEmpty, listener.ip == .anyIPv4 || listener.ip == .anyIPv6 else { return listener }
        return SocketAddress(connections.links.localAddress(of: connections[exchanges[x].client].link))
    }

    /// Refuses what is not a request that could be forwarded, and ends the connection.
    mutating func refuse(_ client: Int, _ reason: Reason, _ arena: inout BufferArena) {
        guard let x = insertExchange(client, &arena) else { return }
        // Where the next request would start is unknown.
        exchanges[x].state.requestWasAbandoned = true
        drive(x, .answer(reason), &arena)
    }
}

extension Range<Int> {
    func moved(by offset: Int) -> Range<Int> { lowerBound + offset..<upperBound + offset }
}
