import ApusBalancing
import ApusModel

/// The origins' side: what reaches them, what they answer, and what is done to them.
extension Simulation {
    private var delay: VirtualTime { scenario.origins.networkDelay }

    mutating func connectReachedOrigin(_ attempt: SlotHandle) {
        switch origins[attempts[attempt].endpoint].mode {
        case .unreachable: return
        case .dead: attempts[attempt].fate = .refused
        // The system accepts for a process that hangs.
        case .serving, .hung: break
        }
        events.schedule(.connectEnded(attempt), at: now + delay)
    }

    mutating func requestReachedOrigin(_ attempt: SlotHandle) {
        let origin = attempts[attempt].endpoint
        let connection = attempts[attempt].connection
        // A process that has been started anew knows nothing of its predecessor's connections.
        if connections.contains(connection), connections[connection].isDead {
            return seal(attempt, .reset)
        }
        switch origins[origin].received(attempt, luck: attempts[attempt].luck) {
        case .starts: startWork(attempt, at: origin)
        case .waits: break
        case .lost:
            attempts[attempt].isLost = true
            observer.saw(.lost(request: number(attempt)), at: now)
        case .error: seal(attempt, .answered(status: 503))
        case .reset: seal(attempt, .reset)
        }
    }

    /// The number of the attempt's request; nil when that has forgotten it.
    private func number(_ attempt: SlotHandle) -> Int? {
        attempts[attempt].isAbandoned ? nil : requests[attempts[attempt].request].number
    }

    private mutating func startWork(_ attempt: SlotHandle, at origin: Int) {
        let duration = origins[origin].duration(of: attempts[attempt].demand)
        events.schedule(.workEnded(attempt, origin: Int32(origin)), at: now + duration)
    }

    mutating func workEnded(_ attempt: SlotHandle, at origin: Int) {
        // Killed at work: the connection has been reset.
        guard attempts.contains(attempt), case .pending = attempts[attempt].fate else { return }
        if origins[origin].workEnded(attempt) { seal(attempt, .answered(status: 200)) }
        startWaiting(at: origin)
    }

    private mutating func startWaiting(at origin: Int) {
        while let next = origins[origin].takeWaiting() { startWork(next, at: origin) }
    }

    /// What became of the attempt at the origin is on its way to the balancer.
    private mutating func seal(_ attempt: SlotHandle, _ fate: SimulatedAttempt.Fate) {
        attempts[attempt].fate = fate
        events.schedule(.fateReachedBalancer(attempt), at: now + delay)
    }

    // MARK: - Faults

    mutating func strike(_ fault: Fault, index: Int32) {
        let origin = fault.endpoint
        switch fault.kind {
        case .kill:
            note(fault)
            kill(origin)
        case .hang:
            note(fault)
            origins[origin].hang()
        case .cutOff:
            note(fault)
            origins[origin].cutOff()
        case .slow(let factor):
            note(fault)
            origins[origin].slowness = factor
        case .errors(let share):
            note(fault)
            origins[origin].errorShare = share
        case .revive:
            note(fault)
            revive(origin)
        case .flap(let period):
            guard isStillFlapping(fault) else { return }
            if now == fault.at { note(fault) }
            if origins[origin].mode == .serving { kill(origin) } else { revive(origin) }
            events.schedule(.fault(index), at: now + period)
        }
    }

    /// Whether nothing else has been done to the origin since it began to flap.
    private func isStillFlapping(_ fault: Fault) -> Bool {
        !scenario.faults.contains { $0.endpoint == fault.endpoint && $0.at > fault.at && $0.at <= now }
    }

    private mutating func note(_ fault: Fault) {
        statistics.changes.append(
            StateChange(at: now, balancer: nil, endpoint: fault.endpoint, text: "\(fault.kind)"))
    }

    mutating func note(_ shortage: MachineShortage) {
        statistics.changes.append(
            StateChange(at: now, balancer: nil, endpoint: shortage.endpoint, text: shortage.text))
    }

    private mutating func kill(_ origin: Int) {
        for attempt in origins[origin].kill() { seal(attempt, .reset) }
        for connection in connections.handles where connections[connection].endpoint == origin {
            connections[connection].isDead = true
            events.schedule(.connectionLost(connection), at: now + delay)
        }
    }

    private mutating func revive(_ origin: Int) {
        for attempt in origins[origin].revive() { seal(attempt, .answered(status: 200)) }
        startWaiting(at: origin)
    }
}
