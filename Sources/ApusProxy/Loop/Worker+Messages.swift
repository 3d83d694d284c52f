import ApusBalancing
import ApusExchange
import ApusModel
import ApusTransport

/// Messages: what the control plane and the other workers tell this one, between two events.
extension Worker {
    mutating func hear(_ message: WorkerMessage, _ arena: inout BufferArena) {
        switch message {
        case .setEndpoint(let endpoint, let isAvailable):
            let pool = settings.endpointPool[endpoint]
            origins.dispatchers[pool].setAvailable(endpoint - origins.rules[pool].start, isAvailable, now: now)
            noteRoom(in: pool, count: origins.dispatchers[pool].waitingCount)
        case .setWeight(let endpoint, let weight):
            let pool = settings.endpointPool[endpoint]
            origins.dispatchers[pool].setWeight(endpoint - origins.rules[pool].start, weight, now: now)
        case .setBreaker(.endpoint(let endpoint), let state):
            let pool = settings.endpointPool[endpoint]
            origins.dispatchers[pool].adoptBreaker(of: endpoint - origins.rules[pool].start, state, now: now)
        case .setBreaker(.pool(let pool), let state):
            origins.dispatchers[pool].adoptBreaker(of: nil, state, now: now)
        case .roomInPool(_, let epoch), .sessionLearned(_, _, _, let epoch):
            // The sender may have gone over to a snapshot that comes to this worker a moment later.
            if epoch > shared.epoch { neighbours.earlyMessages.append(message) } else { hearNeighbour(message) }
        case .adopt(let adoption): adopt(adoption, &arena)
        case .census(let taking): taking.report(census())
        case .drain(let time, let isHandingOver): drain(within: time, isHandingOver: isHandingOver, &arena)
        case .answer(let countdown): countdown.arrive()
        // Heard with a hand to read the request again.
        case .decided: break
        case .stop: schedule.isStopped = true
        }
    }

    /// Nobody must wait for a worker that has ended.
    mutating func answerTheLast() {
        for message in neighbours.mailbox.takeAll() {
            switch message {
            case .adopt(let adoption): adoption.arrivals.arrive()
            case .census(let taking): taking.report(Census())
            case .answer(let countdown): countdown.arrive()
            default: break
            }
        }
    }

    /// What an endpoint of a pool is called that was told of before the latest reload; nil for one that is gone.
    private mutating func renamedLately(_ endpoint: Int32, ofPool pool: Int) -> Int32? {
        guard let members = neighbours.latestMembers[pool] else { return endpoint }
        return members.toNew[Int(endpoint)].map { Int32(truncatingIfNeeded: $0) }
    }

    /// What another worker said, perhaps before the latest reload.
    private mutating func hearNeighbour(_ message: WorkerMessage) {
        switch message {
        case .roomInPool(let pool, let epoch):
            // Which pool that was is not worth knowing: it cannot happen often.
            if epoch == shared.epoch { noteRoom(in: pool, count: 1) } else { wakeQueues() }
        case .sessionLearned(let pool, let session, let endpoint, let epoch):
            if epoch == shared.epoch {
                origins.dispatchers[pool].learnSession(session, endpoint: endpoint, now: now)
            } else if epoch == shared.epoch - 1, let pool = neighbours.latestPools?.toNew[pool],
                let endpoint = renamedLately(endpoint, ofPool: pool)
            {
                origins.dispatchers[pool].learnSession(session, endpoint: endpoint, now: now)
            }
        default: break
        }
    }
}
