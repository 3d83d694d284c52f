public import ApusBalancing
public import ApusModel

/// What a pool's configuration says of its visits, as plain numbers: times in microseconds, `.max` for never.
@frozen
public struct PoolRules: Sendable, BitwiseCopyable {
    /// The pool's first endpoint, as an index into the snapshot.
    public var start: Int
    /// Exchanges in flight on one endpoint, and in the pool, at most; `.max` for no limit.
    public let endpointLimit: Int
    public let limit: Int
    /// Whether exchanges in flight are counted over all workers: per endpoint, and for the pool.
    public let countsLoad: Bool
    public let countsTotal: Bool
    public let hasQueue: Bool
    public let queueTimeout: Int64
    /// How long one attempt may take until it is answered.
    public let perTry: Int64
    /// How long an attempt may take until a second endpoint is asked as well.
    public let hedgeAfter: Int64
    /// Whether either of the two is not for ever.
    public let limitsTries: Bool
    /// The pool that takes what this one cannot; -1 for none.
    public let fallbackPool: Int
    /// Whether another pool or a response takes what this pool cannot.
    public let hasFallback: Bool

    public init(_ pool: Pool) {
        start = pool.endpoints.lowerBound
        endpointLimit = pool.requests.perEndpoint ?? .max
        limit = pool.requests.perPool ?? .max
        countsLoad = pool.looksAtLoad || pool.requests.perEndpoint != nil
        countsTotal = pool.requests.perPool != nil || (pool.balance == .hash && pool.hash.loadFactor != nil)
        hasQueue = pool.requests.queue != nil
        queueTimeout = pool.requests.queue?.timeout.inMicroseconds ?? 0
        perTry = pool.retries.perTryTimeout?.inMicroseconds ?? .max
        hedgeAfter = pool.hedging?.after.inMicroseconds ?? .max
        limitsTries = perTry != .max || hedgeAfter != .max
        fallbackPool = if case .pool(let other) = pool.fallback { other } else { -1 }
        hasFallback = pool.fallback != nil
    }
}

/// The rules of a route's own retries; the budget is its pool's.
public struct RouteRetries: Sendable {
    public let policy: RetryPolicy
    public let backoff: Backoff

    public init(_ rules: RetryRules) {
        policy = RetryPolicy(rules)
        backoff = Backoff(rules)
    }
}

/// What holds of a request where its route may say otherwise than its pool.
extension RouteSettings {
    /// Whether its requests in flight are counted.
    @inlinable public var limitsRequests: Bool { requestLimit != .max }

    /// How long one attempt may take until it is answered; `.max` for as long as any response may.
    @inlinable
    public func perTry(in pool: PoolRules) -> Int64 { hasOwnRetries ? perTry : pool.perTry }

    /// Whether requests of any method are tried again.
    ///
    /// - Parameter pools: what the pool says of it.
    @inlinable
    public func repeatsAll(else pools: Bool) -> Bool { hasOwnRetries ? repeatsAll : pools }
}

extension PoolVisit {
    /// Whether a response with that status is not passed on while another attempt may be made.
    ///
    /// - Parameter route: the rules of the request's route; nil for the pool's.
    @inlinable
    public func retriesStatus<Counts>(
        _ status: Int, by route: RouteRetries?, _ origins: borrowing Origins<Counts>
    ) -> Bool {
        if let route { route.policy.retriesStatus(status) } else { origins.dispatchers[pool].retriesStatus(status) }
    }
}
