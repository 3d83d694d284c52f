import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Connections to origins: given back, dropped, closed.
extension Proxy {
    /// The exchange needs its origin's connection no more: back to the pool, if it is fit for another.
    mutating func releaseUpstream(_ x: Int, _ arena: inout BufferArena) {
        let upstream = exchanges[x].upstream
        guard upstream >= 0 else { return }
        // The last read took exactly what was asked for, so that there may or may not be more. Bytes that nobody asked for
        // would be taken for the next response.
        if connections[upstream].isReadable, !connections.isSilent(upstream, &arena) {
            exchanges[x].state.upstreamKeepsAlive = false
        }
        let endpoint = Int(connections[upstream].place)
        let keeping = settings.endpointKeeping[endpoint]
        if keeping.limitsUse { connections[upstream].carried &+= 1 }
        let connection = connections[upstream]
        let idleTime = keeping.idleTime(of: connection, now: now)
        let isReusable =
            exchanges[x].state.upstreamKeepsAlive && exchanges[x].state.requestWasForwarded && connection.isAtRest
            && idleTime > 0
        endAttempt(x, exchanges[x].state.visit.current)
        exchanges[x].upstream = -1
        connections[upstream].exchange = -1
        let client = exchanges[x].client
        let wasChallenged = exchanges[x].state.wasChallenged
        let isBound = wasChallenged || connection.bound == Int32(client)
        if isBound, isReusable { return bind(upstream, to: client, wasChallenged: wasChallenged, &arena) }
        // Without a challenge a client could hold connections of any origin by a header alone.
        switch origins.connections[endpoint].released(
            Int32(upstream), isReusable: isReusable && !exchanges[x].state.isPersonal, now: now)
        {
        case .stays: break
        case .close: closeUpstream(upstream, &arena)
        case .keep:
            connections[upstream].phase = .idle
            connections[upstream].wasUsed = true
            setDeadline(upstream, in: idleTime)
        }
    }

    /// Closes the connections of both attempts, if there are any.
    mutating func dropUpstream(_ x: Int, _ arena: inout BufferArena) {
        if exchanges[x].state.visit.other.isUnderWay {
            let other = exchanges[x].state.visit.other
            exchanges[x].state.visit.other = Attempt()
            drop(other, of: x, &arena)
        }
        dropCurrent(x, &arena)
    }

    /// Closes the current attempt's connection, whatever state it is in.
    mutating func dropCurrent(_ x: Int, _ arena: inout BufferArena) {
        let current = exchanges[x].state.visit.current
        guard current.isUnderWay else { return }
        exchanges[x].upstream = -1
        drop(current, of: x, &arena)
    }

    /// Closes the connection of an attempt that the exchange has forgotten.
    mutating func drop(_ attempt: Attempt, of x: Int, _ arena: inout BufferArena) {
        let upstream = Int(attempt.connection)
        let endpoint = Int(connections[upstream].place)
        if connections[upstream].isBeingOpened {
            origins.connections[endpoint].connectFailed()
        } else {
            origins.connections[endpoint].closed(attempt.connection, whileIdle: false)
        }
        endAttempt(x, attempt)
        closeUpstream(upstream, &arena)
    }

    /// An origin's connection that nobody uses has changed: it was closed, or sent what nobody asked for.
    mutating func idleUpstreamChanged(_ upstream: Int, _ arena: inout BufferArena) {
        guard !connections.isSilent(upstream, &arena) else { return }
        origins.connections[Int(connections[upstream].place)].closed(Int32(upstream), whileIdle: true)
        closeUpstream(upstream, &arena)
    }

    mutating func closeUpstream(_ upstream: Int, _ arena: inout BufferArena) {
        if !connections[upstream].isBeingOpened {
            records.counters.add(to: shared.layout.endpoint(Int(connections[upstream].place), .connectionsClosed))
        }
        let client = Int(connections[upstream].bound)
        if client >= 0, connections[client].bound == Int32(upstream) { connections[client].bound = -1 }
        connections.close(upstream, &arena)
    }
}
