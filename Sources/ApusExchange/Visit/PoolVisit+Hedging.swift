public import ApusBalancing

/// Hedging: a second endpoint is asked as well when the first takes long, and whichever answers first wins.
extension PoolVisit {
    /// Asks a second endpoint as well, if the pool's rules and the budget allow it and there is one with a place. Not of what was
    /// sent twice already.
    ///
    /// - Parameter route: the rules of the request's route; nil for the pool's.
    /// - Returns: where it goes: `begin` an attempt there, which is the current one then.
    @inlinable
    public mutating func hedge<Counts>(
        _ request: Request, by route: RouteRetries?, _ origins: inout Origins<Counts>, now: Int64
    ) -> (endpoint: Int, lease: UpstreamConnectionPool.LeaseAction)? {
        guard request.isRepeatable, !wasRepeated, origins.dispatchers[pool].hedges else { return nil }
        return ask(request, by: route, &origins, now: now)
    }

    /// The same of a safe request that waits at an endpoint that is out of use by now, whatever the pool's rules say of
    /// hedging. Once: two origins get it at most.
    public mutating func rescue<Counts>(
        _ request: Request, by route: RouteRetries?, _ origins: inout Origins<Counts>, now: Int64
    ) -> (endpoint: Int, lease: UpstreamConnectionPool.LeaseAction)? {
        guard request.isSafe, !wasRepeated, let other = ask(request, by: route, &origins, now: now) else { return nil }
        wasRepeated = true
        return other
    }

    @inlinable
    mutating func ask<Counts>(
        _ request: Request, by route: RouteRetries?, _ origins: inout Origins<Counts>, now: Int64
    ) -> (endpoint: Int, lease: UpstreamConnectionPool.LeaseAction)? {
        guard request.isKept, !other.isUnderWay, !holdsBudget,
            origins.dispatchers[pool].mayAskAnother(progress(request), by: route?.policy, now: now)
        else { return nil }
        holdsBudget = true
        mayReturn = false
        guard case .endpoint(let endpoint, let lease) = choose(from: &origins, now: now) else {
            giveBackBudget(to: &origins)
            return nil
        }
        other = current
        return (endpoint, lease)
    }

    /// Something happened on one of the two connections: its attempt is the current one from now on.
    @inlinable @inline(__always)
    public mutating func makeCurrent(_ connection: Int32) {
        guard current.connection != connection else { return }
        swap(&current, &other)
    }

    /// The current attempt has ended: the other, if there is one, goes on alone.
    ///
    /// - Returns: whether there is one.
    @inlinable
    public mutating func promoteOther() -> Bool {
        guard other.isUnderWay else { return false }
        current = other
        other = Attempt()
        return true
    }

    /// The current attempt is answered first: the other is given up. The caller must close its connection and say `end`.
    ///
    /// - Returns: the other, and whether the current one was the hedge.
    @inlinable
    public mutating func win() -> (loser: Attempt, wasHedge: Bool)? {
        guard other.isUnderWay else { return nil }
        let loser = other
        other = Attempt()
        return (loser, loser.started < current.started)
    }
}
