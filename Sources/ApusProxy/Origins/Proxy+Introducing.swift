import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusModel
import ApusTransport

/// Connections that name their client: to pools with `proxy_protocol`. Each begins with a header of the PROXY protocol, and
/// carries no other client's requests.
///
/// What is kept of them is held for the client's connection (`Proxy+BoundConnections.swift`), one at a time, and used again
/// when the next request is sent to the same endpoint. Their pool counts them as busy; where they take places that others
/// need, they are given up.
extension Proxy {
    /// Sends the header on a connection that has just been made, which is the client's from then on.
    mutating func introduce(
        _ client: Int, on upstream: Int, _ version: ProxyProtocol, _ arena: inout BufferArena
    ) -> SystemResult {
        let header = ProxyHeader.bytes(
            version, client: SocketAddress(connections[client].peer), reached: addressReached(by: client),
            security: version == .v2 ? security(of: client) : nil)
        connections[upstream].bound = Int32(truncatingIfNeeded: client)
        arena.beginSend()
        arena.append(header.span)
        return connections.sendPlainly(upstream, &arena)
    }

    /// How the client speaks TLS; nil where it does not.
    private func security(of client: Int) -> ProxyHeader.ClientSecurity? {
        let link = connections[client].link
        guard let terms = connections.links.terms(link) else { return nil }
        let certificate = connections.links.identity(link).map { identity in
            ProxyHeader.ClientSecurity.Certificate(
                commonName: identity.names.last.flatMap { $0.hasPrefix("CN=") ? String($0.dropFirst(3)) : nil },
                isOfSession: connections.links.isResumed(link))
        }
        return .init(
            serverName: terms.serverName, version: terms.version, cipher: terms.cipher, certificate: certificate)
    }

    /// Where the client was accepted: here, or by the proxy that has named it.
    private mutating func addressReached(by client: Int) -> SocketAddress {
        let reached = introductions.reached(connections.handle(client))
        return SocketAddress(reached ?? connections.links.localAddress(of: connections[client].link))
    }

    /// The connection that is held for the exchange's client and names it, if its request may go over that: what cannot be
    /// sent again goes over one that is most likely alive.
    private mutating func ownHeld(_ x: Int) -> Int? {
        let held = Int(connections[exchanges[x].client].bound)
        guard held >= 0, connections[held].phase == .held, !connections[held].isSomebody,
            exchanges[x].state.visit.repeatability == .whole
                || connections[held].since >= now - UpstreamConnectionPool.trustedIdleTime
        else { return nil }
        return held
    }

    /// The one that is held to that endpoint, instead of the one that was asked for.
    @inline(never)
    mutating func heldInstead(_ x: Int, _ endpoint: Int) -> Int32? {
        guard let held = ownHeld(x), Int(connections[held].place) == endpoint else { return nil }
        origins.connections[endpoint].connectFailed()
        return Int32(truncatingIfNeeded: held)
    }

    /// Chooses again for an exchange that found no place: where all connections to an endpoint are taken, its client's own
    /// is used, or one that is held for another is closed.
    ///
    /// - Returns: nil when neither is there.
    @inline(never)
    mutating func chooseAgain(_ x: Int, _ arena: inout BufferArena) -> PoolVisit.Choice? {
        let pool = exchanges[x].pool
        guard settings.poolHeader[pool] != nil else { return nil }
        if let held = ownHeld(x), isToBeFreed(held, pool) {
            return exchanges[x].state.visit.choose(
                own: Int32(truncatingIfNeeded: held), to: Int(connections[held].place), from: &origins)
        }
        for _ in 0..<min(Self.looks, connections.indexBound) {
            guard let held = nextHeld(), isToBeFreed(held, pool) else { continue }
            closeHeld(held, &arena)
            exchanges[x].state.visit.tried = TriedEndpoints()
            return choose(x)
        }
        return nil
    }

    private mutating func isToBeFreed(_ held: Int, _ pool: Int) -> Bool {
        let endpoint = Int(connections[held].place)
        return settings.endpointPool[endpoint] == pool && origins.connections[endpoint].isSaturated
    }

    /// Whether a connection to the endpoint may be held for a client: not where somebody waits for it to be free.
    mutating func mayHold(_ endpoint: Int) -> Bool {
        let pool = settings.endpointPool[endpoint]
        let isWaitedFor = origins.dispatchers[pool].waitingCount > 0 && origins.connections[endpoint].isSaturated
        return origins.connections[endpoint].limits.maxIdle > 0 && !isWaitedFor
    }

    /// Connections that one search looks at.
    private static var looks: Int { 1_024 }

    /// Closes one that is held for a client, whoever that is: its descriptor is free then.
    mutating func giveUpHeld(_ arena: inout BufferArena) -> Bool {
        for _ in 0..<min(Self.looks, connections.indexBound) {
            guard let held = nextHeld() else { continue }
            closeHeld(held, &arena)
            return true
        }
        return false
    }

    /// The next slot in turn, if what is in it is held and names its client.
    private mutating func nextHeld() -> Int? {
        let next = connections.nextInTurn()
        guard connections.isUsed(next), connections[next].phase == .held, !connections[next].isSomebody else {
            return nil
        }
        return next
    }
}
