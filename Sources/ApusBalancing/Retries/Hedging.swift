public import ApusModel

/// When a request is sent to a second endpoint although the first has not failed.
///
/// The answer that begins first counts, and the other attempt is cut off: what one slow endpoint, or one pause of it, adds
/// to the slowest requests is gone, for a few more requests. Set the delay at about the 95th percentile of latency, and one
/// request in twenty is sent twice: Dean, Barroso, "The Tail at Scale", CACM 56(2), 2013. A hedge is at most one per
/// request, is load like a retry, and comes out of the same `RetryBudget`.
public struct Hedging: Sendable, Hashable {
    /// A request, as far as hedging goes.
    public struct Progress: Sendable, Hashable {
        /// Whether the request's method is idempotent (RFC 9110 section 9.2.2).
        public var isIdempotent: Bool
        /// Whether all of the request can be sent again.
        public var isReplayable: Bool
        /// Whether any byte of a response has come.
        public var hasBegun: Bool
        /// Attempts in flight: with none the request is being retried, with two it is hedged already.
        public var attemptsInFlight: Int

        @inlinable
        public init(isIdempotent: Bool, isReplayable: Bool, hasBegun: Bool, attemptsInFlight: Int) {
            self.isIdempotent = isIdempotent
            self.isReplayable = isReplayable
            self.hasBegun = hasBegun
            self.attemptsInFlight = attemptsInFlight
        }
    }

    public enum Decision: Sendable, Hashable {
        /// Send it to another endpoint too; the budget has counted it, until `RetryBudget.retryEnded`.
        case send
        /// Ask again at this time, in microseconds.
        case wait(until: Int64)
        /// Leave it at the one attempt.
        case leave
    }

    /// How long the first endpoint has, in microseconds.
    public let delay: Int64

    public init(_ rules: HedgingRules) {
        delay = max(0, rules.after.inMicroseconds)
    }

    /// - Parameter sent: when the request was sent to the first endpoint.
    @inlinable
    public func decide(_ progress: Progress, sent: Int64, budget: inout RetryBudget, now: Int64) -> Decision {
        guard progress.isIdempotent && progress.isReplayable, !progress.hasBegun, progress.attemptsInFlight == 1 else {
            return .leave
        }
        guard now - sent >= delay else { return .wait(until: sent + delay) }
        return budget.tryRetry(now: now) ? .send : .leave
    }
}
