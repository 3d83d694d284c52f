public import ApusBalancing
public import ApusHTTP

/// Waiting: a request for which there is no place may wait for one in the queue of its pool.
extension PoolVisit {
    /// Has the request wait for a place, if the pool has a queue and there is room in it.
    @inlinable
    mutating func queue<Counts>(in origins: inout Origins<Counts>, as handle: Int32, now: Int64) -> Step {
        guard origins.rules[pool].hasQueue else { return .refuse(lastFailure ?? .poolSaturated) }
        guard origins.dispatchers[pool].enqueue(handle, now: now) else { return .refuse(.queueFull) }
        origins.waiting.add(1, to: pool)
        waiting = .queued
        queuedSince = now
        forgetPassedOver()
        return .queue(for: origins.rules[pool].queueTimeout)
    }

    /// The request's turn has come: something has ended in the pool.
    ///
    /// - Parameter choice: what `choose` said.
    @inlinable
    public mutating func turnCame<Counts>(
        _ choice: Choice, _ origins: inout Origins<Counts>, as handle: Int32
    ) -> Step {
        switch choice {
        case .endpoint(let endpoint, let lease):
            leaveQueue(of: &origins, as: handle)
            return .start(endpoint: endpoint, lease)
        case .saturated:
            forgetPassedOver()
            return .staysQueued
        case .none(let reason):
            // Nobody is left to wait for.
            leaveQueue(of: &origins, as: handle)
            return .refuse(reason)
        }
    }

    /// The time for which a request may wait is over.
    @inlinable
    public mutating func patienceEnded<Counts>(_ origins: inout Origins<Counts>, as handle: Int32) -> Step {
        leaveQueue(of: &origins, as: handle)
        return .refuse(.queueTimeout)
    }

    /// The request waits no more: it has a place, its client has left, or the pool has no queue any more.
    ///
    /// - Returns: whether it was in the queue.
    @discardableResult @inlinable
    public mutating func leaveQueue<Counts>(of origins: inout Origins<Counts>, as handle: Int32) -> Bool {
        guard waiting == .queued else { return false }
        waiting = .nothing
        origins.dispatchers[pool].leaveQueue(handle)
        origins.waiting.add(-1, to: pool)
        return true
    }

    /// Endpoints were passed over because they were busy, which they need not be when the request's turn comes.
    @inlinable
    mutating func forgetPassedOver() {
        if attempts == 0 { tried = TriedEndpoints() }
    }
}
