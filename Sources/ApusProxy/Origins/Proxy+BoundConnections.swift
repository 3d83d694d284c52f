import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Connections that are somebody: an origin's connection on which a client authenticates with NTLM or Negotiate speaks
/// for that client from then on. It is the client's own, and ends with the client's (docs/design/0016).
///
/// Its pool counts it as busy for as long as it is open. Other clients pay one look at `bound` for each attempt.
extension Proxy {
    /// Notes whether a 401 or 407 asks the client to authenticate its connection.
    @inline(never)
    mutating func noteChallenge(_ x: Int, _ head: Span<UInt8>) {
        guard scratch.responseFields.challengesConnection(in: head) else { return }
        exchanges[x].state.isPersonal = true
        exchanges[x].state.wasChallenged = true
    }

    /// The endpoint to which the exchange's client has a connection of its own, if the exchange's pool has that endpoint and
    /// may still use it. The request then goes there or nowhere.
    @inline(never)
    mutating func boundChoice(_ x: Int) -> PoolVisit.Choice? {
        let upstream = connections[exchanges[x].client].bound
        guard connections[Int(upstream)].phase == .held, connections[Int(upstream)].isSomebody else { return nil }
        let endpoint = Int(connections[Int(upstream)].place)
        guard settings.endpointPool[endpoint] == exchanges[x].pool,
            let choice = exchanges[x].state.visit.choose(own: upstream, to: endpoint, from: &origins)
        else { return nil }
        if case .endpoint = choice {
            exchanges[x].state.isPersonal = true
            // On another connection it would come from nobody.
            exchanges[x].state.isReplayable = false
        }
        return choice
    }

    /// Whether the exchange's client has a connection of its own to the exchange's pool.
    @inline(never)
    mutating func hasBoundConnection(_ x: Int) -> Bool {
        let upstream = Int(connections[exchanges[x].client].bound)
        return upstream >= 0 && connections[upstream].isSomebody
            && settings.endpointPool[Int(connections[upstream].place)] == exchanges[x].pool
    }

    /// Sends the exchange to the pool in which its client has a connection of its own, if its route has that pool: chance
    /// would tear a handshake apart.
    @inline(never)
    mutating func chooseBoundBranch(_ x: Int) -> Bool {
        let rules = settings.rules.routes[exchanges[x].route]
        let upstream = Int(connections[exchanges[x].client].bound)
        guard connections[upstream].isSomebody else { return false }
        let pool = settings.endpointPool[Int(connections[upstream].place)]
        for index in 0..<Int(rules.branchCount)
        where settings.rules.parts.branches[Int(rules.firstBranch) + index].pool == pool {
            exchanges[x].branch = UInt8(truncatingIfNeeded: index)
            exchanges[x].state.visit.pool = pool
            return true
        }
        return false
    }

    /// The exchange on the connection is over; the next of the same client will find it.
    ///
    /// - Parameter wasChallenged: the client has authenticated on it.
    mutating func bind(_ upstream: Int, to client: Int, wasChallenged: Bool, _ arena: inout BufferArena) {
        if wasChallenged { connections[upstream].isSomebody = true }
        let before = Int(connections[client].bound)
        if before >= 0, before != upstream {
            // One that is somebody is dearer than one that names its client.
            guard connections[upstream].isSomebody || !connections[before].isSomebody else {
                return closeHeld(upstream, &arena)
            }
            closeHeld(before, &arena)
        }
        connections[client].bound = Int32(truncatingIfNeeded: upstream)
        connections[upstream].bound = Int32(truncatingIfNeeded: client)
        let endpoint = Int(connections[upstream].place)
        guard !isRetired(endpoint), connections[upstream].isSomebody || mayHold(endpoint) else {
            return closeHeld(upstream, &arena)
        }
        connections[upstream].phase = .held
        connections[upstream].wasUsed = true
        connections[upstream].since = now
        setDeadline(upstream, in: settings.endpointKeeping[endpoint].idleTime(of: connections[upstream], now: now))
    }

    /// A client's own connection has changed while nothing was asked on it: it was closed, or sent what nobody asked for.
    mutating func heldUpstreamChanged(_ upstream: Int, _ arena: inout BufferArena) {
        guard !connections.isSilent(upstream, &arena) else { return }
        closeHeld(upstream, &arena)
    }

    /// Closes a connection that is a client's own. The client may authenticate again, on another.
    mutating func closeHeld(_ upstream: Int, _ arena: inout BufferArena) {
        let endpoint = Int(connections[upstream].place)
        origins.connections[endpoint].closed(Int32(truncatingIfNeeded: upstream), whileIdle: false)
        closeUpstream(upstream, &arena)
        // It had taken a place among the endpoint's connections.
        let pool = settings.endpointPool[endpoint]
        if origins.rules[pool].hasQueue { noteRoom(in: pool, count: 1) }
    }

    /// Closes those to endpoints that a reload has removed.
    mutating func closeHeldThatMayNotStay(_ arena: inout BufferArena) {
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            guard connections[connection].phase == .held else { continue }
            let endpoint = Int(connections[connection].place)
            let isFit = settings.endpointKeeping[endpoint].idleTime(of: connections[connection], now: now) > 0
            if isRetired(endpoint) || !isFit { closeHeld(connection, &arena) }
        }
    }

    private mutating func isRetired(_ endpoint: Int) -> Bool {
        origins.connections[endpoint].isRetired || shared.snapshot.pools[settings.endpointPool[endpoint]].isRetired
    }
}
