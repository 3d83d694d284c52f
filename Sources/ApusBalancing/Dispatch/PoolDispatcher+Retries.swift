// MARK: - It is tried again

extension PoolDispatcher {
    /// What follows a failed attempt.
    public enum Verdict: Sendable, Hashable {
        /// Send it again over a new connection: a stale one is replaced.
        case replaceConnection
        /// Choose again, after so many microseconds. If `isBudgeted`, say `retryEnded` when that attempt is over.
        case retry(after: Int64, isBudgeted: Bool)
        /// Answer for the origin. `isDenied`: only the budget was in the way.
        case giveUp(isDenied: Bool)
    }

    /// What follows a failed attempt, by the pool's rules.
    public mutating func decide(
        after failure: RetryPolicy.Failure, of progress: RetryPolicy.Progress, now: Int64
    ) -> Verdict {
        decide(after: failure, of: progress, by: retryPolicy, pausing: backoff, now: now)
    }

    /// What follows a failed attempt, by the rules of the request's route; the budget is the pool's.
    public mutating func decide(
        after failure: RetryPolicy.Failure, of progress: RetryPolicy.Progress, by policy: RetryPolicy,
        pausing backoff: Backoff, now: Int64
    ) -> Verdict {
        switch policy.decide(after: failure, of: progress) {
        case .giveUp: .giveUp(isDenied: false)
        case .replaceConnection: .replaceConnection
        // A request that could not connect has cost no endpoint anything: moving it on multiplies no load, and is neither
        // budgeted nor delayed.
        case .retryOtherEndpoint where failure == .connectRefused || failure == .connectTimedOut:
            .retry(after: 0, isBudgeted: false)
        case .retryOtherEndpoint:
            budget.tryRetry(now: now)
                ? .retry(after: backoff.pause(beforeAttempt: progress.attempts + 1, &random), isBudgeted: true)
                : .giveUp(isDenied: true)
        }
    }

    /// A retry that `decide` had budgeted, or one that `mayAskAnother` had allowed, is over, or was not made after all.
    @inlinable
    public mutating func retryEnded() { budget.retryEnded() }

    /// Whether a response with this status is not passed on while another attempt may be made.
    @inlinable
    public func retriesStatus(_ status: Int) -> Bool { retryPolicy.retriesStatus(status) }

    /// Whether a second endpoint may be asked now, although the first has not failed. If so, say `retryEnded` when that
    /// attempt is over.
    ///
    /// - Parameter policy: that of the request's route; nil for the pool's.
    public mutating func mayAskAnother(
        _ progress: RetryPolicy.Progress, by policy: RetryPolicy? = nil, now: Int64
    ) -> Bool {
        progress.isReplayable && progress.attempts < (policy ?? retryPolicy).attemptLimit && budget.tryRetry(now: now)
    }
}

// MARK: - It waits

extension PoolDispatcher {
    /// Has the request, named by a handle of the caller's choice, wait for an endpoint; false: there is no room.
    public mutating func enqueue(_ handle: Int32, now: Int64) -> Bool { queue?.add(handle, now: now) ?? false }

    /// The request that goes next; nil when none waits. To be asked when something has ended; when it could be sent, say
    /// `leaveQueue`.
    public mutating func nextWaiting(now: Int64) -> Int32? { queue?.next(now: now) }

    /// A request that waited has been sent, its client left, or its time ran out.
    public mutating func leaveQueue(_ handle: Int32) { _ = queue?.remove(handle) }

    /// Requests that wait.
    @inlinable
    public var waitingCount: Int { queue?.count ?? 0 }
}
