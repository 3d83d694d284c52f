import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusTransport

/// Deadlines: stored where they belong, and looked at when the wheel's entry fires. Exchanges have theirs; those of
/// connections hold while no exchange runs on them.
extension Worker {
    /// Sets when the connection must have proceeded. Later than before costs a store; earlier costs an entry.
    @inline(__always)
    mutating func setDeadline(_ connection: Int, in time: Int64) {
        connections[connection].deadline = now &+ time
        if TimerWheel.tick(for: now &+ time) < connections[connection].armedTick { arm(connection) }
    }

    /// The same of an exchange. The wheel's entry is the slot's, so that an exchange after another costs none.
    @inline(__always)
    mutating func setDeadline(exchange x: Int, in time: Int64) {
        exchanges[x].deadline = now &+ time
        if TimerWheel.tick(for: now &+ time) < schedule.exchangeTicks[x] { armExchange(x) }
    }

    private mutating func arm(_ connection: Int) {
        let token = connections.handle(connection).token
        connections[connection].armedTick = schedule.timers.schedule(token, at: connections[connection].deadline)
    }

    private mutating func armExchange(_ x: Int) {
        schedule.exchangeTicks[x] = schedule.timers.schedule(Self.exchangeTokens + UInt64(x), at: exchanges[x].deadline)
    }

    mutating func runTimers(_ arena: inout BufferArena) {
        while let (token, tick) = schedule.timers.popExpired(now: now) {
            if token >> 32 != 0 { fire(SlabHandle(token: token), tick, &arena) } else { fireOwn(token, tick, &arena) }
        }
        if now >= doors.drainDeadline { schedule.isStopped = true }
        if !doors.retirements.isEmpty { cutRetired(&arena) }
    }

    private mutating func fire(_ handle: SlabHandle, _ tick: Int64, _ arena: inout BufferArena) {
        // Stale: the connection is gone, or was armed again for an earlier time.
        guard let connection = connections.index(handle), connections[connection].armedTick == tick else { return }
        connections[connection].armedTick = .max
        if connections[connection].deadline > now {
            if connections[connection].deadline != .max { arm(connection) }
        } else {
            expire(connection, &arena)
        }
    }

    private mutating func fireOwn(_ token: UInt64, _ tick: Int64, _ arena: inout BufferArena) {
        guard token != Self.wakeToken else { return }
        guard token >= Self.exchangeTokens else { return resumeAccepting(Int(token)) }
        let x = Int(token - Self.exchangeTokens)
        guard schedule.exchangeTicks[x] == tick else { return }
        schedule.exchangeTicks[x] = .max
        guard exchanges.isUsed(x), exchanges[x].deadline != .max else { return }
        if exchanges[x].deadline > now { armExchange(x) } else { drive(x, exchangeTimedOut(x, &arena), &arena) }
    }

    private mutating func expire(_ connection: Int, _ arena: inout BufferArena) {
        switch connections[connection].phase {
        case .waiting, .lingering: closeClient(connection, &arena)
        case .readingHead: refuse(connection, .requestHeadTimeout, &arena)
        case .idle:
            origins.connections[Int(connections[connection].place)].idleExpired(Int32(connection))
            closeUpstream(connection, &arena)
        case .held: closeHeld(connection, &arena)
        // Their exchange has the deadline; the evicted are refused in the next turn.
        case .exchanging, .connecting, .leased, .evicted: break
        }
    }

    private mutating func exchangeTimedOut(_ x: Int, _ arena: inout BufferArena) -> Next {
        let other = exchanges[x].state.visit.other.connection
        if other >= 0, connections[Int(other)].phase == .connecting { exchanges[x].state.visit.makeCurrent(other) }
        let upstream = exchanges[x].upstream
        if upstream >= 0, connections[upstream].phase == .connecting {
            return connectFailed(x, errno: timedOutErrno, &arena)
        }
        return exchanges[x].state.timedOut(
            originStalls: upstream >= 0 && !connections[upstream].output.isEmpty,
            clientStalls: !connections[exchanges[x].client].output.isEmpty)
    }
}
