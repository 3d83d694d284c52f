import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Endings: of connections, and of the worker.
extension Worker {
    // MARK: Upstream connections

    /// The exchange needs its origin's connection no more: back to the pool, if it is fit for another.
    mutating func releaseUpstream(_ x: Int, _ arena: inout BufferArena) {
        let upstream = exchanges[x].upstream
        guard upstream >= 0 else { return }
        if connections[upstream].isReadable { checkSilence(x, upstream, &arena) }
        let connection = connections[upstream]
        let isReusable =
            exchanges[x].state.upstreamKeepsAlive && exchanges[x].state.requestWasForwarded && connection.output.isEmpty
            && connection.input.isEmpty && !connection.isReadable && !connection.peerClosed && !connection.isBroken
        let endpoint = Int(connection.place)
        endAttempt(x, exchanges[x].state.visit.current)
        exchanges[x].upstream = -1
        connections[upstream].exchange = -1
        let client = exchanges[x].client
        let isBound = exchanges[x].state.wasChallenged || connections[client].bound == Int32(upstream)
        if isBound, isReusable { return bind(upstream, to: client, &arena) }
        // Without a challenge a client could hold connections of any origin by a header alone.
        switch origins.connections[endpoint].released(
            Int32(upstream), isReusable: isReusable && !exchanges[x].state.isPersonal)
        {
        case .close: closeUpstream(upstream, &arena)
        case .keep:
            connections[upstream].phase = .idle
            connections[upstream].wasUsed = true
            setDeadline(upstream, in: settings.endpointIdle[endpoint])
        }
    }

    /// The last read took exactly what was asked for, so that there may or may not be more. Bytes that nobody asked for
    /// would be taken for the next response.
    private mutating func checkSilence(_ x: Int, _ upstream: Int, _ arena: inout BufferArena) {
        guard connections[upstream].input.isEmpty, case .nothing = receive(upstream, &arena) else {
            exchanges[x].state.upstreamKeepsAlive = false
            return
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
        if connections[upstream].phase == .connecting {
            origins.connections[endpoint].connectFailed()
        } else {
            origins.connections[endpoint].closed(attempt.connection, whileIdle: false)
        }
        endAttempt(x, attempt)
        closeUpstream(upstream, &arena)
    }

    /// An origin's connection that nobody uses has changed: it was closed, or sent what nobody asked for.
    mutating func idleUpstreamChanged(_ upstream: Int, _ arena: inout BufferArena) {
        let connection = connections[upstream]
        guard connection.isReadable || connection.peerClosed || connection.isBroken else { return }
        origins.connections[Int(connection.place)].closed(Int32(upstream), whileIdle: true)
        closeUpstream(upstream, &arena)
    }

    mutating func closeUpstream(_ upstream: Int, _ arena: inout BufferArena) {
        if connections[upstream].phase != .connecting {
            counters.add(to: shared.layout.endpoint(Int(connections[upstream].place), .connectionsClosed))
        }
        if connections[upstream].bound >= 0 { connections[Int(connections[upstream].bound)].bound = -1 }
        giveBackBuffers(upstream, &arena)
        links.close(&connections[upstream].link)
        connections.remove(upstream)
    }

    // MARK: Client connections

    mutating func closeClient(_ client: Int, _ arena: inout BufferArena) {
        forgetClient(client, &arena)
        links.close(&connections[client].link)
        connections.remove(client)
    }

    mutating func forgetClient(_ client: Int, _ arena: inout BufferArena) {
        let listener = Int(connections[client].place)
        if connections[client].phase == .lingering { lingererCount -= 1 }
        if connections[client].bound >= 0 { closeHeld(Int(connections[client].bound), &arena) }
        giveBackBuffers(client, &arena)
        shared.clients.add(-1, to: listener)
        counters.add(to: shared.layout.listener(listener, .connectionsClosed))
        clientCount -= 1
        if isDraining, clientCount == 0 { isStopped = true }
    }

    private mutating func giveBackBuffers(_ connection: Int, _ arena: inout BufferArena) {
        arena.giveBack(connections[connection].input.handle)
        arena.giveBack(connections[connection].output.handle)
        connections[connection].input = Stretch()
        connections[connection].output = Stretch()
    }

    /// Ends the connection from this side and reads on for a while: closing with unread bytes would reset it, and the
    /// client might lose the response that says why (RFC 9112 section 9.6).
    mutating func linger(_ client: Int, _ arena: inout BufferArena) {
        connections[client].phase = .lingering
        lingererCount += 1
        let isLong = lingererCount <= settings.lingerers
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

    // MARK: The worker

    mutating func drain(within time: Int64, isHandingOver: Bool, _ arena: inout BufferArena) {
        guard !isDraining else { return }
        drainDeadline = now + time
        for place in listeners.indices { close(place, acceptingQueue: !isHandingOver, &arena) }
        dismissIdleClients(of: nil, &arena)
        if clientCount == 0 { isStopped = true }
        // Wakes the loop in time even when nothing else does.
        timers.schedule(Self.wakeToken, at: drainDeadline)
    }

    /// Whether clients of that listener are to go when they have what they asked for.
    mutating func isLeaving(_ listener: Int) -> Bool { isDraining || settings.listenerIsRetired[listener] }

    /// How long a connection must have been idle to be closed under a client: one that sends request after request has its
    /// next on the way, and is told with the response to it.
    private static var quietTime: Int64 { 1_000_000 }

    /// Ends the connections of clients that have no request under way: those of one listener, or all.
    mutating func dismissIdleClients(of listener: Int?, _ arena: inout BufferArena) {
        for connection in 0..<connections.indexBound where connections.isUsed(connection) {
            let isIdle = connections[connection].phase == .waiting && !connections[connection].isReadable
            guard isIdle, connections[connection].input.isEmpty,
                listener == nil || Int(connections[connection].place) == listener
            else { continue }
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
        if let x = exchanges.index(handle) { drive(x, .reset(.drainDeadline), &arena) }
    }

    mutating func closeEverything(_ arena: inout BufferArena) {
        for place in listeners.indices { close(place, acceptingQueue: false, &arena) }
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
}
