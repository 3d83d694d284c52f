import ApusBalancing
import ApusExchange
import ApusModel
import ApusTransport

/// What the control plane and the other workers say of pools and endpoints.
extension Proxy {
    mutating func hear(_ message: OriginsMessage) {
        switch message {
        case .setEndpoint(let endpoint, let isAvailable):
            let pool = settings.endpointPool[endpoint]
            origins.dispatchers[pool].setAvailable(endpoint - origins.rules[pool].start, isAvailable, now: now)
            schedule.noteChange(in: pool, origins)
        case .setWeight(let endpoint, let weight):
            let pool = settings.endpointPool[endpoint]
            origins.dispatchers[pool].setWeight(endpoint - origins.rules[pool].start, weight, now: now)
            schedule.noteChange(in: pool, origins)
        case .setBreaker(.endpoint(let endpoint), let state):
            let pool = settings.endpointPool[endpoint]
            origins.dispatchers[pool].adoptBreaker(of: endpoint - origins.rules[pool].start, state, now: now)
            schedule.noteChange(in: pool, origins)
        case .setBreaker(.pool(let pool), let state):
            origins.dispatchers[pool].adoptBreaker(of: nil, state, now: now)
            schedule.noteChange(in: pool, origins)
        case .roomInPool(_, let epoch), .sessionLearned(_, _, _, let epoch):
            // The sender may have gone over to a snapshot that comes to this worker a moment later.
            if epoch > shared.epoch { neighbours.earlyMessages.append(message) } else { hearNeighbour(message) }
        }
    }

    /// What another worker said, perhaps before the latest reload.
    private mutating func hearNeighbour(_ message: OriginsMessage) {
        switch message {
        case .roomInPool(let pool, let epoch):
            // Which pool that was is not worth knowing: it cannot happen often.
            if epoch == shared.epoch { noteRoom(in: pool, count: 1) } else { schedule.wakeQueues(origins) }
        case .sessionLearned(let pool, let session, let endpoint, let epoch):
            if epoch == shared.epoch {
                origins.dispatchers[pool].learnSession(session, endpoint: endpoint, now: now)
            } else if epoch == shared.epoch - 1, let pool = neighbours.latestPools?.toNew[pool],
                let endpoint = neighbours.renamedLately(endpoint, ofPool: pool)
            {
                origins.dispatchers[pool].learnSession(session, endpoint: endpoint, now: now)
            }
        case .setEndpoint, .setWeight, .setBreaker: break
        }
    }
}
