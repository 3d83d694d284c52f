public import ApusModel

/// What one worker knows of one pool, and decides for the pool's requests: whether one is let in, where it goes, whether
/// it is tried again, what waits.
///
/// It joins the machines of this module in the order in which a request meets them. The worker, and the simulator, tell it
/// what happened and carry out what it says; it has no clock, no socket and no lock. Indices count within the pool, times
/// are microseconds of one monotonic clock.
///
/// A request is told of in this order: `arrived`, then for each attempt `choose`, `attemptStarted`, `answered` or
/// `failed`, `attemptEnded`, and at last `departed`, however it ended.
public struct PoolDispatcher: Sendable {
    @usableFromInline var picker: PoolPicker
    @usableFromInline let retryPolicy: RetryPolicy
    @usableFromInline let looksAtLoad: Bool
    @usableFromInline let looksAtTime: Bool

    /// The dispatcher of `pool` (an index into `snapshot.pools`) for one worker.
    public init(pool index: Int, of snapshot: Snapshot, worker: Int, seed: UInt64) {
        let pool = snapshot.pools[index]
        picker = PoolPicker(pool: index, of: snapshot, worker: worker, seed: seed)
        retryPolicy = RetryPolicy(attemptLimit: pool.retries.attempts)
        looksAtLoad = pool.balance.looksAtLoad
        looksAtTime = pool.balance.looksAtTime
    }

    // MARK: What the control plane decides

    /// Whether the endpoint may be picked from now on.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool, now: Int64) {
        picker.setAvailable(index, isAvailable, now: now)
    }

    /// The endpoint's weight from now on.
    public mutating func setWeight(_ index: Int, _ weight: Int, now: Int64) {
        picker.setWeight(index, weight, now: now)
    }

    // MARK: A request comes

    /// Whether the request is let in. One that is must be told of by `departed` in the end.
    @inlinable
    public mutating func arrived(_ priority: Priority, now: Int64) -> Bool { true }

    /// A request that was let in is over, however it ended.
    @inlinable
    public mutating func departed(now: Int64) {}

    // MARK: It goes to an endpoint

    /// Where a request can go.
    public enum Choice: Sendable, Hashable {
        /// To this endpoint.
        case endpoint(Int)
        /// Every endpoint that could take it has as much as it may have: it may wait.
        case saturated
        /// Breakers keep it from every endpoint that could take it.
        case breakerOpen
        /// No endpoint is available.
        case unavailable
        /// Endpoints are available, and all have been tried.
        case exhausted
    }

    /// Where the next attempt of a request goes.
    ///
    /// - Parameter orTried: whether an endpoint that was tried may be chosen when nothing else is left.
    @inlinable
    public mutating func choose<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints, orTried: Bool, now: Int64
    ) -> Choice {
        if let index = picker.pick(request, load: load, excluding: tried, orTried: orTried, now: now) {
            return .endpoint(index)
        }
        if picker.candidateCount == 0 { return .unavailable }
        return tried.isEmpty ? .saturated : .exhausted
    }
}
