import ApusBalancing
import ApusExchange
import ApusModel

/// How attempts end, what becomes of their connections, and the deadlines that end them.
extension Simulation {
    /// The response to the current attempt has ended: its connection can be used again.
    mutating func finish(_ x: SlotHandle) {
        let ended = requests[x].visit.current
        let connection = connections.handle(at: ended.connection)
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        let attempt = connections[connection].attempt
        connections[connection].wasUsed = true
        connections[connection].isIdle = true
        let action = balancers[balancer].origins.connections[endpoint].released(
            connection.index, isReusable: true, now: now)
        if action == .close { connections.remove(connection) }
        requests[x].visit.current.connection = -1
        endAttempt(ended, of: x)
        if let attempt { attempts.remove(attempt) }
    }

    /// The current attempt is given up.
    mutating func dropCurrent(_ x: SlotHandle) {
        let ended = requests[x].visit.current
        guard ended.isUnderWay else { return }
        requests[x].visit.current.connection = -1
        drop(ended, of: x)
    }

    mutating func dropOther(_ x: SlotHandle) {
        let ended = requests[x].visit.other
        guard ended.isUnderWay else { return }
        requests[x].visit.other = Attempt()
        drop(ended, of: x)
    }

    /// An attempt that its request has forgotten is given up, and its connection closed. The origin may still be at work on
    /// it.
    mutating func drop(_ ended: Attempt, of x: SlotHandle) {
        let connection = connections.handle(at: ended.connection)
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        guard let attempt = connections[connection].attempt else { return }
        if attempts[attempt].isConnecting {
            balancers[balancer].origins.connections[endpoint].connectFailed()
        } else {
            balancers[balancer].origins.connections[endpoint].closed(connection.index, whileIdle: false)
        }
        connections.remove(connection)
        endAttempt(ended, of: x)
        // What has reached the balancer is over; of all else there will be one more event.
        if arriving == attempt { attempts.remove(attempt) } else { attempts[attempt].isAbandoned = true }
    }

    mutating func endAttempt(_ ended: Attempt, of x: SlotHandle) {
        let (balancer, now) = (requests[x].balancer, now)
        visit(x) { $0.end(ended, at: &$1, now: now) }
        if balancers[balancer].dispatcher.waitingCount > 0 { balancers[balancer].room += 1 }
        observer.saw(
            .attemptEnded(
                request: requests[x].number, balancer: balancer, endpoint: Int(ended.endpoint),
                admitted: ended.admitted, wasJudged: ended.isJudged), at: now)
    }

    /// The reset of a connection whose origin is gone has reached its balancer. One that is busy fails its attempt.
    mutating func connectionLost(_ connection: SlotHandle) {
        guard connections.contains(connection), connections[connection].isIdle else { return }
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        balancers[balancer].origins.connections[endpoint].closed(connection.index, whileIdle: true)
        connections.remove(connection)
    }

    // MARK: - Deadlines

    /// How long that is for requests of the route, in microseconds.
    func length(_ deadline: Deadline, _ route: Int) -> VirtualTime { deadlines[line(deadline, route)].length }

    private func line(_ deadline: Deadline, _ route: Int) -> Int { route * Deadline.allCases.count + deadline.rawValue }

    mutating func setDeadline(_ deadline: Deadline, _ handle: SlotHandle, _ route: Int) {
        let line = line(deadline, route)
        deadlines[line].set(handle, now: now)
        guard !deadlines[line].isArmed else { return }
        deadlines[line].isArmed = true
        events.schedule(.deadlinesDue(deadline, route: Int32(route)), at: now + deadlines[line].length)
    }

    mutating func deadlinesDue(_ deadline: Deadline, route: Int) {
        let line = line(deadline, route)
        while let (due, handle) = deadlines[line].first {
            if due > now, isAwaited(deadline, handle, due) {
                return events.schedule(.deadlinesDue(deadline, route: Int32(route)), at: due)
            }
            deadlines[line].removeFirst()
            guard isAwaited(deadline, handle, due) else { continue }
            switch deadline {
            case .connect:
                makeCurrent(handle)
                connectFailed(attempts[handle].request, .timedOut)
            case .responseHead: responseTimedOut(handle)
            case .perTry, .hedge: tryDue(handle)
            case .queue: queueTimedOut(handle)
            case .look: look(handle)
            }
        }
        deadlines[line].isArmed = false
    }

    /// Whether what the deadline was set for has still not happened.
    private func isAwaited(_ deadline: Deadline, _ handle: SlotHandle, _ due: VirtualTime) -> Bool {
        guard deadline != .connect else {
            return attempts.contains(handle) && !attempts[handle].isAbandoned && attempts[handle].isConnecting
                && attempts[handle].connectDue == due
        }
        guard requests.contains(handle) else { return false }
        let visit = requests[handle].visit
        switch deadline {
        case .queue: return visit.wait == .queued && visit.queuedAt == due - length(.queue, requests[handle].route)
        case .responseHead: return visit.current.isUnderWay && requests[handle].headDue == due
        case .perTry, .hedge: return visit.current.isUnderWay && visit.nextDue <= due
        case .look: return visit.current.isUnderWay && requests[handle].lookDue == due
        case .connect: return false
        }
    }
}
