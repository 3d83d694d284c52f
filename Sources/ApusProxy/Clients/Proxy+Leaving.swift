import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Clients that are to go: with their listener, or with the worker.
extension Proxy {
    /// Whether clients of that listener are to go when they have what they asked for.
    mutating func isLeaving(_ listener: Int) -> Bool { clients.areLeaving || settings.listenerIsRetired[listener] }

    /// How long a connection must have been idle to be closed under a client: one that sends request after request has its
    /// next on the way, and is told with the response to it.
    private static var quietTime: Int64 { 1_000_000 }

    /// Ends the connections of clients that have no request under way: those of one listener, or all.
    mutating func dismissIdleClients(of listener: Int?, _ arena: inout BufferArena) {
        dismissIdleClients(&arena) { listener == nil || Int($0.place) == listener }
    }

    /// The same of those who were asked for other certificates than they would be now.
    mutating func dismissOutdatedClients(_ arena: inout BufferArena) {
        guard settings.asksClients else { return }
        dismissIdleClients(&arena) { $0.link.isOutdated }
    }

    private mutating func dismissIdleClients(_ arena: inout BufferArena, where isMeant: (Connection) -> Bool) {
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            let isIdle = connections[connection].phase == .waiting && !connections[connection].isReadable
            guard isIdle, connections[connection].input.isEmpty, isMeant(connections[connection]) else { continue }
            if connections[connection].wasUsed {
                let idleSince = connections[connection].deadline - settings.idle
                let rest = idleSince + Self.quietTime - now
                if rest > 0 { setDeadline(connection, in: rest) } else { closeClient(connection, &arena) }
            } else {
                // It was opened for a request, which may be on its way.
                setDeadline(connection, in: settings.linger)
            }
        }
    }

    /// The time of a drain is over: who has no response yet gets an answer that says so, as far as the socket takes it.
    mutating func cut(_ x: Int, _ arena: inout BufferArena) {
        let handle = exchanges.handle(x)
        drive(x, .answer(.drainDeadline), &arena)
        if let x = exchanges.index(handle) { drive(x, .breakOff(.drainDeadline), &arena) }
    }

    /// Breaks off what is left, and closes all connections.
    mutating func closeEverything(_ arena: inout BufferArena) {
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            guard !connections[connection].isUpstream, connections[connection].exchange >= 0 else { continue }
            cut(Int(connections[connection].exchange), &arena)
        }
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            if connections[connection].isUpstream {
                closeUpstream(connection, &arena)
            } else {
                closeClient(connection, &arena)
            }
        }
    }

    /// Breaks off what the clients of a listener still do, and closes their connections.
    mutating func cutClients(of listener: Int, _ arena: inout BufferArena) {
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            guard !connections[connection].isUpstream, Int(connections[connection].place) == listener else { continue }
            if connections[connection].exchange >= 0 {
                cut(Int(connections[connection].exchange), &arena)
            } else {
                closeClient(connection, &arena)
            }
        }
    }
}
