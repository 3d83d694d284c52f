/// How many requests a pool and its endpoints may have in flight, over all workers, and how many may wait.
public struct RequestLimits: Sendable, Equatable {
    /// Exchanges in flight on one endpoint; nil for no limit.
    public var perEndpoint: Int?
    /// Exchanges in flight in the pool; nil for no limit.
    public var perPool: Int?
    /// Where requests wait that find every endpoint, or the pool, at its limit; nil: they are refused at once.
    public var queue: QueueRules?

    public init(perEndpoint: Int? = nil, perPool: Int? = nil, queue: QueueRules? = nil) {
        self.perEndpoint = perEndpoint
        self.perPool = perPool
        self.queue = queue
    }
}

/// The queue of requests that wait for an endpoint.
public struct QueueRules: Sendable, Equatable {
    public enum Order: String, Sendable, CaseIterable {
        /// First in, first out.
        case fifo
        /// First in, first out, until requests have waited for more than half of `timeout`; then the newest first: whoever
        /// has waited longest is the most likely to have gone, and some are served in time instead of none.
        case adaptive
    }

    /// Requests that may wait, over all workers.
    public var length: Int
    /// How long one may wait.
    public var timeout: Duration
    public var order: Order

    public init(length: Int = 1024, timeout: Duration = .seconds(5), order: Order = .fifo) {
        self.length = length
        self.timeout = timeout
        self.order = order
    }
}

/// When a circuit breaker opens, for how long, and how it closes again.
public struct BreakerRules: Sendable, Equatable {
    /// Failures in a row; nil: not looked at. A failure is what it is to `OutlierRules`.
    public var consecutiveFailures: Int?
    /// Percent of failures in `window`; nil: not looked at.
    public var failurePercent: Int?
    /// Percent of responses in `window` that began later than `slowAfter`; nil: not looked at.
    public var slowPercent: Int?
    public var slowAfter: Duration
    public var window: Duration
    /// Requests in `window` below which no ratio is looked at.
    public var minimumVolume: Int
    /// How long it stays open at first; twice as long each time its trial fails, up to `maximumOpen`.
    public var open: Duration
    public var maximumOpen: Duration
    /// Requests that are let through while it is half-open; it closes when all of them succeed.
    public var trials: Int

    public init(
        consecutiveFailures: Int? = 5, failurePercent: Int? = 50, slowPercent: Int? = nil,
        slowAfter: Duration = .seconds(1), window: Duration = .seconds(10), minimumVolume: Int = 20,
        open: Duration = .seconds(5), maximumOpen: Duration = .seconds(60), trials: Int = 3
    ) {
        self.consecutiveFailures = consecutiveFailures
        self.failurePercent = failurePercent
        self.slowPercent = slowPercent
        self.slowAfter = slowAfter
        self.window = window
        self.minimumVolume = minimumVolume
        self.open = open
        self.maximumOpen = maximumOpen
        self.trials = trials
    }
}

/// What is tried again, how often and when.
public struct RetryRules: Sendable, Equatable {
    /// Endpoints tried for one request, the first included.
    public var attempts: Int
    /// Statuses of responses that are not passed on while another attempt may be made. None by default.
    public var statuses: [Int]
    /// How long one attempt may take until its response begins; nil for `Timeouts.responseHead` alone.
    public var perTryTimeout: Duration?
    /// Bytes of a request body that are kept so that it can be sent again.
    public var bodyBytes: Int
    /// The longest pause before the second attempt; it doubles with each further one, up to `maximumBackoff`, and each
    /// pause is drawn evenly from 0 to that. A failure to connect is tried elsewhere without a pause.
    public var backoff: Duration
    public var maximumBackoff: Duration
    /// Percent of the requests in flight that may be retries.
    public var budgetPercent: Int
    /// Retries a second that are allowed whatever the budget says. Ten, as in Finagle: with less, the first failures of an
    /// endpoint under light load, from which passive health learns, are denied their second attempt.
    public var minimumPerSecond: Int
    /// Whether requests whose method is not idempotent, such as POST, are tried again as the others are: the origins then
    /// bear it that one is made twice.
    public var repeatsAll: Bool

    public init(
        attempts: Int = 3, statuses: [Int] = [], perTryTimeout: Duration? = nil, bodyBytes: Int = 64 << 10,
        backoff: Duration = .milliseconds(25), maximumBackoff: Duration = .milliseconds(250), budgetPercent: Int = 20,
        minimumPerSecond: Int = 10, repeatsAll: Bool = false
    ) {
        self.repeatsAll = repeatsAll
        self.attempts = attempts
        self.statuses = statuses
        self.perTryTimeout = perTryTimeout
        self.bodyBytes = bodyBytes
        self.backoff = backoff
        self.maximumBackoff = maximumBackoff
        self.budgetPercent = budgetPercent
        self.minimumPerSecond = minimumPerSecond
    }
}

/// When a request is sent to a second endpoint although the first has not failed: the answer that begins first counts.
public struct HedgingRules: Sendable, Equatable {
    /// How long the first endpoint has.
    public var after: Duration

    public init(after: Duration) { self.after = after }
}

/// A limit on a pool's requests in flight that finds itself: it grows while latency stays low and shrinks when it rises.
public struct ConcurrencyRules: Sendable, Equatable {
    public var initial: Int
    public var minimum: Int
    public var maximum: Int
    /// How often the limit is looked at.
    public var interval: Duration
    /// How much longer than without load answers may take before the limit shrinks, in percent.
    public var tolerancePercent: Int
    /// The field that tells a request's priority (`low`, `normal`, `high`); nil when only its route does.
    public var priorityHeader: String?
    /// Retry-After of the requests that are refused.
    public var retryAfter: Duration

    public init(
        initial: Int = 100, minimum: Int = 10, maximum: Int = 10_000, interval: Duration = .seconds(1),
        tolerancePercent: Int = 50, priorityHeader: String? = nil, retryAfter: Duration = .seconds(1)
    ) {
        self.initial = initial
        self.minimum = minimum
        self.maximum = maximum
        self.interval = interval
        self.tolerancePercent = tolerancePercent
        self.priorityHeader = priorityHeader
        self.retryAfter = retryAfter
    }
}

/// Which requests are refused first when there are too many: the low ones.
public enum Priority: UInt8, Sendable, CaseIterable, Comparable, BitwiseCopyable {
    case low, normal, high

    public static func < (one: Priority, other: Priority) -> Bool { one.rawValue < other.rawValue }
}
