import ApusBalancing
import ApusModel

extension HealthChange {
    /// The change as a line of the timeline, in the words of the balancer's log; nil for what the log leaves out.
    func change(by balancer: Int, of health: PoolHealth, at now: VirtualTime) -> StateChange? {
        switch self {
        case .endpoint(let change):
            guard !change.isExtension else { return nil }
            return StateChange(at: now, balancer: balancer, endpoint: change.endpoint, text: change.text(health))
        case .breaker(let change):
            guard !change.isExtension else { return nil }
            var endpoint: Int?
            if case .endpoint(let index) = change.owner { endpoint = index }
            let text = change.after.words(now: now, clock: \.momentText)
            return StateChange(at: now, balancer: balancer, endpoint: endpoint, text: text)
        case .panic(let change):
            let available = "\(change.available) of \(change.total) endpoints available"
            let text =
                change.isPanicking
                ? "is panicking: \(available), all are used" : "is not panicking any more: \(available)"
            return StateChange(at: now, balancer: balancer, endpoint: nil, text: text)
        }
    }
}

extension StateChange {
    /// What is said of an endpoint that was found up at the start.
    static let firstHealthy = "is healthy"
}

extension EndpointChange {
    fileprivate func text(_ health: PoolHealth) -> String {
        let state = "is \(after.words(clock: \.momentText))"
        switch after {
        case .unhealthy, .ejected: return changesAvailability ? "\(state); \(left(health))" : state
        case .healthy where before == .unknown: return StateChange.firstHealthy
        case .healthy where before != .draining: return "\(state) again: \(cause)"
        case .unknown where cause == .timeIsOver: return "\(state) again: \(cause)"
        case .healthy, .unknown, .joining, .draining, .removed: return "\(state): \(cause)"
        }
    }

    private func left(_ health: PoolHealth) -> String {
        let left = health.servingCount
        return left == 0 ? "no endpoint of the pool is left" : "\(left.text) of \(health.count.text) left"
    }
}
