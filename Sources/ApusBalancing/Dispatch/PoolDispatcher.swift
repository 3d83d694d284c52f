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
    @usableFromInline var breakers: PoolBreakers?
    @usableFromInline var runs: FailureRuns?
    @usableFromInline var queue: WaitingQueue?
    @usableFromInline var budget: RetryBudget
    @usableFromInline let retryPolicy: RetryPolicy
    private let backoff: Backoff
    private let hedges: Bool
    private var random: SplitMix64
    @usableFromInline let looksAtLoad: Bool
    @usableFromInline let looksAtTime: Bool
    /// Whether anything but the picker wants to know how attempts go.
    @usableFromInline let isGuarded: Bool

    /// The dispatcher of `pool` (an index into `snapshot.pools`) for one worker.
    ///
    /// - Parameters:
    ///   - worker: which of `snapshot.workers` this is, from 0: what the rules allow the pool is shared out among them.
    ///   - seed: for what is left to chance. Workers with the same seed still draw different numbers.
    public init(pool index: Int, of snapshot: Snapshot, worker: Int, seed: UInt64, now: Int64) {
        let pool = snapshot.pools[index]
        random = SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: worker) &* 0xd1b5_4a32_d192_ed03)
        picker = PoolPicker(pool: index, of: snapshot, worker: worker, seed: seed)
        breakers = PoolBreakers(pool, workers: snapshot.workers, seed: random.next())
        runs = FailureRuns(pool.outliers, count: pool.endpoints.count)
        queue = pool.requests.queue.map { WaitingQueue($0, workers: snapshot.workers) }
        budget = RetryBudget(pool.retries, workers: snapshot.workers, now: now)
        retryPolicy = RetryPolicy(pool.retries)
        backoff = Backoff(pool.retries)
        hedges = pool.hedging != nil
        looksAtLoad = pool.balance.looksAtLoad
        looksAtTime = pool.balance.looksAtTime
        isGuarded = breakers != nil || runs != nil
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
    public mutating func adoptBreaker(of endpoint: Int?, _ state: BreakerState, now: Int64) {
        breakers?.adopt(of: endpoint, state, now: now)
    }
}

// MARK: - A request comes and goes

extension PoolDispatcher {
    /// Whether the request is let in. One that is must be told of by `departed` in the end; one that is not is refused.
    @inlinable
    public mutating func arrived(_ priority: Priority, now: Int64) -> Bool {
        budget.requestStarted()
        return true
    }

    /// A request that was let in is over, however it ended.
    ///
    /// - Parameter latency: from the request's arrival to the beginning of the response; nil when there was none from an
    ///   origin.
    @inlinable
    public mutating func departed(latency: Int64?, now: Int64) {
        budget.requestEnded()
    }
}

extension PoolDispatcher {
    /// The adaptive limit on requests in flight, this worker's share; nil without one.
    public var concurrencyLimit: Int? { nil }
}

// MARK: - It belongs to a session

extension PoolDispatcher {
    /// A session of the application, known by a hash of its cookie's value, has begun at the endpoint.
    public mutating func learnSession(_ session: UInt64, endpoint: Int32, now: Int64) {}

    /// The endpoint of the session that a cookie's value stands for; nil when it stands for none.
    public mutating func session(_ value: Span<UInt8>, now: Int64) -> Int32? { nil }
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
    public mutating func choose<Load: EndpointLoad>(
        _ request: PickRequest, load: Load, excluding tried: TriedEndpoints, orTried: Bool, now: Int64
    ) -> Choice {
        guard breakers == nil else {
            return chooseGuarded(request, load: load, excluding: tried, orTried: orTried, now: now)
        }
        if let index = picker.pick(request, load: load, excluding: tried, orTried: orTried, now: now) {
            return .endpoint(index)
        }
        return whyNone(tried, blockedCount: 0)
    }

    @usableFromInline
    mutating func chooseGuarded<Load: EndpointLoad>(
        _ request: PickRequest, load: Load, excluding tried: TriedEndpoints, orTried: Bool, now: Int64
    ) -> Choice {
        if breakers?.refusesAll(now: now) ?? false { return .breakerOpen }
        if let nextLook = breakers?.nextLook, now >= nextLook { breakers?.lookAgain(now: now) }
        guard let blocked = breakers?.blocked else { return .unavailable }
        let guarded = GuardedLoad(base: load, blocked: blocked)
        if let index = picker.pick(request, load: guarded, excluding: tried, orTried: orTried, now: now) {
            return .endpoint(index)
        }
        return whyNone(tried, blockedCount: blocked.count)
    }

    @usableFromInline
    func whyNone(_ tried: TriedEndpoints, blockedCount: Int) -> Choice {
        let candidates = picker.candidateCount
        if candidates == 0 { return .unavailable }
        // Some that are blocked may be no candidates; then this is said of a pool of which little is left anyway.
        if blockedCount >= candidates { return .breakerOpen }
        return tried.isEmpty ? .saturated : .exhausted
    }

    /// An attempt on the endpoint begins.
    ///
    /// - Parameter load: the endpoint's exchanges in flight over all workers, this one included.
    /// - Returns: what others should know.
    @inlinable
    public mutating func attemptStarted(_ index: Int, load: Int, now: Int64) -> AttemptReport {
        if looksAtLoad { picker.started(index, load: load) }
        return breakers?.attemptStarted(index, now: now) ?? AttemptReport()
    }

    /// The head of a response has come from the endpoint, so many microseconds after the request was sent.
    ///
    /// - Parameter admitted: `now` of the attempt's `attemptStarted`.
    /// - Returns: what others should know.
    @inlinable
    public mutating func answered(
        _ index: Int, status: Int, after microseconds: Int64, admitted: Int64, now: Int64
    ) -> AttemptReport {
        if looksAtTime { picker.answered(index, after: microseconds, now: now) }
        return isGuarded
            ? judge(index, status: status, after: microseconds, admitted: admitted, now: now) : AttemptReport()
    }

    /// The endpoint gave no response: it could not be connected to, closed or reset the connection, sent something else,
    /// or took too long.
    ///
    /// - Parameters:
    ///   - isConnect: it could not be connected to, which endpoint health counts by itself.
    ///   - admitted: `now` of the attempt's `attemptStarted`.
    @inlinable
    public mutating func failed(
        _ index: Int, isConnect: Bool, after microseconds: Int64, admitted: Int64, now: Int64
    ) -> AttemptReport {
        if looksAtTime, !isConnect { picker.answered(index, after: microseconds, now: now) }
        guard isGuarded else { return AttemptReport() }
        var report = AttemptReport()
        breakers?.failed(index, admitted: admitted, now: now, &report)
        if !isConnect { report.failedInARow = runs?.answered(index, status: nil) }
        return report
    }

    @usableFromInline
    mutating func judge(
        _ index: Int, status: Int, after microseconds: Int64, admitted: Int64, now: Int64
    ) -> AttemptReport {
        var report = AttemptReport()
        if status >= 500 {
            breakers?.failed(index, admitted: admitted, now: now, &report)
        } else {
            breakers?.succeeded(index, after: microseconds, admitted: admitted, now: now, &report)
        }
        report.failedInARow = runs?.answered(index, status: status)
        return report
    }

    /// The attempt has left the endpoint: its response has ended, or was given up.
    ///
    /// - Parameters:
    ///   - wasJudged: whether `answered` or `failed` was told of it.
    ///   - admitted: `now` of the attempt's `attemptStarted`.
    ///   - load: the endpoint's exchanges in flight over all workers, without it.
    @inlinable
    public mutating func attemptEnded(_ index: Int, wasJudged: Bool, admitted: Int64, load: Int, now: Int64) {
        if looksAtLoad { picker.ended(index, load: load) }
        if !wasJudged, breakers != nil { breakers?.cancelled(index, admitted: admitted, now: now) }
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

    /// A retry that `decide` had budgeted, or a hedge that `mayHedge` had allowed, is over, or was not made after all.
    @inlinable
    public mutating func retryEnded() { budget.retryEnded() }

    /// Whether the next connection must be a new one: enough of the reused ones were dead.
    @inlinable
    public func needsFreshConnection(_ progress: RetryPolicy.Progress) -> Bool {
        retryPolicy.needsFreshConnection(progress)
    }

    /// Whether a response with this status is not passed on while another attempt may be made.
    @inlinable
    public func retriesStatus(_ status: Int) -> Bool { retryPolicy.retriesStatus(status) }

    /// Whether a second endpoint may be asked now, although the first has not failed (`Pool.hedging`). If so, say
    /// `retryEnded` when that attempt is over.
    public mutating func mayHedge(_ progress: RetryPolicy.Progress, now: Int64) -> Bool {
        hedges && progress.isIdempotent && progress.isReplayable && budget.tryRetry(now: now)
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
