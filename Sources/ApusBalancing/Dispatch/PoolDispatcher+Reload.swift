public import ApusModel

// MARK: - A reload

extension PoolDispatcher {
    /// Takes over from the dispatcher that the pool had before a reload, which is of no use afterwards. To be called once,
    /// before anything else is told to this one; requests, attempts and retries that the old one let in are over when this
    /// one is told so, under the new indices of their endpoints. Who waited in the old one's queue waits in this one's.
    ///
    /// What was observed of endpoints goes on: availability, response times, breakers, failures in a row, slow starts,
    /// sessions, whose turn it is. So do weights that were set at run time, where the configured weight is what it was.
    /// Endpoints that are new begin with a slow start, if the pool has one. Cost: a few steps per endpoint.
    ///
    /// - Parameter members: the pool's endpoints within the pool, then and now (`Succession.members(ofPool:)`).
    public mutating func inherit(from old: inout PoolDispatcher, members: Renaming, now: Int64) {
        let survivors = Survivors(members, before: old.present, present: present)
        picker.inherit(from: &old.picker, survivors, now: now)
        if let before = old.breakers { breakers?.inherit(from: before, survivors, now: now) }
        runs.inherit(from: old.runs, survivors)
        if var before = old.sessions.take() { sessions?.inherit(from: &before, survivors) }
        inheritRequests(from: &old, now: now)
        random = old.random
    }

    /// What is in flight, and what waits.
    private mutating func inheritRequests(from old: inout PoolDispatcher, now: Int64) {
        concurrency?.inherit(from: old.concurrency, running: old.budget.requestsInFlight, now: now)
        budget.inherit(from: old.budget)
        guard var waiting = old.queue.take() else { return }
        guard queueRules != nil || waiting.count > 0 else { return }
        waiting.adopt(queueRules, workers: workers)
        queue = waiting
    }

    /// The endpoints that a request has tried, in indices after a reload. Those that were removed are left out: nothing
    /// will choose them.
    public func renamed(_ tried: TriedEndpoints, by members: Renaming) -> TriedEndpoints {
        tried.renamed { old in members.toNew[old].flatMap { $0 < present ? $0 : nil } }
    }
}
