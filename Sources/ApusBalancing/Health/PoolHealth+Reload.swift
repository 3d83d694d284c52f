public import ApusModel

/// A reload: what was known of the endpoints that live on goes on being known.
extension PoolHealth {
    /// The health of `pool` (an index into `snapshot.pools`) after a reload.
    ///
    /// Endpoints that live on keep their states with reasons and times, what was counted in a row, their ejections and
    /// breakers, and weights that were set at run time where the configured weight is what it was. Those that are new,
    /// or were retired and have been added again, join: where others serve that were there before, they are available once a probe
    /// has passed. What follows from rules that have changed, `settled` says.
    ///
    /// - Parameters:
    ///   - old: the same pool's health before.
    ///   - members: the pool's endpoints within the pool, then and now (`Succession.members(ofPool:)`).
    public init(
        pool index: Int, of snapshot: Snapshot, now: Int64, succeeding old: PoolHealth, members: Renaming
    ) {
        self.init(pool: index, of: snapshot, now: now)
        let pool = snapshot.pools[index]
        let survivors = Survivors(members, before: old.count, present: count)
        for (index, origin) in survivors.toOld.enumerated() {
            if origin >= 0 {
                // Why a name leads nowhere may have changed.
                let before = old.endpoints[Int(origin)]
                guard !endpoints[index].isUnresolved || endpoints[index].state == before.state else { continue }
                endpoints[index].inherit(from: before, hasBreaker: pool.endpointBreaker != nil)
            } else if !endpoints[index].isUnresolved {
                // It has not been here for the whole of the present interval.
                endpoints[index].availableSince = now
                endpoints[index].servingSince = now
            }
        }
        let goesOn = survivors.toOld.enumerated().contains { $1 >= 0 && endpoints[$0].isServing }
        if goesOn {
            for (index, origin) in survivors.toOld.enumerated() where origin < 0 && !endpoints[index].isUnresolved {
                endpoints[index].probed = EndpointHealth(check, isJoining: true)
            }
        }
        for index in count..<endpoints.count {
            guard let origin = members.toOld[index], old.isRetired(origin) else { continue }
            endpoints[index].since = old.endpoints[origin].since
        }
        inheritPool(from: old, hasBreaker: pool.poolBreaker != nil)
    }

    private mutating func inheritPool(from old: PoolHealth, hasBreaker: Bool) {
        let present = endpoints.prefix(count)
        availableCount = present.count { $0.isAvailable }
        weightedCount = present.count { $0.weight > 0 }
        servingCount = present.count { $0.isServing }
        joiningCount = present.count { $0.state == .joining }
        ejectedCount = present.count { $0.ejection.present != nil }
        deniedEjections = old.deniedEjections
        isPanicking = old.isPanicking
        if hasBreaker { poolBreaker = old.poolBreaker }
        if let next = nextInterval, let before = old.nextInterval {
            intervalBegan = old.intervalBegan
            nextInterval = min(next, before)
        }
        for endpoint in 0..<count { arm(endpoint) }
    }

    /// What follows from a reload, to be asked once after it: endpoints come back that were ejected by rules which are no
    /// more, one drains by its new weight, the pool panics because too few of those that are left are available.
    public mutating func settled(now: Int64) -> [HealthChange] {
        var changes: [HealthChange] = []
        for endpoint in 0..<count {
            if rules == nil, isEjected(endpoint) { endEjection(endpoint, now) }
            note(endpoint, .reload, now, &changes)
        }
        return finish(changes, now)
    }
}

extension PoolHealth.Watched {
    /// Whether its host name has no address.
    fileprivate var isUnresolved: Bool {
        if case .down(let cause) = probed.state { [.nameNotFound, .nameRefused].contains(cause.last) } else { false }
    }

    fileprivate mutating func inherit(from old: Self, hasBreaker: Bool) {
        probed.inherit(from: old.probed)
        if configured == old.configured { weight = old.weight }
        ejection = old.ejection
        if hasBreaker { breaker = old.breaker }
        state = old.state
        isAvailable = old.isAvailable
        since = old.since
        availableSince = old.availableSince
        if isServing, old.isServing { servingSince = old.servingSince }
    }
}
