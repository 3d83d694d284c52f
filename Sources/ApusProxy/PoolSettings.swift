import ApusBalancing
import ApusModel

/// What a worker reads of a pool on the request path, as plain numbers: times in microseconds, `.max` for never.
struct PoolSettings: BitwiseCopyable {
    /// Its first endpoint, as an index into the snapshot.
    let start: Int
    /// Exchanges in flight on one endpoint, and in the pool, at most; `.max` for no limit.
    let endpointLimit: Int
    let limit: Int
    /// Whether exchanges in flight are counted over all workers: per endpoint, and for the pool.
    let countsLoad: Bool
    let countsTotal: Bool
    let hasQueue: Bool
    let queueTimeout: Int64
    let perTry: Int64
    let hedgeAfter: Int64
    /// Whether either of them is not for ever.
    let limitsTries: Bool
    /// Bytes of a request's body that are kept so that it can be sent again.
    let keptBody: Int
    let hasConcurrencyLimit: Bool
    /// Retry-After of a request that was shed, in seconds.
    let retryAfter: Int
    /// The pool that answers when this one cannot; -1 for none.
    let fallbackPool: Int
    let hasFallback: Bool
    /// Retry-After of a response that is the fallback, in seconds; 0 for none.
    let fallbackRetryAfter: Int
    /// Whether something of a request's head, other than its route, decides where it goes or whether it may.
    let looksAtHead: Bool
    let hasSessions: Bool
    /// Whether an origin's Apus-Reason goes on to the client.
    let keepsReasons: Bool
    /// Whether trailers of requests go on. Those to a pool whose fallback does not want them do not: a request is written
    /// once for both.
    let passesTrailers: Bool

    init(_ pool: Pool, of snapshot: Snapshot) {
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
        keptBody = pool.retries.attempts > 1 ? pool.retries.bodyBytes : 0
        hasConcurrencyLimit = pool.concurrency != nil
        retryAfter = max(1, Int((pool.concurrency?.retryAfter ?? .seconds(1)).components.seconds))
        fallbackPool = if case .pool(let other) = pool.fallback { other } else { -1 }
        hasFallback = pool.fallback != nil
        fallbackRetryAfter =
            if case .response(let response) = pool.fallback {
                Int(response.retryAfter?.components.seconds ?? 0)
            } else {
                0
            }
        hasSessions = pool.sticky != nil
        keepsReasons = pool.keepsReasons
        passesTrailers = pool.passesTrailers && (fallbackPool < 0 || snapshot.pools[fallbackPool].passesTrailers)
        looksAtHead = pool.balance == .hash || pool.sticky != nil || pool.concurrency?.priorityHeader != nil
    }
}
