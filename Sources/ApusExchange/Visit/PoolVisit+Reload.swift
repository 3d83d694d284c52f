import ApusBalancing
public import ApusModel

/// A reload in the middle of a visit: what it remembers by index is renamed.
extension PoolVisit {
    /// Goes on in another snapshot.
    ///
    /// - Parameters:
    ///   - pool: what the visit's pool is called there.
    ///   - endpoints: all endpoints, then and now.
    ///   - members: the pool's endpoints within the pool, then and now; nil when they are the same.
    ///   - origins: those of the new snapshot, whose counts begin at zero: what is in flight is counted there.
    public mutating func rename<Counts>(
        pool: Int, endpoints: Renaming, members: Renaming?, _ origins: inout Origins<Counts>
    ) {
        self.pool = pool
        current.rename(endpoints)
        other.rename(endpoints)
        if let members {
            if let session = pick.session {
                pick.session = members.toNew[Int(session)].map { Int32(truncatingIfNeeded: $0) }
            }
            if !tried.isEmpty { tried = origins.dispatchers[pool].renamed(tried, by: members) }
        }
        origins.recount(current, of: pool)
        origins.recount(other, of: pool)
        if waiting == .queued { origins.waiting.add(1, to: pool) }
    }
}

extension Attempt {
    /// The endpoint of an attempt that is over may be gone; that it was there is of no more use.
    fileprivate mutating func rename(_ endpoints: Renaming) {
        guard endpoint >= 0 else { return }
        endpoint = Int32(truncatingIfNeeded: endpoints.toNew[Int(endpoint)] ?? -1)
    }
}
