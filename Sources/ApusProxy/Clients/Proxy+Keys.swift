import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import ApusTransport

/// Keys: what of a head decides where in its pool a request goes, and whether it may.
extension Proxy {
    /// Reads what the exchange's pool wants to know of a request's head.
    mutating func readKeys(
        _ x: Int, _ hand: inout RequestInHand, _ arena: borrowing BufferArena
    ) {
        let pool = exchanges[x].pool
        let bytes = arena.bytes(of: hand.place)
        let key = settings.keys[pool].hash
        exchanges[x].state.visit.pick.hash = settings.rules.hash(key, of: &hand, bytes, arrival(x))
        if !settings.keys[pool].sessionName.isEmpty { readSession(x, &hand, bytes) }
        if !settings.keys[pool].priorityHeader.isEmpty { readPriority(x, &hand, bytes) }
    }

    private mutating func readPriority(_ x: Int, _ hand: inout RequestInHand, _ bytes: Span<UInt8>) {
        let name = settings.keys[exchanges[x].pool].priorityHeader
        guard let value = hand.fields.value(of: name.span, in: bytes) else { return }
        if bytes.equalsIgnoringCase(value, "low") {
            exchanges[x].state.visit.priority = .low
        } else if bytes.equalsIgnoringCase(value, "normal") {
            exchanges[x].state.visit.priority = .normal
        } else if bytes.equalsIgnoringCase(value, "high") {
            exchanges[x].state.visit.priority = .high
        }
    }

    // MARK: Sessions

    private mutating func readSession(_ x: Int, _ hand: inout RequestInHand, _ bytes: Span<UInt8>) {
        let pool = exchanges[x].pool
        let keys = settings.keys[pool]
        guard let value = hand.fields.cookie(keys.sessionName.span, in: bytes), !value.isEmpty else { return }
        let text = bytes.extracting(value)
        exchanges[x].state.visit.pick.session = origins.dispatchers[pool].session(text, now: now)
        if keys.learnsSessions { exchanges[x].sessionHash = PoolDispatcher.learnedSession(text) }
    }

    /// A response goes to the client: the session is where it came from.
    ///
    /// - Returns: whether the response must tell the client, by a cookie of Apus's own.
    mutating func noteSession(_ x: Int, _ bytes: Span<UInt8>) -> Bool {
        let pool = exchanges[x].pool
        let endpoint = Int32(truncatingIfNeeded: exchanges[x].endpoint - origins.rules[pool].start)
        let keys = settings.keys[pool]
        guard keys.learnsSessions else { return exchanges[x].state.visit.pick.session != endpoint }
        var session = exchanges[x].sessionHash
        var isNew = exchanges[x].state.visit.pick.session != endpoint
        if let value = scratch.responseFields.setCookie(keys.sessionName.span, in: bytes), !value.isEmpty {
            session = PoolDispatcher.learnedSession(bytes.extracting(value))
            isNew = true
        }
        guard session != 0, isNew else { return false }
        origins.dispatchers[pool].learnSession(session, endpoint: endpoint, now: now)
        for mailbox in neighbours.others {
            mailbox.post(
                .origins(.sessionLearned(pool: pool, session: session, endpoint: endpoint, epoch: shared.epoch)))
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
