import ApusBalancing
import ApusModel

/// How attempts end: deadlines, connections given back, budgets freed.
extension Simulation {
    // MARK: - Deadlines

    mutating func setDeadline(_ deadline: Deadline, _ handle: SlotHandle) {
        deadlines[deadline.rawValue].set(handle, now: now)
        guard !deadlines[deadline.rawValue].isArmed else { return }
        deadlines[deadline.rawValue].isArmed = true
        events.schedule(.deadlinesDue(deadline), at: now + deadlines[deadline.rawValue].length)
    }

    mutating func deadlinesDue(_ deadline: Deadline) {
        while let (due, handle) = deadlines[deadline.rawValue].first {
            if due > now, isAwaited(deadline, handle) {
                return events.schedule(.deadlinesDue(deadline), at: due)
            }
            deadlines[deadline.rawValue].removeFirst()
            guard isAwaited(deadline, handle) else { continue }
            switch deadline {
            case .connect: connectTimedOut(handle)
            case .responseHead: responseTimedOut(handle, .responseHeadTimedOut)
            case .perTry: responseTimedOut(handle, .tryTimedOut)
            case .hedge: hedge(handle)
            case .queue: queueTimedOut(handle)
            }
        }
        deadlines[deadline.rawValue].isArmed = false
    }

    /// Whether what the deadline was set for has still not happened.
    private func isAwaited(_ deadline: Deadline, _ handle: SlotHandle) -> Bool {
        guard deadline != .queue else { return requests.contains(handle) && requests[handle].isWaiting }
        guard attempts.contains(handle), !attempts[handle].isAbandoned else { return false }
        return deadline != .connect || attempts[handle].isConnecting
    }

    /// The second endpoint of a request that takes long.
    private mutating func hedge(_ attempt: SlotHandle) {
        let x = attempts[attempt].request
        let balancer = requests[x].balancer
        guard requests[x].hedge == nil, requests[x].isIdempotent,
            balancers[balancer].dispatcher.mayHedge(requests[x].progress, now: now)
        else { return }
        requests[x].isBudgeted = true
        requests[x].mayReturn = false
        statistics.hedges += 1
        self.attempt(x, isHedge: true)
    }

    // MARK: - Endings

    /// The attempt is no longer in flight at its endpoint; nothing more will be heard of it.
    mutating func endAttempt(_ attempt: SlotHandle, wasJudged: Bool) {
        leaveEndpoint(attempt, wasJudged: wasJudged)
        attempts.remove(attempt)
    }

    /// The balancer waits for the attempt no longer; the origin may still be at work on it.
    mutating func abandon(_ attempt: SlotHandle, wasJudged: Bool = false) {
        attempts[attempt].isAbandoned = true
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        if attempts[attempt].isConnecting {
            balancers[balancer].connectFailed(endpoint)
            connections.remove(attempts[attempt].connection)
        } else {
            drop(attempts[attempt].connection)
        }
        leaveEndpoint(attempt, wasJudged: wasJudged)
    }

    private mutating func leaveEndpoint(_ attempt: SlotHandle, wasJudged: Bool) {
        let (x, balancer, endpoint) = (
            attempts[attempt].request, attempts[attempt].balancer, attempts[attempt].endpoint
        )
        if requests[x].first == attempt { requests[x].first = nil }
        if requests[x].hedge == attempt { requests[x].hedge = nil }
        balancers[balancer].attemptEnded(endpoint, wasJudged: wasJudged, now: now)
        if attempts[attempt].isBudgeted { balancers[balancer].dispatcher.retryEnded() }
        observer.saw(
            .attemptEnded(
                request: requests[x].number, balancer: balancer, endpoint: endpoint,
                isBudgeted: attempts[attempt].isBudgeted), at: now)
    }

    /// The attempt that the budget allowed was not made.
    mutating func dropBudget(_ x: SlotHandle) {
        guard requests[x].isBudgeted else { return }
        requests[x].isBudgeted = false
        balancers[requests[x].balancer].dispatcher.retryEnded()
    }

    // MARK: - Connections

    /// The exchange on the connection is over, and nothing is wrong with it.
    mutating func release(_ connection: SlotHandle) {
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        connections[connection].wasUsed = true
        connections[connection].isIdle = true
        if !balancers[balancer].released(connection, of: endpoint) { connections.remove(connection) }
    }

    /// The connection of an exchange is closed.
    mutating func drop(_ connection: SlotHandle) {
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        balancers[balancer].closed(connection, of: endpoint, whileIdle: false)
        connections.remove(connection)
    }

    /// The reset of a connection whose origin is gone has reached its balancer. One that is busy fails its attempt.
    mutating func connectionLost(_ connection: SlotHandle) {
        guard connections.contains(connection), connections[connection].isIdle else { return }
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        balancers[balancer].closed(connection, of: endpoint, whileIdle: true)
        connections.remove(connection)
    }
}
