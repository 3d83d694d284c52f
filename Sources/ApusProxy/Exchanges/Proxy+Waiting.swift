import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Waiting: for a place in a pool, for the pause before a retry, for an attempt's time to be up.
extension Proxy {
    // MARK: The queue

    /// The exchange waits for what no connection will tell, for so many microseconds at most.
    mutating func wait(_ x: Int, for time: Int64) {
        exchanges[x].deadline = .max
        setAlarm(x, in: time)
    }

    /// A request has begun or ceased to wait in the pool's queue.
    mutating func showQueue(of pool: Int) {
        records.counters.set(shared.layout.pool(pool, .queued), to: UInt64(origins.dispatchers[pool].waitingCount))
    }

    /// Something has ended in the pool while requests may wait for a place in it: here, or at another worker.
    mutating func noteRoom(in pool: Int, count: Int) {
        guard origins.rules[pool].hasQueue else { return }
        if origins.dispatchers[pool].waitingCount > 0 {
            for _ in 0..<count { schedule.roomInPools.append(pool) }
        } else if origins.waiting.value(pool) > 0 {
            for mailbox in neighbours.others { mailbox.post(.origins(.roomInPool(pool, epoch: shared.epoch))) }
        }
    }

    /// Sends the requests for which there may be a place now.
    mutating func serveQueues(_ arena: inout BufferArena) {
        while let pool = schedule.changedPools.popLast() {
            // Where the first finds all busy, so do the others.
            for _ in 0..<origins.dispatchers[pool].waitingCount where !serveNext(of: pool, &arena) { break }
        }
        while let pool = schedule.roomInPools.popLast() { _ = serveNext(of: pool, &arena) }
    }

    /// - Returns: whether the one that is next waits no more.
    private mutating func serveNext(of pool: Int, _ arena: inout BufferArena) -> Bool {
        guard let waiting = origins.dispatchers[pool].nextWaiting(now: now) else { return false }
        let x = Int(waiting)
        let choice = choose(x)
        let step = exchanges[x].state.visit.turnCame(choice, &origins, as: waiting)
        if case .staysQueued = step { return false }
        stopWaiting(x)
        if case .start = step {
            records.counters.add(to: shared.layout.pool(pool, .dequeued))
            records.counters.add(
                UInt64(now - exchanges[x].state.visit.queuedAt), to: shared.layout.pool(pool, .queueMicroseconds))
        }
        drive(x, .visit(step), &arena)
        return true
    }

    /// The time for which the exchange may wait in its queue has changed.
    mutating func renewWait(_ x: Int) {
        let end = exchanges[x].state.visit.queuedAt + origins.rules[exchanges[x].pool].queueTimeout
        setAlarm(x, in: max(0, end - now))
    }

    /// The exchange gives its place in its pool's queue up.
    mutating func leaveQueue(_ x: Int) {
        guard exchanges[x].state.visit.leaveQueue(of: &origins, as: Int32(truncatingIfNeeded: x)) else { return }
        stopWaiting(x)
    }

    /// The exchange has left its pool's queue.
    private mutating func stopWaiting(_ x: Int) {
        exchanges[x].alarm = .max
        showQueue(of: exchanges[x].pool)
    }

    // MARK: Alarms

    /// Sets when the present attempt must have been answered, and when a second endpoint is asked.
    mutating func setTryLimits(_ x: Int) {
        let hedgeAfter = origins.rules[exchanges[x].pool].hedgeAfter
        exchanges[x].state.visit.setTryLimits(perTry: perTry(x), hedgeAfter: hedgeAfter, now: now)
        setNextAlarm(x)
    }

    /// The current attempt goes on alone, and has the time left that it had.
    mutating func keepTryLimit(_ x: Int) {
        let perTry = perTry(x)
        guard perTry != .max else { return }
        exchanges[x].state.visit.keepTryLimit(perTry: perTry, now: now)
        setNextAlarm(x)
    }

    private mutating func setNextAlarm(_ x: Int) {
        let next = exchanges[x].state.visit.nextDue
        if next != .max { setAlarm(x, in: next - now) }
    }

    private mutating func setAlarm(_ x: Int, in time: Int64) { schedule.setAlarm(x, at: now + time, &exchanges) }

    mutating func runAlarms(_ arena: inout BufferArena) {
        while let x = schedule.dueAlarm(now: now, &exchanges) { drive(x, ring(x, &arena), &arena) }
    }

    private mutating func ring(_ x: Int, _ arena: inout BufferArena) -> Next {
        switch exchanges[x].state.visit.wait {
        case .queued:
            let step = exchanges[x].state.visit.patienceEnded(&origins, as: Int32(truncatingIfNeeded: x))
            stopWaiting(x)
            return .visit(step)
        case .backoff:
            exchanges[x].state.visit.pauseEnded()
            return attempt(x, &arena)
        case .nothing: return attemptTakesLong(x, &arena)
        }
    }

    private mutating func attemptTakesLong(_ x: Int, _ arena: inout BufferArena) -> Next {
        guard exchanges[x].state.responsePhase == .awaited, exchanges[x].state.visit.current.isUnderWay else {
            return .waits
        }
        var next = Next.waits
        switch exchanges[x].state.visit.takeDue(now: now) {
        case .tryLimit:
            // As long as the request is on its way, the origin is not late.
            if exchanges[x].state.requestIsOver { return triesTimedOut(x, &arena) }
            setTryLimits(x)
        case .hedge: next = hedge(x, &arena)
        case .nothing: break
        }
        setNextAlarm(x)
        return next
    }

    /// Neither the attempt nor the one beside it has been answered in the time that one may take.
    private mutating func triesTimedOut(_ x: Int, _ arena: inout BufferArena) -> Next {
        if exchanges[x].state.visit.other.isUnderWay {
            exchanges[x].state.visit.makeCurrent(exchanges[x].state.visit.other.connection)
            judgeFailure(x, .tooLate)
            dropCurrent(x, &arena)
            _ = exchanges[x].state.visit.promoteOther()
        }
        if connections[exchanges[x].upstream].isBeingOpened {
            return connectTimedOut(x, &arena)
        }
        return .attemptFailed(AttemptFailure(.tryTimedOut, .responseHeadTimeout))
    }
}
