public import ApusModel

/// Whether an exchange that failed before its response was begun to be passed on may be tried again, and where.
///
/// What is repeated must not be able to happen twice. RFC 9110 section 9.2.2 forbids a proxy to repeat a request whose
/// method is not idempotent; a request of which the origin can have seen nothing has not been made yet, so that sending
/// it is no repetition. RFC 9112 section 9.3.1 allows idempotent requests to be sent again when a connection closes
/// without an answer.
public struct RetryPolicy: Sendable, Hashable {
    /// How an attempt failed. Once a byte of the response has gone to the client there is no second attempt, and no
    /// question.
    public enum Failure: Sendable, Hashable, CaseIterable {
        /// The connection was refused, or the endpoint was unreachable.
        case connectRefused
        case connectTimedOut
        /// A connection that had served other exchanges was closed or reset.
        case reusedConnectionDied
        /// A connection opened for this exchange was closed or reset.
        case freshConnectionDied
        /// The origin sent something that is not a response.
        case badResponse
        case responseHeadTimedOut
        /// The response did not begin within `RetryRules.perTryTimeout`.
        case tryTimedOut
        /// The response's status is one of `RetryRules.statuses`.
        case status
    }

    /// The exchange so far, the failed attempt included.
    public struct Progress: Sendable, Hashable {
        /// Whether the request's method is idempotent (RFC 9110 section 9.2.2).
        public var isIdempotent: Bool
        /// Whether the kernel accepted any byte of the request on the connection that failed.
        public var wasSent: Bool
        /// Whether all of the request can be sent again: none of its body was let go.
        public var isReplayable: Bool
        /// Attempts made, at least 1. Replacing a stale connection is not an attempt.
        public var attempts: Int
        /// How often a reused connection that died has been replaced.
        public var staleReplacements: Int

        @inlinable
        public init(
            isIdempotent: Bool, wasSent: Bool, isReplayable: Bool, attempts: Int = 1, staleReplacements: Int = 0
        ) {
            self.isIdempotent = isIdempotent
            self.wasSent = wasSent
            self.isReplayable = isReplayable
            self.attempts = attempts
            self.staleReplacements = staleReplacements
        }
    }

    public enum Decision: Sendable, Hashable {
        /// Send it again to the same endpoint over a new connection: add one to `staleReplacements`.
        case retryFreshSameEndpoint
        /// Send it to an endpoint that has not been tried, or, if there is none and the failed one could be reached, to one that
        /// has: add one to `attempts`.
        case retryOtherEndpoint
        /// Answer for the origin.
        case giveUp
    }

    /// Stale connections replaced for one exchange, at most.
    public static let staleReplacementLimit = 2

    /// Attempts made for one exchange, at most, the first included (`RetryRules.attempts`).
    public let attemptLimit: Int
    @usableFromInline let statuses: StatusSet

    public init(_ rules: RetryRules) {
        attemptLimit = rules.attempts
        statuses = StatusSet(rules.statuses)
    }

    /// A policy that looks at no status.
    public init(attemptLimit: Int) {
        self.attemptLimit = attemptLimit
        statuses = StatusSet([])
    }

    /// Whether a response with this status is a failure, `.status`, to ask `decide` about.
    @inlinable
    public func retriesStatus(_ status: Int) -> Bool { statuses.contains(status) }

    public func decide(after failure: Failure, of progress: Progress) -> Decision {
        guard progress.isReplayable else { return .giveUp }
        let isSafe = progress.isIdempotent || !progress.wasSent
        switch failure {
        case .connectRefused, .connectTimedOut:
            return another(progress)
        case .reusedConnectionDied:
            guard isSafe else { return .giveUp }
            // Most likely the origin closed it as idle while the request was on its way, which says nothing about the
            // endpoint: hence the same one, and no attempt spent.
            let isStale = progress.staleReplacements < Self.staleReplacementLimit
            return isStale ? .retryFreshSameEndpoint : another(progress)
        case .freshConnectionDied, .tryTimedOut, .status:
            // Whoever configures statuses or a time per attempt has said that another endpoint is worth it.
            return isSafe ? another(progress) : .giveUp
        case .badResponse, .responseHeadTimedOut:
            // The origin is at work on it or has answered. Asking another would multiply the load that made the first
            // one slow, and the client has waited long enough.
            return .giveUp
        }
    }

    private func another(_ progress: Progress) -> Decision {
        progress.attempts < attemptLimit ? .retryOtherEndpoint : .giveUp
    }
}
