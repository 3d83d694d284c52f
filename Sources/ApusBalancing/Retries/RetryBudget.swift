public import ApusModel

/// How many retries one worker may make for one pool: a share of its requests in flight, and a few per second whatever
/// they are.
///
/// Retries multiply load just when there is too much of it; three attempts a layer over three layers make twenty-seven.
/// A share of the present requests holds that to a fifth, however many fail. The few per second are for pools with little
/// traffic, of whose requests a fifth is less than one. Hedged requests count as retries: they are extra load too.
///
/// The share is Envoy's retry budget (`budget_percent` of active requests), the reserve is that of Finagle's and linkerd's
/// (`minRetriesPerSec`): a token bucket that holds a second's worth, at least one. Each call costs a few additions.
///
/// Each worker has its own: the share is of its own requests, the reserve is divided.
public struct RetryBudget: Sendable {
    @usableFromInline var requests = 0
    @usableFromInline var retries = 0

    @usableFromInline let percent: Int
    // The bucket counts in fractions of a token so small that every microsecond adds a whole number of them, and nothing
    // is lost to rounding.
    @usableFromInline let creditPerMicrosecond: Int64
    @usableFromInline let creditPerToken: Int64
    @usableFromInline let mostCredit: Int64
    @usableFromInline var credit: Int64
    @usableFromInline var creditedAt: Int64

    /// - Parameter workers: how many share the retries per second.
    public init(_ rules: RetryRules, workers: Int, now: Int64) {
        percent = max(0, rules.budgetPercent)
        creditPerMicrosecond = Int64(min(max(0, rules.minimumPerSecond), 1_000_000))
        creditPerToken = Int64(max(1, workers)) * 1_000_000
        mostCredit = creditPerMicrosecond == 0 ? 0 : max(creditPerToken, creditPerMicrosecond * 1_000_000)
        credit = mostCredit
        creditedAt = now
    }

    /// Goes on where the budget stood before a reload: what is in flight, and the tokens that are left.
    mutating func inherit(from old: RetryBudget) {
        requests = old.requests
        retries = old.retries
        creditedAt = old.creditedAt
        // Tokens are cut differently when the rules or the workers change: as many are left.
        let tokens = Double(old.credit) / Double(old.creditPerToken)
        let isAlike = creditPerToken == old.creditPerToken
        credit = min(mostCredit, isAlike ? old.credit : Int64(tokens * Double(creditPerToken)))
    }

    @inlinable
    public var requestsInFlight: Int { requests }
    /// Retries let in by `tryRetry` that have not ended.
    @inlinable
    public var retriesInFlight: Int { retries }

    /// A request was let in. One that is tried again, or waits, is still one.
    @inlinable
    public mutating func requestStarted() { requests += 1 }

    /// A request is over.
    @inlinable
    public mutating func requestEnded() {
        precondition(requests > 0, "a request ended that had not started")
        requests -= 1
    }

    /// Whether one more retry, or hedge, may be made. If so it is in flight until `retryEnded`.
    @inlinable
    public mutating func tryRetry(now: Int64) -> Bool {
        guard isWithinShare || takeToken(now: now) else { return false }
        retries += 1
        return true
    }

    /// A retry that `tryRetry` let in is over.
    @inlinable
    public mutating func retryEnded() {
        precondition(retries > 0, "a retry ended that had not started")
        retries -= 1
    }

    /// Whether the share, with one retry more, would still be kept.
    @inlinable
    var isWithinShare: Bool { (retries + 1) * 100 <= percent * requests }

    @inlinable
    mutating func takeToken(now: Int64) -> Bool {
        let elapsed = max(0, now - creditedAt)
        creditedAt = max(now, creditedAt)
        // Two seconds' worth may still be less than a token: the bucket fills in at most `creditPerToken` microseconds.
        let fills = elapsed >= max(creditPerToken, 1_000_000)
        credit = fills ? mostCredit : min(mostCredit, credit + elapsed * creditPerMicrosecond)
        guard credit >= creditPerToken else { return false }
        credit -= creditPerToken
        return true
    }
}
