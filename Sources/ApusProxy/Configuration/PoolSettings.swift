import ApusBalancing
import ApusModel

/// What a worker reads of a pool on the request path besides `PoolRules`.
struct PoolSettings: BitwiseCopyable {
    /// Bytes of a request's body that are kept so that it can be sent again.
    let keptBody: Int
    /// Whether requests of any method are tried again.
    let repeatsAll: Bool
    let hasConcurrencyLimit: Bool
    /// Retry-After of a request that was shed, in seconds.
    let retryAfter: Int
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
        keptBody = pool.retries.attempts > 1 ? pool.retries.bodyBytes : 0
        repeatsAll = pool.retries.repeatsAll
        hasConcurrencyLimit = pool.concurrency != nil
        retryAfter = max(1, Int((pool.concurrency?.retryAfter ?? .seconds(1)).components.seconds))
        fallbackRetryAfter =
            if case .response(let response) = pool.fallback {
                Int(response.retryAfter?.components.seconds ?? 0)
            } else {
                0
            }
        hasSessions = pool.sticky != nil
        keepsReasons = pool.keepsReasons
        let fallback: Pool? = if case .pool(let other) = pool.fallback { snapshot.pools[other] } else { nil }
        passesTrailers = pool.passesTrailers && (fallback?.passesTrailers ?? true)
        looksAtHead = pool.balance == .hash || pool.sticky != nil || pool.concurrency?.priorityHeader != nil
    }
}
