public import ApusModel

/// What one worker knows of one pool, and decides for the pool's requests: whether one is let in, where it goes, whether
/// it is tried again, what waits.
///
/// It joins the machines of this module in the order in which a request meets them. The worker, and the simulator, tell it
/// what happened and carry out what it says; it has no clock, no socket and no lock. Indices count within the pool, times
/// are microseconds of one monotonic clock.
///
/// A request is told of in this order: `arrived`; for each attempt `choose`, `attemptStarted`, then `answered`, `failed`
/// or neither (the client left), and `attemptEnded`; between attempts `decide`; at last `departed`, however it ended.
public struct PoolDispatcher: Sendable {
    @usableFromInline var picker: PoolPicker
    @usableFromInline let retryPolicy: RetryPolicy
    @usableFromInline let looksAtLoad: Bool
    @usableFromInline let looksAtTime: Bool

    /// The dispatcher of `pool` (an index into `snapshot.pools`) for one worker.
    ///
    /// - Parameters:
    ///   - worker: which of `snapshot.workers` this is, from 0: what the rules allow the pool is shared out among them.
    ///   - seed: for what is left to chance. Workers with the same seed still draw different numbers.
    public init(pool index: Int, of snapshot: Snapshot, worker: Int, seed: UInt64, now: Int64) {
        let pool = snapshot.pools[index]
        picker = PoolPicker(pool: index, of: snapshot, worker: worker, seed: seed)
        retryPolicy = RetryPolicy(attemptLimit: pool.retries.attempts)
        looksAtLoad = pool.balance.looksAtLoad
        looksAtTime = pool.balance.looksAtTime
    }

    /// Whether so few endpoints are available that all of them are used (`Pool.panicThreshold`).
    public var isPanicking: Bool { picker.isPanicking }
}

// MARK: - What the control plane decides

extension PoolDispatcher {
    /// Whether the endpoint may be picked from now on.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool, now: Int64) {
        picker.setAvailable(index, isAvailable, now: now)
    }

    /// The endpoint's weight from now on.
    public mutating func setWeight(_ index: Int, _ weight: Int, now: Int64) {
        picker.setWeight(index, weight, now: now)
    }

    /// What another worker's breaker did: of the endpoint, or of the pool (nil).
    public mutating func adoptBreaker(of endpoint: Int?, _ state: BreakerState, now: Int64) {}
}

// MARK: - A request comes and goes

extension PoolDispatcher {
    /// Whether the request is let in. One that is must be told of by `departed` in the end; one that is not is refused.
    @inlinable
    public mutating func arrived(_ priority: Priority, now: Int64) -> Bool { true }

    /// A request that was let in is over, however it ended.
    ///
    /// - Parameter latency: from the request's arrival to the beginning of the response; nil when there was none from an
    ///   origin.
    @inlinable
    public mutating func departed(latency: Int64?, now: Int64) {}
}

// MARK: - It goes to an endpoint

extension PoolDispatcher {
    /// Where a request can go.
    public enum Choice: Sendable, Hashable {
        /// To this endpoint.
        case endpoint(Int)
        /// Every endpoint that could take it has as much as it may have, or the pool has: it may wait.
        case saturated
        /// Breakers keep it from every endpoint that could take it.
        case breakerOpen
        /// No endpoint is available.
        case unavailable
        /// Endpoints are available, and all that could take it have been tried.
        case exhausted
    }

    /// Where the next attempt of a request goes. The attempt must be told of by `attemptStarted` before the next choice.
    ///
    /// - Parameters:
    ///   - request: what of the request decides.
    ///   - tried: endpoints that it has been sent to.
    ///   - orTried: whether one of them may be chosen when nothing else is left.
    @inlinable
    public mutating func choose<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints, orTried: Bool, now: Int64
    ) -> Choice {
        if let index = picker.pick(request, load: load, excluding: tried, orTried: orTried, now: now) {
            return .endpoint(index)
        }
        return whyNone(tried)
    }

    @usableFromInline
    func whyNone(_ tried: TriedEndpoints) -> Choice {
        if picker.candidateCount == 0 { return .unavailable }
        return tried.isEmpty ? .saturated : .exhausted
    }

    /// An attempt on the endpoint begins.
    ///
    /// - Parameter load: the endpoint's exchanges in flight over all workers, this one included.
    @inlinable
    public mutating func attemptStarted(_ index: Int, load: Int, now: Int64) {
        if looksAtLoad { picker.started(index, load: load) }
    }

    /// The head of a response has come from the endpoint, so many microseconds after the request was sent.
    ///
    /// - Returns: what others should know.
    @inlinable
    public mutating func answered(_ index: Int, status: Int, after microseconds: Int64, now: Int64) -> AttemptReport {
        if looksAtTime { picker.answered(index, after: microseconds, now: now) }
        return AttemptReport()
    }

    /// The endpoint gave no response: it could not be connected to, closed or reset the connection, sent something else,
    /// or took too long.
    ///
    /// - Parameter isConnect: it could not be connected to, which endpoint health counts by itself.
    @inlinable
    public mutating func failed(
        _ index: Int, isConnect: Bool, after microseconds: Int64, now: Int64
    ) -> AttemptReport {
        if looksAtTime, !isConnect { picker.answered(index, after: microseconds, now: now) }
        return AttemptReport()
    }

    /// The attempt has left the endpoint: its response has ended, or was given up.
    ///
    /// - Parameters:
    ///   - wasJudged: whether `answered` or `failed` was told of it.
    ///   - load: the endpoint's exchanges in flight over all workers, without it.
    @inlinable
    public mutating func attemptEnded(_ index: Int, wasJudged: Bool, load: Int, now: Int64) {
        if looksAtLoad { picker.ended(index, load: load) }
    }
}

/// What an attempt changed that others should know: the control plane, and through it the other workers.
public struct AttemptReport: Sendable {
    /// The endpoint's breaker changed to this, for that cause.
    public var endpointBreaker: BreakerState?
    public var endpointCause: BreakerCause?
    /// The pool's breaker changed to this, for that cause.
    public var poolBreaker: BreakerState?
    public var poolCause: BreakerCause?
    /// The endpoint has failed as often in a row as its pool bears.
    public var failedInARow: (kind: ConsecutiveFailure, count: Int)?

    @inlinable
    public init() {}

    @inlinable
    public var isEmpty: Bool { endpointBreaker == nil && poolBreaker == nil && failedInARow == nil }
}

// MARK: - It is tried again

extension PoolDispatcher {
    /// What follows a failed attempt.
    public enum Verdict: Sendable, Hashable {
        /// Send it to the same endpoint over a new connection: a stale connection is replaced.
        case retryFresh
        /// Choose again, after so many microseconds. If `isBudgeted`, say `retryEnded` when that attempt is over.
        case retry(after: Int64, isBudgeted: Bool)
        /// Answer for the origin. `isDenied`: only the budget was in the way.
        case giveUp(isDenied: Bool)
    }

    /// What follows a failed attempt.
    public mutating func decide(
        after failure: RetryPolicy.Failure, of progress: RetryPolicy.Progress, now: Int64
    ) -> Verdict {
        switch retryPolicy.decide(after: failure, of: progress) {
        case .giveUp: .giveUp(isDenied: false)
        case .retryFreshSameEndpoint: .retryFresh
        case .retryOtherEndpoint: .retry(after: 0, isBudgeted: false)
        }
    }

    /// A retry that `decide` had budgeted, or a hedge that `mayHedge` had allowed, is over, or was not made after all.
    @inlinable
    public mutating func retryEnded() {}

    /// Whether the next connection must be a new one: enough of the reused ones were dead.
    @inlinable
    public func needsFreshConnection(_ progress: RetryPolicy.Progress) -> Bool {
        retryPolicy.needsFreshConnection(progress)
    }

    /// Whether a response with this status is not passed on while another attempt may be made.
    @inlinable
    public func retriesStatus(_ status: Int) -> Bool { false }

    /// Whether a second endpoint may be asked now, although the first has not failed (`Pool.hedging`). If so, say
    /// `retryEnded` when that attempt is over.
    public mutating func mayHedge(_ progress: RetryPolicy.Progress, now: Int64) -> Bool { false }
}

// MARK: - It waits

extension PoolDispatcher {
    /// Has the request, named by a handle of the caller's choice, wait for an endpoint; false: there is no room.
    public mutating func enqueue(_ handle: Int32, now: Int64) -> Bool { false }

    /// The request that goes next; nil when none waits. To be asked when something has ended; when it could be sent, say
    /// `leaveQueue`.
    public mutating func nextWaiting(now: Int64) -> Int32? { nil }

    /// A request that waited has been sent, its client left, or its time ran out.
    public mutating func leaveQueue(_ handle: Int32, now: Int64) {}

    /// Requests that wait.
    @inlinable
    public var waitingCount: Int { 0 }
}
