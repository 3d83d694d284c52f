import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Deadlines: exchanges have theirs; those of connections hold while no exchange runs on them.
extension Proxy {
    @inline(__always)
    mutating func setDeadline(_ connection: Int, in time: Int64) {
        schedule.setDeadline(connection, at: now &+ time, &connections)
    }

    @inline(__always)
    mutating func setDeadline(exchange x: Int, in time: Int64) {
        schedule.setDeadline(exchange: x, at: now &+ time, &exchanges)
    }

    /// The wheel has an entry whose time has come, of a connection or an exchange.
    mutating func fire(_ token: UInt64, _ tick: Int64, _ arena: inout BufferArena) {
        guard token >> 32 != 0 else {
            if let x = schedule.dueExchange(token, tick, now: now, &exchanges) {
                drive(x, exchangeTimedOut(x, &arena), &arena)
            }
            return
        }
        let handle = SlabHandle(token: token)
        if let connection = schedule.dueConnection(handle, tick, now: now, &connections) { expire(connection, &arena) }
    }

    private mutating func expire(_ connection: Int, _ arena: inout BufferArena) {
        switch connections[connection].phase {
        case .introducing: proxyHeaderTimedOut(connection, &arena)
        case .shaking: handshakeTimedOut(connection, &arena)
        case .waiting, .lingering: closeClient(connection, &arena)
        case .readingHead: refuse(connection, .requestHeadTimeout, &arena)
        case .idle:
            origins.connections[Int(connections[connection].place)].idleExpired(Int32(connection))
            closeUpstream(connection, &arena)
        case .held: closeHeld(connection, &arena)
        // Their exchange has the deadline; the evicted are refused in the next turn.
        case .exchanging, .connecting, .opening, .leased, .evicted: break
        }
    }

    private mutating func exchangeTimedOut(_ x: Int, _ arena: inout BufferArena) -> Next {
        let other = exchanges[x].state.visit.other.connection
        if other >= 0, connections[Int(other)].isBeingOpened { exchanges[x].state.visit.makeCurrent(other) }
        let upstream = exchanges[x].upstream
        if upstream >= 0, connections[upstream].isBeingOpened {
            return connectTimedOut(x, &arena)
        }
        if isToBeLookedAt(x) { return look(x, &arena) }
        if let next = lookAtReader(x) { return next }
        return exchanges[x].state.timedOut(
            originStalls: upstream >= 0 && connections[upstream].hasUnsent,
            clientStalls: connections[exchanges[x].client].hasUnsent)
    }
}
