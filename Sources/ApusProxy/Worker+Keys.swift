import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import ApusTransport

/// Keys: what of a head decides where in its pool a request goes, and whether it may.
extension Worker {
    /// Reads what the exchange's pool wants to know of a request's head.
    mutating func readKeys(
        _ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: borrowing BufferArena
    ) {
        let pool = exchanges[x].pool
        let bytes = arena.bytes(stretch.handle, stretch.range)
        exchanges[x].visit.pick.hash = hash(settings.keys[pool].hash, x, head, bytes)
        if !settings.keys[pool].sessionName.isEmpty { readSession(x, bytes) }
        if !settings.keys[pool].priorityHeader.isEmpty { readPriority(x, bytes) }
    }

    /// The hash of what `key` names; nil where the request has no such thing.
    mutating func hash(_ key: HeadKey, _ x: Int, _ head: RequestHead, _ bytes: Span<UInt8>) -> UInt64? {
        let name = key.name.span
        let value: Range<Int>? =
            switch key.kind {
            case .none, .client: nil
            case .header: fields.value(of: name, in: bytes)
            case .cookie: fields.cookie(name, in: bytes)
            case .query: head.target.queryParameter(name, in: bytes)
            case .path: head.target.path
            }
        if key.kind == .path, head.target.path.isEmpty { return KeyHash.of(settings.path(ofNone: head).span) }
        if let value { return KeyHash.of(bytes.extracting(value)) }
        guard key.kind == .client else { return nil }
        return KeyHash.of(clientAddress(x, bytes), ipv4Prefix: key.ipv4Prefix, ipv6Prefix: key.ipv6Prefix)
    }

    /// The client's address: of the last that is no trusted proxy, as far as trusted ones tell.
    mutating func clientAddress(_ x: Int, _ bytes: Span<UInt8>) -> IPAddress {
        let client = exchanges[x].client
        let peer = IPAddress(high: connections[client].peer.high, low: connections[client].peer.low)
        guard connections[client].isTrusted else { return peer }
        return fields.client(behind: peer, in: bytes, trusting: settings.trustedProxies)
    }

    private mutating func readPriority(_ x: Int, _ bytes: Span<UInt8>) {
        let name = settings.keys[exchanges[x].pool].priorityHeader
        guard let value = fields.value(of: name.span, in: bytes) else { return }
        if bytes.equalsIgnoringCase(value, "low") {
            exchanges[x].visit.priority = .low
        } else if bytes.equalsIgnoringCase(value, "normal") {
            exchanges[x].visit.priority = .normal
        } else if bytes.equalsIgnoringCase(value, "high") {
            exchanges[x].visit.priority = .high
        }
    }

    // MARK: Sessions

    private mutating func readSession(_ x: Int, _ bytes: Span<UInt8>) {
        let pool = exchanges[x].pool
        let keys = settings.keys[pool]
        guard let value = fields.cookie(keys.sessionName.span, in: bytes), !value.isEmpty else { return }
        let text = bytes.extracting(value)
        exchanges[x].visit.pick.session = origins.dispatchers[pool].session(text, now: now)
        if keys.learnsSessions { exchanges[x].sessionHash = PoolDispatcher.learnedSession(text) }
    }

    /// A response goes to the client: the session is where it came from.
    ///
    /// - Returns: whether the response must tell the client, by a cookie of Apus's own.
    mutating func noteSession(_ x: Int, _ bytes: Span<UInt8>) -> Bool {
        let pool = exchanges[x].pool
        let endpoint = Int32(truncatingIfNeeded: exchanges[x].endpoint - origins.rules[pool].start)
        let keys = settings.keys[pool]
        guard keys.learnsSessions else { return exchanges[x].visit.pick.session != endpoint }
        var session = exchanges[x].sessionHash
        var isNew = exchanges[x].visit.pick.session != endpoint
        if let value = fields.setCookie(keys.sessionName.span, in: bytes), !value.isEmpty {
            session = PoolDispatcher.learnedSession(bytes.extracting(value))
            isNew = true
        }
        guard session != 0, isNew else { return false }
        origins.dispatchers[pool].learnSession(session, endpoint: endpoint, now: now)
        for mailbox in others {
            mailbox.post(
                .sessionLearned(pool: pool, session: session, endpoint: endpoint, epoch: shared.epoch))
        }
        return false
    }

    /// Appends the field that gives the client its session with the exchange's endpoint.
    func appendSessionCookie(_ x: Int, _ arena: inout BufferArena) {
        let pool = exchanges[x].pool
        guard let cookies = settings.keys[pool].cookies else { return }
        arena.append("Set-Cookie: ")
        arena.append(cookies.field(for: exchanges[x].endpoint - origins.rules[pool].start))
        arena.append("\r\n")
    }
}
