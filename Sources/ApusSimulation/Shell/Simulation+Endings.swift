import ApusBalancing
import ApusModel

/// How attempts end, what becomes of their connections, and the deadlines that end them.
extension Simulation {
    /// The attempt's response has ended: its connection can be used again.
    mutating func finish(_ attempt: SlotHandle) {
        let connection = attempts[attempt].connection
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        connections[connection].wasUsed = true
        connections[connection].isIdle = true
        if balancers[balancer].upstreams[endpoint].released(connection.index, isReusable: true) == .close {
            connections.remove(connection)
        }
        endAttempt(attempt)
        attempts.remove(attempt)
    }

    /// The attempt is given up, and its connection closed. The origin may still be at work on it.
    mutating func drop(_ attempt: SlotHandle) {
        let connection = attempts[attempt].connection
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        if attempts[attempt].isConnecting {
            balancers[balancer].upstreams[endpoint].connectFailed()
        } else {
            balancers[balancer].upstreams[endpoint].closed(connection.index, whileIdle: false)
        }
        connections.remove(connection)
        endAttempt(attempt)
        // What has reached the balancer is over; of all else there will be one more event.
        if hasArrived(attempt) { attempts.remove(attempt) } else { attempts[attempt].isAbandoned = true }
    }

    /// Whether the event that is being handled is the last one about the attempt.
    private func hasArrived(_ attempt: SlotHandle) -> Bool { arriving == attempt }

    private mutating func endAttempt(_ attempt: SlotHandle) {
        let (x, balancer, endpoint) = (
            attempts[attempt].request, attempts[attempt].balancer, attempts[attempt].endpoint
        )
        if requests[x].first == attempt { requests[x].first = nil }
        if requests[x].hedge == attempt { requests[x].hedge = nil }
        let wasJudged = attempts[attempt].isJudged
        balancers[balancer].attemptEnded(
            endpoint, wasJudged: wasJudged, admitted: attempts[attempt].admitted, now: now)
        observer.saw(
            .attemptEnded(
                request: requests[x].number, balancer: balancer, endpoint: endpoint,
                admitted: attempts[attempt].admitted,
                wasJudged: wasJudged), at: now)
        if !requests[x].isInFlight { giveBackBudget(x) }
    }

    /// The reset of a connection whose origin is gone has reached its balancer. One that is busy fails its attempt.
    mutating func connectionLost(_ connection: SlotHandle) {
        guard connections.contains(connection), connections[connection].isIdle else { return }
        let (balancer, endpoint) = (connections[connection].balancer, connections[connection].endpoint)
        balancers[balancer].upstreams[endpoint].closed(connection.index, whileIdle: true)
        connections.remove(connection)
    }

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
            case .connect: connectFailed(handle, .connectTimedOut)
            case .responseHead: responseTimedOut(handle)
            case .perTry: triesTimedOut(handle)
            case .hedge: hedge(handle)
            case .queue: queueTimedOut(handle)
            }
        }
        deadlines[deadline.rawValue].isArmed = false
    }

    /// Whether what the deadline was set for has still not happened.
    private func isAwaited(_ deadline: Deadline, _ handle: SlotHandle) -> Bool {
        guard deadline != .queue else { return requests.contains(handle) && requests[handle].isQueued }
        guard attempts.contains(handle), !attempts[handle].isAbandoned else { return false }
        switch deadline {
        case .connect: return attempts[handle].isConnecting
        // The time begins anew when a second endpoint is asked.
        case .perTry: return attempts[handle].sentAt == requests[attempts[handle].request].lastSent
        case .responseHead, .hedge, .queue: return true
        }
    }
}
