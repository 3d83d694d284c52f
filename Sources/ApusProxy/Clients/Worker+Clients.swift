import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Connections of clients: how they end.
extension Worker {
    mutating func closeClient(_ client: Int, _ arena: inout BufferArena) {
        forgetClient(client, &arena)
        links.close(&connections[client].link)
        connections.remove(client)
    }

    mutating func forgetClient(_ client: Int, _ arena: inout BufferArena) {
        let listener = Int(connections[client].place)
        if connections[client].phase == .lingering { doors.lingererCount -= 1 }
        if connections[client].bound >= 0 { closeHeld(Int(connections[client].bound), &arena) }
        giveBackBuffers(client, &arena)
        shared.clients.add(-1, to: listener)
        records.counters.add(to: shared.layout.listener(listener, .connectionsClosed))
        doors.clientCount -= 1
        if doors.isDraining, doors.clientCount == 0 { schedule.isStopped = true }
    }

    mutating func giveBackBuffers(_ connection: Int, _ arena: inout BufferArena) {
        arena.giveBack(connections[connection].input.handle)
        arena.giveBack(connections[connection].output.handle)
        connections[connection].input = Stretch()
        connections[connection].output = Stretch()
    }

    /// Ends the connection from this side and reads on for a while: closing with unread bytes would reset it, and the
    /// client might lose the response that says why (RFC 9112 section 9.6).
    mutating func linger(_ client: Int, _ arena: inout BufferArena) {
        connections[client].phase = .lingering
        doors.lingererCount += 1
        let isLong = doors.lingererCount <= settings.lingerers
        connections[client].since = isLong ? now : now &- settings.lingerInAll
        connections[client].byteCount = 0
        _ = keepInput(client, Stretch(.inbound, 0..<0), &arena)
        links.finish(connections[client].link)
        setDeadline(client, in: settings.linger)
        if connections[client].isReadable || connections[client].peerClosed { makeReady(client) }
    }

    mutating func discardInput(_ client: Int, _ arena: inout BufferArena) {
        for _ in 0..<Self.readsPerTurn {
            if connections[client].isBroken { return closeClient(client, &arena) }
            guard connections[client].isReadable || connections[client].peerClosed else { return }
            switch receive(client, &arena) {
            case .bytes(let stretch): guard lingers(on: client, stretch.count, &arena) else { return }
            case .nothing: return
            case .ended, .failed, .noMemory: return closeClient(client, &arena)
            }
        }
        makeReady(client)
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
