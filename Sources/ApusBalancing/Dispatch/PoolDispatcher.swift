public import ApusModel

/// What one worker knows of one pool, and decides for the pool's requests: whether one is let in, where it goes, whether
/// it is tried again, what waits.
///
/// It joins the machines of this module in the order in which a request meets them. The worker, and the simulator, tell it
/// what happened and carry out what it says; it has no clock, no socket and no lock. Indices count within the pool, times
/// are microseconds of one monotonic clock. Of endpoints that a reload has retired it is told what becomes of their last
/// attempts, and keeps nothing of it.
///
/// For each request, call in this order: `arrived`; for each attempt `choose`, `attemptStarted`, then `answered`, `gaveNone`
/// or neither (the client left, or what failed was not the endpoint's), and `attemptEnded`; between attempts `decide`; at last `departed`, however it ended.
public struct PoolDispatcher: Sendable {
    @usableFromInline var picker: PoolPicker
    @usableFromInline var breakers: PoolBreakers?
    @usableFromInline var runs: FailureRuns
    var sessions: PoolSessions?
    /// Endpoints that are not retired: the first of the pool's.
    let present: Int
    let workers: Int
    let queueRules: QueueRules?
    @usableFromInline var queue: WaitingQueue?
    @usableFromInline var concurrency: AdaptiveConcurrency?
    @usableFromInline var budget: RetryBudget
    @usableFromInline let retryPolicy: RetryPolicy
    let backoff: Backoff
    /// Whether a second endpoint may be asked as well (`Pool.hedging`).
    public let hedges: Bool
    var random: SplitMix64
    @usableFromInline let looksAtLoad: Bool
    @usableFromInline let looksAtTime: Bool
    // Asking these is cheaper than asking whether an optional of that size is there.
    @usableFromInline let hasBreakers: Bool
    @usableFromInline let hasConcurrencyLimit: Bool
    /// Whether anything but the picker wants to know how attempts go.
    @usableFromInline let isGuarded: Bool

    /// The dispatcher of `pool` (an index into `snapshot.pools`) for one worker.
    ///
    /// - Parameters:
    ///   - worker: which of `snapshot.workers` this is, from 0: what the rules allow the pool is shared out among them.
    ///   - seed: for what is left to chance. Workers with the same seed still draw different numbers.
    public init(pool index: Int, of snapshot: Snapshot, worker: Int, seed: UInt64, now: Int64) {
        let pool = snapshot.pools[index]
        present = snapshot.presentEndpoints(of: pool).count
        workers = snapshot.workers
        queueRules = pool.requests.queue
        random = SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: worker) &* 0xd1b5_4a32_d192_ed03)
        picker = PoolPicker(pool: index, of: snapshot, worker: worker, seed: seed)
        breakers = PoolBreakers(pool, present: present, workers: snapshot.workers, seed: random.next())
        runs = FailureRuns(pool.outliers, count: present)
        sessions = PoolSessions(pool, of: snapshot)
        queue = pool.requests.queue.map { WaitingQueue($0, workers: snapshot.workers) }
        concurrency = pool.concurrency.map { AdaptiveConcurrency($0, workers: snapshot.workers, now: now) }
        budget = RetryBudget(pool.retries, workers: snapshot.workers, now: now)
        retryPolicy = RetryPolicy(pool.retries)
        backoff = Backoff(pool.retries)
        hedges = pool.hedging != nil
        looksAtLoad = pool.looksAtLoad
        looksAtTime = pool.balance.looksAtTime
        hasBreakers = breakers != nil
        hasConcurrencyLimit = concurrency != nil
        isGuarded = hasBreakers || runs.isCounting
    }

    /// Whether so few endpoints are available that all of them are used (`Pool.panicThreshold`).
    public var isPanicking: Bool { picker.isPanicking }

    /// How requests are shared out among the pool's tiers and zones now.
    public var ranks: [RankShare] { picker.ranks }
}

// MARK: - What the control plane decides

extension PoolDispatcher {
    /// Whether the endpoint may be picked from now on.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool, now: Int64) {
        picker.setAvailable(index, isAvailable, now: now)
        // What it did before it was out must not be held against its return.
        if isAvailable { runs.forget(index) }
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
    @inlinable @inline(__always)
    public mutating func arrived(_ priority: Priority, now: Int64) -> Bool {
        if hasConcurrencyLimit, concurrency?.admit(priority, now: now) == false { return false }
        budget.requestStarted()
        return true
    }

    /// A request that was let in is over, however it ended.
    ///
    /// - Parameter latency: from the sending of the attempt that was answered to the beginning of its response; nil when
    ///   there was none from an origin.
    @inlinable @inline(__always)
    public mutating func departed(latency: Int64?, now: Int64) {
        if hasConcurrencyLimit { concurrency?.ended(latency: latency, now: now) }
        budget.requestEnded()
    }
}

extension PoolDispatcher {
    /// Requests let in that have not departed, and retries that were allowed and have not ended.
    public var requestsInFlight: Int { budget.requestsInFlight }
    public var retriesInFlight: Int { budget.retriesInFlight }

    /// The adaptive limit on requests in flight, this worker's share; nil without one.
    public var concurrencyLimit: Int? { concurrency?.limit }
}

// MARK: - It belongs to a session

extension PoolDispatcher {
    /// What a session of the application is known by, from its cookie's value: the same in all workers of this process.
    public static func learnedSession(_ value: Span<UInt8>) -> UInt64 { PoolSessions.session(value) }

    /// A session of the application (`learnedSession`) has begun at the endpoint.
    public mutating func learnSession(_ session: UInt64, endpoint: Int32, now: Int64) {
        guard endpoint < present else { return }
        sessions?.learn(session, endpoint: endpoint, now: now)
    }

    /// The endpoint of the session that a cookie's value stands for; nil when it stands for none.
    public mutating func session(_ value: Span<UInt8>, now: Int64) -> Int32? {
        sessions?.endpoint(for: value, now: now)
    }
}

extension PoolDispatcher {
    /// Whether a request that belongs to the endpoint, as a session does, may go there now: its weight may be 0, but it
    /// must be available, and no breaker open.
    public func keeps(_ index: Int) -> Bool {
        guard index >= 0, index < present, picker.keepsSessions(index) else { return false }
        return !(hasBreakers && breakers?.blocked.contains(index) == true)
    }
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
    ///   - tried: endpoints that were chosen for it before, whether or not they could be reached.
    ///   - orTried: whether one of them may be chosen when nothing else is left.
    @inlinable
    public mutating func choose<Load: EndpointLoad>(
        _ request: PickRequest, load: Load, excluding tried: TriedEndpoints, orTried: Bool, now: Int64
    ) -> Choice {
        guard !hasBreakers else {
            return chooseGuarded(request, load: load, excluding: tried, orTried: orTried, now: now)
        }
        if let index = picker.pick(request, load: load, excluding: tried, orTried: orTried, now: now) {
            return .endpoint(index)
        }
        return whyNone(tried, orTried: orTried, blockedCount: 0)
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
        return whyNone(tried, orTried: orTried, blockedCount: blocked.count)
    }

    @usableFromInline
    func whyNone(_ tried: TriedEndpoints, orTried: Bool, blockedCount: Int) -> Choice {
        let candidates = picker.candidateCount
        if candidates == 0 { return .unavailable }
        // Some that are blocked may be no candidates; then this is said of a pool of which little is left anyway.
        if blockedCount >= candidates { return .breakerOpen }
        // Where some were not tried, or even those that were would do, only their load is in the way.
        return orTried || candidates - blockedCount > tried.count ? .saturated : .exhausted
    }

    /// An attempt on the endpoint begins.
    ///
    /// - Parameter load: the endpoint's exchanges in flight over all workers, this one included.
    /// - Returns: what others should know.
    @inlinable @inline(__always)
    public mutating func attemptStarted(_ index: Int, load: Int, now: Int64) -> AttemptReport {
        if looksAtLoad { picker.started(index, load: load) }
        guard hasBreakers, let report = breakers?.attemptStarted(index, now: now) else { return AttemptReport() }
        return report
    }

    /// The head of a response has come from the endpoint, so many microseconds after the request was sent.
    ///
    /// - Parameters:
    ///   - route: the request's, an index into the snapshot.
    ///   - admitted: `now` of the attempt's `attemptStarted`.
    /// - Returns: what others should know.
    @inlinable @inline(__always)
    public mutating func answered(
        _ index: Int, _ outcome: AttemptOutcome, route: Int32, after microseconds: Int64, admitted: Int64, now: Int64
    ) -> AttemptReport {
        if looksAtTime { picker.answered(index, after: microseconds, isFailure: outcome != .served, now: now) }
        let answersAgain = outcome == .served && runs.served(index, route: route, now: now)
        guard answersAgain || outcome != .served && isGuarded || hasBreakers else { return AttemptReport() }
        var report = judge(index, outcome, route: route, after: microseconds, admitted: admitted, now: now)
        report.answersAgain = answersAgain
        return report
    }

    /// The endpoint gave no response.
    ///
    /// - Parameters:
    ///   - route: the request's, an index into the snapshot.
    ///   - overdueIn: what `isOverdue` gave for it; 0 where that was not said.
    ///   - microseconds: since the request was sent.
    ///   - admitted: `now` of the attempt's `attemptStarted`.
    @inlinable
    public mutating func gaveNone(
        _ index: Int, _ fault: AttemptFault, route: Int32, overdueIn run: UInt8, after microseconds: Int64,
        admitted: Int64, now: Int64
    ) -> AttemptReport {
        if looksAtTime, fault != .notConnected {
            picker.answered(index, after: microseconds, isFailure: true, now: now)
        }
        return isGuarded
            ? blame(
                index, fault, route, overdueIn: run, sent: now &- microseconds, admitted: admitted, now: now)
            : AttemptReport()
    }

    /// A request that was sent to the endpoint then has no answer yet, and waits on. To be said once of an attempt, and not of
    /// one that `isExcused`.
    ///
    /// - Returns: the run of failures in which it has counted, and what others should know.
    public mutating func isOverdue(_ index: Int, route: Int32, sent: Int64) -> (run: UInt8, AttemptReport) {
        var report = AttemptReport()
        let placement = picker.placement
        let run = runs.number(of: index)
        report.failedInARow = runs.isOverdue(index, route: route, sent: sent) {
            placement.standing(of: $0, beside: index)
        }
        return (run, report)
    }

    /// Whether the endpoint is out of use for its health. One that is retired finishes what it has.
    public func isOut(_ index: Int) -> Bool { index < present && !picker.placement.isUsable(index) }

    /// Whether another endpoint that may be picked, and is not among those tried, is of the endpoint's rank: its tier and zone,
    /// or a backup as well.
    public func hasPeer(of index: Int, _ tried: TriedEndpoints) -> Bool {
        guard index < present else { return false }
        let placement = picker.placement
        return (0..<present).contains {
            $0 != index && !tried.contains($0) && placement.standing(of: $0, beside: index) == .beside
                && placement.isEligible($0)
        }
    }

    /// Whether what was sent then to the endpoint, and is late, tells of the request and not of the endpoint, which has answered
    /// others since.
    public func isExcused(_ index: Int, sent: Int64) -> Bool { !runs.isTelling(index, sent: sent) }

    /// A request that broke at the endpoint has broken at another as well: it counts at neither.
    public mutating func takeBack(_ index: Int) { runs.takeBack(index) }

    /// Routes have other indices from now on, and the pool is what it was.
    public mutating func forgetRoutes() { runs.forgetRoutes() }

    @usableFromInline
    mutating func blame(
        _ index: Int, _ fault: AttemptFault, _ route: Int32, overdueIn run: UInt8, sent: Int64, admitted: Int64,
        now: Int64
    ) -> AttemptReport {
        var report = AttemptReport()
        breakers?.failed(index, admitted: admitted, now: now, &report)
        if run != 0 {
            if fault != .tooLate { report.failedInARow = runs.brokeAfterAll(index, run: run) }
            return report
        }
        let placement = picker.placement
        report.failedInARow = runs.gaveNone(index, fault, route: route, sent: sent) {
            placement.standing(of: $0, beside: index)
        }
        return report
    }

    @usableFromInline
    mutating func judge(
        _ index: Int, _ outcome: AttemptOutcome, route: Int32, after microseconds: Int64, admitted: Int64, now: Int64
    ) -> AttemptReport {
        var report = AttemptReport()
        if outcome == .served {
            breakers?.succeeded(index, after: microseconds, admitted: admitted, now: now, &report)
            return report
        }
        breakers?.failed(index, admitted: admitted, now: now, &report)
        report.failedInARow = runs.answered(index, outcome, route: route, now: now)
        return report
    }

    /// The attempt has left the endpoint: its response has ended, or was given up.
    ///
    /// - Parameters:
    ///   - wasJudged: whether `answered` or `gaveNone` was called for it.
    ///   - admitted: `now` of the attempt's `attemptStarted`.
    ///   - load: the endpoint's exchanges in flight over all workers, without it.
    @inlinable @inline(__always)
    public mutating func attemptEnded(_ index: Int, wasJudged: Bool, admitted: Int64, load: Int, now: Int64) {
        if looksAtLoad { picker.ended(index, load: load) }
        // Who left it took at least that long: a client that gave up, another endpoint that was faster.
        if looksAtTime, !wasJudged { picker.answered(index, after: now &- admitted, isFailure: true, now: now) }
        if hasBreakers, !wasJudged { breakers?.cancelled(index, admitted: admitted, now: now) }
    }
}
