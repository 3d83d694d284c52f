import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Clients that come in: taken in, or turned away where there is no room for them.
extension Proxy {
    /// Takes a client in that was accepted, or says why not.
    ///
    /// - Parameter isLast: it was accepted with a descriptor that is kept for others, and can only be told so.
    mutating func admit(
        _ link: Link, _ listener: Int, _ peer: WireAddress, isLast: Bool = false, _ arena: inout BufferArena
    ) {
        records.counters.add(to: shared.layout.listener(listener, .connectionsAccepted))
        let open = shared.clients.add(1, to: listener)
        guard !isLast else { return turnAway(link, listener, .descriptorLimit, &arena) }
        guard open <= settings.connectionsPerListener else {
            return turnAway(link, listener, .connectionLimit, &arena)
        }
        var link = link
        let isIntroduced = settings.isIntroduced(peer, to: listener)
        // Before TLS comes the header.
        if settings.listenerIsSealed[listener], !isIntroduced {
            let context = Int32(truncatingIfNeeded: listener)
            guard !connections.links.shield(&link, from: context).isFailure else {
                return turnAway(link, listener, .memoryLimit, &arena)
            }
        }
        var connection = Connection(
            client: link, listener: listener, peer: peer, isTrusted: settings.isTrusted(peer), now: now)
        if isIntroduced { connection.phase = .introducing }
        guard let client = connections.take(connection) else {
            return turnAway(link, listener, .descriptorLimit, &arena)
        }
        clients.count += 1
        setDeadline(client, in: connection.phase == .waiting ? settings.idle : settings.handshake)
    }

    /// Says why in a response, if the socket takes it, and closes: whoever is turned away should know.
    private mutating func turnAway(_ link: Link, _ listener: Int, _ reason: Reason, _ arena: inout BufferArena) {
        records.counters.add(to: shared.layout.reason(reason, listener: listener))
        tell(.turnedAway(reason, listener: listener))
        var link = link
        // Without a handshake nothing can be said.
        if !settings.listenerIsSealed[listener] {
            arena.beginSend()
            writeAnswer(reason, listener: listener, method: .get, closes: true, &arena)
            _ = connections.links.send(to: &link, &arena)
            connections.links.finish(&link, &arena)
        }
        connections.links.close(&link, &arena)
        shared.clients.add(-1, to: listener)
        records.counters.add(to: shared.layout.listener(listener, .connectionsClosed))
    }
}
