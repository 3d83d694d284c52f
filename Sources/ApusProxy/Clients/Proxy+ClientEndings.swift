import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Connections of clients: how they end.
extension Proxy {
    mutating func closeClient(_ client: Int, _ arena: inout BufferArena) {
        forgetClient(client, &arena)
        connections.close(client, &arena)
    }

    mutating func forgetClient(_ client: Int, _ arena: inout BufferArena) {
        let listener = Int(connections[client].place)
        if connections[client].phase == .lingering { clients.lingering -= 1 }
        if connections[client].bound >= 0 { closeHeld(Int(connections[client].bound), &arena) }
        shared.clients.add(-1, to: listener)
        records.counters.add(to: shared.layout.listener(listener, .connectionsClosed))
        clients.count -= 1
    }

    /// Ends the connection from this side and reads on for a while: closing with unread bytes would reset it, and the
    /// client might lose the response that says why (RFC 9112 section 9.6).
    mutating func linger(_ client: Int, _ arena: inout BufferArena) {
        connections[client].phase = .lingering
        clients.lingering += 1
        let isLong = clients.lingering <= settings.lingerers
        connections[client].since = isLong ? now : now &- settings.lingerInAll
        connections[client].byteCount = 0
        _ = keepInput(client, Stretch(.inbound, 0..<0), &arena)
        connections.finish(client, &arena)
        setDeadline(client, in: settings.linger)
        if connections[client].mayHaveMore { connections.makeReady(client) }
    }

    mutating func discardInput(_ client: Int, _ arena: inout BufferArena) {
        for _ in 0..<Self.readsPerTurn {
            if connections[client].isBroken { return closeClient(client, &arena) }
            guard connections[client].mayHaveMore else { return }
            switch receive(client, &arena) {
            case .bytes(let stretch): guard lingers(on: client, stretch.count, &arena) else { return }
            case .nothing: return
            case .ended, .failed, .noMemory: return closeClient(client, &arena)
            }
        }
        connections.makeReady(client)
    }

    /// The client still sends: it has not read the answer, and gets more time for it.
    ///
    /// - Returns: false when it has had enough, and its connection is closed.
    private mutating func lingers(on client: Int, _ count: Int, _ arena: inout BufferArena) -> Bool {
        let left = connections[client].since &+ settings.lingerInAll &- now
        guard left > 0 else { return true }
        connections[client].byteCount += UInt32(truncatingIfNeeded: count)
        guard connections[client].byteCount < settings.lingerBytes else {
            closeClient(client, &arena)
            return false
        }
        setDeadline(client, in: min(settings.linger, left))
        return true
    }
}
