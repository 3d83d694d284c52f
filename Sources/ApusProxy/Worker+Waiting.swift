import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// Waiting: for a place in a pool, for the pause before a retry, for an attempt's time to be up.
extension Worker {
    // MARK: The queue

    /// The exchange finds no place: it waits for one, if it may.
    mutating func notChosen(_ x: Int, _ choice: EndpointChoice, _ arena: inout BufferArena) {
        if case .none(let reason) = choice { return noAnswer(x, reason, &arena) }
        // Found again when its turn came: it keeps its place.
        guard exchanges[x].wait != .queued else { return }
        let pool = exchanges[x].pool
        guard settings.pools[pool].hasQueue else {
            return noAnswer(x, exchanges[x].lastFailure ?? .poolSaturated, &arena)
        }
        guard dispatchers[pool].enqueue(Int32(truncatingIfNeeded: x), now: now) else {
            return noAnswer(x, .queueFull, &arena)
        }
        shared.waiting.add(1, to: pool)
        counters.set(shared.layout.pool(pool, .queued), to: UInt64(dispatchers[pool].waitingCount))
        exchanges[x].wait = .queued
        exchanges[x].queued = now
        // Endpoints were passed over because they were busy, which they need not be when its turn comes.
        if exchanges[x].attempts == 0 { exchanges[x].tried = TriedEndpoints() }
        connections[exchanges[x].client].deadline = .max
        setAlarm(x, in: settings.pools[pool].queueTimeout)
    }

    /// The exchange waits no more: it has a place, its time is up, or its client has left.
    mutating func leaveQueue(_ x: Int) {
        guard exchanges[x].wait == .queued else { return }
        let pool = exchanges[x].pool
        exchanges[x].wait = .none
        exchanges[x].alarm = .max
        dispatchers[pool].leaveQueue(Int32(truncatingIfNeeded: x))
        shared.waiting.add(-1, to: pool)
        counters.set(shared.layout.pool(pool, .queued), to: UInt64(dispatchers[pool].waitingCount))
    }

    /// Something has ended in the pool while requests may wait for a place in it: here, or at another worker.
    mutating func noteRoom(in pool: Int, count: Int) {
        guard settings.pools[pool].hasQueue else { return }
        if dispatchers[pool].waitingCount > 0 {
            for _ in 0..<count { roomInPools.append(pool) }
        } else if shared.waiting.value(pool) > 0 {
            for mailbox in others { mailbox.post(.roomInPool(pool, epoch: shared.epoch)) }
        }
    }

    /// Sends the requests for which there may be a place now.
    mutating func serveQueues(_ arena: inout BufferArena) {
        while let pool = roomInPools.popLast() {
            guard let waiting = dispatchers[pool].nextWaiting(now: now) else { continue }
            let x = Int(waiting)
            let choice = chooseEndpoint(x)
            guard case .endpoint(let endpoint, let lease) = choice else {
                stillWaits(x, choice, &arena)
                continue
            }
            leaveQueue(x)
            counters.add(to: shared.layout.pool(pool, .dequeued))
            counters.add(UInt64(now - exchanges[x].queued), to: shared.layout.pool(pool, .queueMicroseconds))
            start(lease, x, endpoint, &arena)
        }
    }

    /// The exchange's turn came and there is no place for it after all.
    private mutating func stillWaits(_ x: Int, _ choice: EndpointChoice, _ arena: inout BufferArena) {
        if exchanges[x].attempts == 0 { exchanges[x].tried = TriedEndpoints() }
        guard case .none(let reason) = choice else { return }
        // Nobody is left to wait for.
        leaveQueue(x)
        noAnswer(x, reason, &arena)
    }

    // MARK: Alarms

    /// Has the exchange wait before its next attempt.
    mutating func pauseFor(_ x: Int, _ pause: Int64) {
        exchanges[x].wait = .backoff
        connections[exchanges[x].client].deadline = .max
        setAlarm(x, in: pause)
    }

    /// Sets when the present attempt must have been answered, and when a second endpoint is asked.
    mutating func setTryLimits(_ x: Int) {
        let rules = settings.pools[exchanges[x].pool]
        let perTry = perTry(x)
        exchanges[x].tryDeadline = perTry == .max ? .max : now + perTry
        let isFirst = exchanges[x].attempts == 1
        exchanges[x].hedgeTime = isFirst && rules.hedgeAfter != .max ? now + rules.hedgeAfter : .max
        setNextAlarm(x)
    }

    /// The current attempt goes on alone, and has the time left that it had.
    mutating func keepTryLimit(_ x: Int) {
        let perTry = perTry(x)
        guard perTry != .max else { return }
        exchanges[x].tryDeadline = max(now, exchanges[x].current.started + perTry)
        setNextAlarm(x)
    }

    private mutating func setNextAlarm(_ x: Int) {
        let next = min(exchanges[x].tryDeadline, exchanges[x].hedgeTime)
        if next != .max { setAlarm(x, in: next - now) }
    }

    private mutating func setAlarm(_ x: Int, in time: Int64) {
        exchanges[x].alarm = now + time
        if TimerWheel.tick(for: now + time, shift: TimerWheel.fine) < exchanges[x].alarmTick { armAlarm(x) }
    }

    private mutating func armAlarm(_ x: Int) {
        let handle = exchanges.handle(x)
        let token = UInt64(handle.generation) << 32 | UInt64(UInt32(bitPattern: handle.index))
        exchanges[x].alarmTick = alarms.schedule(token, at: exchanges[x].alarm)
    }

    mutating func runAlarms(_ arena: inout BufferArena) {
        while let (token, tick) = alarms.popExpired(now: now) {
            let handle = SlabHandle(
                index: Int32(truncatingIfNeeded: token), generation: UInt32(truncatingIfNeeded: token >> 32))
            guard let x = exchanges.index(handle), exchanges[x].alarmTick == tick else { continue }
            exchanges[x].alarmTick = .max
            if exchanges[x].alarm > now {
                if exchanges[x].alarm != .max { armAlarm(x) }
            } else {
                exchanges[x].alarm = .max
                ring(x, &arena)
            }
        }
    }

    private mutating func ring(_ x: Int, _ arena: inout BufferArena) {
        switch exchanges[x].wait {
        case .queued:
            leaveQueue(x)
            noAnswer(x, .queueTimeout, &arena)
        case .backoff:
            exchanges[x].wait = .none
            attempt(x, &arena)
        case .none: attemptTakesLong(x, &arena)
        }
    }

    private mutating func attemptTakesLong(_ x: Int, _ arena: inout BufferArena) {
        guard exchanges[x].responsePhase == .awaited, exchanges[x].current.isUnderWay else { return }
        if exchanges[x].tryDeadline <= now {
            // As long as the request is on its way, the origin is not late.
            guard exchanges[x].requestIsOver else { return setTryLimits(x) }
            exchanges[x].tryDeadline = .max
            return triesTimedOut(x, &arena)
        }
        if exchanges[x].hedgeTime <= now {
            exchanges[x].hedgeTime = .max
            let handle = exchanges.handle(x)
            hedge(x, &arena)
            guard exchanges.index(handle) != nil else { return }
        }
        setNextAlarm(x)
    }

    /// Neither the attempt nor the one beside it has been answered in the time that one may take.
    private mutating func triesTimedOut(_ x: Int, _ arena: inout BufferArena) {
        if exchanges[x].other.isUnderWay {
            makeCurrent(Int(exchanges[x].other.upstream), of: x)
            judgeFailure(x)
            dropCurrent(x, &arena)
            _ = promoteOther(x)
        }
        if connections[exchanges[x].upstream].phase == .connecting {
            return connectFailed(x, errno: timedOutErrno, &arena)
        }
        attemptFailed(x, .tryTimedOut, .responseHeadTimeout, &arena)
    }
}
