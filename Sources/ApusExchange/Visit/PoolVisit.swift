public import ApusBalancing
public import ApusHTTP
public import ApusModel

/// One request's stay in one pool: which endpoints it asks, how often, and what follows when one fails, is late, or has no
/// place.
///
/// Everything that joins attempts is decided here, for the worker and for the simulator: choosing and leasing
/// (PoolVisit+Choosing), judging (+Judging), retries (+Retries), hedging (+Hedging), the queue (+Waiting), time limits
/// (+Clocks), and where a request goes that the pool cannot take (+Fallback). A fact goes in with the worker's `Origins`,
/// and a `Step` comes out, which the caller carries out; there is no socket, clock or counter in it. Times are
/// microseconds of one monotonic clock.
///
/// The order of a visit: `enter`; `seek` (or, where an endpoint's own connection may matter, as in the worker, `choose` and
/// `settle`); for each attempt `begin`, `answered` or `gaveNone`, and `end`; between
/// attempts `failed` (for a status `verdict`), which says whether to try again, and `follow`, which makes a step of that, or
/// `hedge`; at last `leave`, however the request ended. A request that falls back to another pool begins
/// another visit.
@frozen
public struct PoolVisit: Sendable, BitwiseCopyable {
    /// What the request waits for that no connection will tell.
    @frozen
    public enum Wait: UInt8, Sendable, BitwiseCopyable {
        case nothing
        /// For a place, in the queue of the pool.
        case queued
        /// For the pause before a retry to be over.
        case backoff
    }

    /// Whether a request may be sent again once an origin can have some of it.
    @frozen
    public enum Repeatability: UInt8, Sendable, BitwiseCopyable {
        /// At any time: all of it is kept.
        case whole
        /// As long as all of it is kept, which it will not be.
        case atFirst
        /// Never.
        case never
    }

    @usableFromInline var poolIndex: Int32
    @usableFromInline var attemptCount: UInt16 = 0
    @usableFromInline var staleCount: UInt8 = 0
    /// An attempt has failed that an origin may have died of, or hangs on: the request is sent once more at most.
    @usableFromInline var wasRepeated = false
    /// The attempt that is under way, or was the last.
    public var current = Attempt()
    /// A second attempt that is under way beside it (hedging).
    public var other = Attempt()
    /// What of the request decides where it goes.
    public var pick = PickRequest()
    /// Endpoints that were asked, or passed over because they had no place.
    public var tried = TriedEndpoints()
    /// When the request began to wait in the queue.
    @usableFromInline var queuedSince: Int64 = 0
    /// When the present attempt must have been answered, and when another endpoint is asked as well; `.max` for never.
    @usableFromInline var tryDeadline = Int64.max
    @usableFromInline var hedgeTime = Int64.max
    /// Why the latest attempt failed.
    @usableFromInline var lastFailure: Reason?
    @usableFromInline var waiting = Wait.nothing
    public var priority: Priority
    /// The pool has let the request in, and must be told when it is over: say `leave`.
    public var isAdmitted = false
    /// The budget counts one of the attempts as a retry, or will when it comes.
    @usableFromInline var holdsBudget = false
    /// An endpoint that was tried will do for the next attempt when there is no other.
    @usableFromInline var mayReturn = false
    /// A connection has broken with the request on its way.
    @usableFromInline var hasBroken = false
    /// Whether the request may be sent again once an origin can have some of it.
    public var repeatability = Repeatability.whole

    /// - Parameter pool: an index into the snapshot; -1 while undecided.
    @inlinable
    public init(pool: Int, priority: Priority = .normal) {
        poolIndex = Int32(truncatingIfNeeded: pool)
        self.priority = priority
    }

    /// A visit to the pool that takes what another could not.
    ///
    /// - Parameter before: the visit to the other, which has ended. Whom it asked last is still told, until this one asks.
    public init(pool: Int, after before: PoolVisit) {
        self.init(pool: pool, priority: before.priority)
        current.endpoint = before.current.endpoint
        wasRepeated = before.wasRepeated
        hasBroken = before.hasBroken
        repeatability = before.repeatability
    }

    /// An index into the snapshot; -1 while undecided.
    @inlinable public var pool: Int {
        get { Int(poolIndex) }
        set { poolIndex = Int32(truncatingIfNeeded: newValue) }
    }

    /// Attempts made; replacing a stale connection is none.
    @inlinable public var attempts: Int { Int(attemptCount) }

    /// How often a connection that had gone stale was replaced.
    @inlinable public var staleReplacements: Int { Int(staleCount) }

    /// What the request waits for, besides what its connections tell.
    @inlinable public var wait: Wait { waiting }

    /// Whether the budget counts one of the attempts, or the next, as a retry.
    @inlinable public var isBudgeted: Bool { holdsBudget }

    /// When the request began to wait in the queue.
    @inlinable public var queuedAt: Int64 { queuedSince }
}

extension PoolVisit {
    /// What follows a fact.
    @frozen
    public enum Step: Sendable {
        /// `begin` an attempt at that endpoint. Its place is counted, and a connection is leased, or is to be opened.
        case start(endpoint: Int, UpstreamConnectionPool.LeaseAction)
        /// Choose again, now: say `seek`, or `choose` and `settle`.
        case seek
        /// The request waits in the queue, for so many microseconds at most: then say `patienceEnded`.
        case queue(for: Int64)
        /// The request was in the queue and stays there.
        case staysQueued
        /// The next attempt is due after so many microseconds: then say `pauseEnded` and `seek`.
        case pause(for: Int64)
        /// The pool does not take the request, or has failed it.
        case refuse(Reason)
    }

    /// What the visit has to know of its request.
    @frozen
    public struct Request: Sendable {
        /// Whether its method is safe (RFC 9110 section 9.2.1).
        public var isSafe: Bool
        /// Whether it may be made twice: its method is idempotent (RFC 9110 section 9.2.2), or route or pool want all methods
        /// tried again (`RetryRules.repeatsAll`).
        public var isRepeatable: Bool
        /// Whether all of the request can be sent again: none of its body was let go.
        public var isReplayable: Bool
        /// Whether what is to be sent again is still there.
        public var isKept: Bool

        @inlinable
        public init(isSafe: Bool, isRepeatable: Bool, isReplayable: Bool, isKept: Bool) {
            self.isSafe = isSafe
            self.isRepeatable = isRepeatable
            self.isReplayable = isReplayable
            self.isKept = isKept
        }
    }

    @inlinable
    func progress(_ request: Request) -> RetryPolicy.Progress {
        RetryPolicy.Progress(
            isSafe: request.isSafe, isRepeatable: request.isRepeatable, wasSent: current.wasSent,
            isReplayable: request.isReplayable, attempts: attempts, staleReplacements: staleReplacements,
            wasRepeated: wasRepeated)
    }
}

// MARK: - It comes and goes

extension PoolVisit {
    /// The request comes to the pool, which may refuse it (`overloaded`).
    @inlinable @inline(__always)
    public mutating func enter<Counts>(_ origins: inout Origins<Counts>, now: Int64) -> Bool {
        isAdmitted = origins.dispatchers[pool].arrived(priority, now: now)
        return isAdmitted
    }

    /// The visit is over, however it ended. Its attempts have ended, and it has left the queue, before.
    ///
    /// - Parameter headReceived: when the head of the response that was passed on came; nil for none.
    @inlinable @inline(__always)
    public mutating func leave<Counts>(
        _ origins: inout Origins<Counts>, headReceived: Int64?, now: Int64
    ) {
        if holdsBudget { giveBackBudget(to: &origins) }
        guard isAdmitted else { return }
        isAdmitted = false
        let latency = headReceived.flatMap { current.isJudged ? max(0, $0 - current.started) : nil }
        origins.dispatchers[pool].departed(latency: latency, now: now)
    }

    @inlinable
    mutating func giveBackBudget<Counts>(to origins: inout Origins<Counts>) {
        guard holdsBudget else { return }
        holdsBudget = false
        origins.dispatchers[pool].retryEnded()
    }
}
