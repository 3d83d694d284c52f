public import ApusBalancing
public import ApusHTTP

/// Choosing: which endpoint is asked next, and over which connection.
extension PoolVisit {
    /// Where the next attempt goes.
    @frozen
    public enum Choice: Sendable {
        /// To that endpoint; the place is counted, and a connection is leased, or is to be opened.
        case endpoint(Int, UpstreamConnectionPool.LeaseAction)
        /// All that could take it have as much as they may have.
        case saturated
        case none(Reason)
    }

    /// Chooses an endpoint for the next attempt, and has it wait where there is no place.
    ///
    /// - Parameter handle: the name by which the request would wait in the queue.
    @inlinable @inline(__always)
    public mutating func seek<Counts>(_ origins: inout Origins<Counts>, as handle: Int32, now: Int64) -> Step {
        settle(choose(from: &origins, now: now), &origins, as: handle, now: now)
    }

    /// What follows a choice that was made outside of the queue.
    @inlinable @inline(__always)
    public mutating func settle<Counts>(
        _ choice: Choice, _ origins: inout Origins<Counts>, as handle: Int32, now: Int64
    ) -> Step {
        switch choice {
        case .endpoint(let endpoint, let lease): .start(endpoint: endpoint, lease)
        case .saturated: queue(in: &origins, as: handle, now: now)
        case .none(let reason): .refuse(reason)
        }
    }

    /// Chooses an endpoint and counts the attempt, which the caller must begin.
    @inlinable
    public mutating func choose<Counts>(from origins: inout Origins<Counts>, now: Int64) -> Choice {
        let rules = origins.rules[pool]
        var mayReturn = mayReturn
        var isCrowded = false
        while true {
            if origins.isFull(pool, rules) { return .saturated }
            let choice = origins.choose(pick, from: pool, rules, excluding: tried, orTried: mayReturn, now: now)
            switch choice {
            case .endpoint(let member):
                tried.insert(member)
                let endpoint = rules.start + member
                let isFresh = staleReplacements >= RetryPolicy.staleReplacementLimit
                // What cannot be sent again whatever happens goes over a connection that is most likely alive.
                let since = repeatability == .whole ? .min : now - UpstreamConnectionPool.trustedIdleTime
                if let lease = origins.lease(endpoint, of: pool, rules, isFresh: isFresh, usedSince: since) {
                    attemptCount &+= 1
                    return .endpoint(endpoint, lease)
                }
                // The ones that were not tried are left, each once.
                isCrowded = true
                mayReturn = false
            case .saturated: return .saturated
            case .exhausted where isCrowded: return .saturated
            case .breakerOpen: return .none(lastFailure ?? .breakerOpen)
            case .unavailable, .exhausted: return .none(lastFailure ?? .noHealthyEndpoint)
            }
        }
    }

    /// Chooses the endpoint to which the request's client has a connection of its own: the request goes there or nowhere.
    ///
    /// - Returns: nil when the pool does not have that endpoint, or may not use it now.
    @inlinable
    public mutating func choose<Counts>(
        own connection: Int32, to endpoint: Int, from origins: inout Origins<Counts>
    ) -> Choice? {
        let rules = origins.rules[pool]
        let member = endpoint - rules.start
        guard origins.dispatchers[pool].keeps(member) else { return nil }
        guard !origins.isFull(pool, rules), origins.countStart(endpoint, of: pool, rules) else { return .saturated }
        tried.insert(member)
        attemptCount &+= 1
        return .endpoint(endpoint, .reuse(connection))
    }
}

// MARK: - An attempt begins and ends

extension PoolVisit {
    /// An attempt at an endpoint that was chosen begins, as the current one.
    ///
    /// - Returns: what others should know.
    @inlinable @inline(__always)
    public mutating func begin<Counts>(
        at endpoint: Int, of origins: inout Origins<Counts>, now: Int64
    ) -> AttemptReport {
        let rules = origins.rules[pool]
        current = Attempt()
        current.endpoint = Int32(truncatingIfNeeded: endpoint)
        current.admitted = now
        current.started = now
        // A second attempt (hedging) leaves the first the time that it has.
        if !other.isUnderWay { tryDeadline = .max }
        hedgeTime = .max
        let load = rules.countsLoad ? origins.loads.value(endpoint) : 0
        return origins.dispatchers[pool].attemptStarted(endpoint - rules.start, load: load, now: now)
    }

    /// An attempt has left its endpoint: it is no longer in flight there. To be said once of each that began; the
    /// visit itself may have forgotten it by then.
    @inlinable @inline(__always)
    public mutating func end<Counts>(_ attempt: Attempt, at origins: inout Origins<Counts>, now: Int64) {
        let endpoint = Int(attempt.endpoint)
        let rules = origins.rules[pool]
        let load = origins.countEnd(endpoint, of: pool, rules)
        origins.dispatchers[pool].attemptEnded(
            endpoint - rules.start, wasJudged: attempt.isJudged, admitted: attempt.admitted, load: load,
            now: now)
        // The retry, or the hedge, has ended, or is alone now: it is no longer extra load.
        if holdsBudget { giveBackBudget(to: &origins) }
    }
}
