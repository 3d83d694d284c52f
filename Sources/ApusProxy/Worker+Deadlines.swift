import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusTransport

/// Deadlines: stored in the connection, looked at when the wheel's entry fires.
extension Worker {
    /// Sets when the connection must have proceeded. Later than before costs a store; earlier costs an entry.
    @inline(__always)
    mutating func setDeadline(_ connection: Int, in time: Int64) {
        connections[connection].deadline = now &+ time
        if TimerWheel.tick(for: now &+ time) < connections[connection].armedTick { arm(connection) }
    }

    mutating func arm(_ connection: Int) {
        let token = connections.handle(connection).token
        connections[connection].armedTick = timers.schedule(token, at: connections[connection].deadline)
    }

    mutating func runTimers(_ arena: inout BufferArena) {
        while let (token, tick) = timers.popExpired(now: now) {
            guard token >> 32 != 0 else {
                if token != Self.wakeToken { resumeAccepting(Int(token)) }
                continue
            }
            let handle = SlabHandle(token: token)
            // Stale: the connection is gone, or was armed again for an earlier time.
            guard let connection = connections.index(handle), connections[connection].armedTick == tick else {
                continue
            }
            connections[connection].armedTick = .max
            if connections[connection].deadline > now {
                if connections[connection].deadline != .max { arm(connection) }
            } else {
                expire(connection, &arena)
            }
        }
        if now >= drainDeadline { isStopped = true }
        if !retirements.isEmpty { cutRetired(&arena) }
    }

    private mutating func expire(_ connection: Int, _ arena: inout BufferArena) {
        switch connections[connection].phase {
        case .waiting, .lingering: closeClient(connection, &arena)
        case .readingHead: refuse(connection, .requestHeadTimeout, &arena)
        case .exchanging: exchangeTimedOut(Int(connections[connection].exchange), &arena)
        case .idle:
            origins.connections[Int(connections[connection].place)].idleExpired(Int32(connection))
            closeUpstream(connection, &arena)
        case .held: closeHeld(connection, &arena)
        // Their exchange's client has the deadline.
        case .connecting, .leased, .evicted: break
        }
    }

    /// Whose fault it is depends on what was being waited for.
    private mutating func exchangeTimedOut(_ x: Int, _ arena: inout BufferArena) {
        let other = exchanges[x].visit.other.connection
        if other >= 0, connections[Int(other)].phase == .connecting { exchanges[x].visit.makeCurrent(other) }
        let upstream = exchanges[x].upstream
        if upstream >= 0, connections[upstream].phase == .connecting {
            return connectFailed(x, errno: timedOutErrno, &arena)
        }
        switch exchanges[x].responsePhase {
        case .awaited:
            let originStalls =
                exchanges[x].pipeHolds(.request) || (upstream >= 0 && !connections[upstream].output.isEmpty)
            let waitsForClient = !exchanges[x].requestIsOver && !originStalls && !exchanges[x].awaitsContinue
            if waitsForClient { return answer(x, .requestBodyTimeout, &arena) }
            judgeFailure(x)
            dropUpstream(x, &arena)
            failed(x, .responseHeadTimedOut, .responseHeadTimeout, &arena)
        case .begun, .complete:
            let clientStalls =
                exchanges[x].pipeHolds(.response) || !connections[exchanges[x].client].output.isEmpty
            abort(x, clientStalls ? .clientStalled : .responseBodyTimeout, &arena)
        }
    }
}
