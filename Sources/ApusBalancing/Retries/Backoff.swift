public import ApusModel

/// How long to pause before a request is tried again: full jitter.
///
/// The longest pause is `RetryRules.backoff` before the second attempt and doubles with each further one, up to
/// `RetryRules.maximumBackoff`; the pause itself is drawn evenly from zero to that. Drawing from all of the range spreads
/// the requests that failed together furthest apart, and costs the origin the fewest calls: Brooker, "Exponential Backoff
/// And Jitter", AWS Architecture Blog, 2015.
///
/// A failure to connect needs no pause: nothing was sent, and the next attempt goes elsewhere. The caller decides that.
public struct Backoff: Sendable, Hashable {
    /// In microseconds.
    @usableFromInline let first: Int64
    @usableFromInline let longest: Int64

    public init(_ rules: RetryRules) {
        first = max(0, rules.backoff.inMicroseconds)
        longest = max(0, rules.maximumBackoff.inMicroseconds)
    }

    /// The pause before an exchange's `attempt`-th attempt, in microseconds; the second is the first to have one.
    @inlinable
    public func pause(beforeAttempt attempt: Int, _ random: inout SplitMix64) -> Int64 {
        let limit = longestPause(beforeAttempt: attempt)
        return limit == 0 ? 0 : Int64(random.next(below: Int(limit) + 1))
    }

    @inlinable
    func longestPause(beforeAttempt attempt: Int) -> Int64 {
        guard attempt >= 2 else { return 0 }
        let doublings = attempt - 2
        // Doubling past the longest would only overflow.
        guard doublings < 63, first <= longest >> Int64(doublings) else { return first == 0 ? 0 : longest }
        return first << Int64(doublings)
    }
}
