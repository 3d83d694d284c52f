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
        /// No connection could be made, and not for want of time.
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
        /// Whether the request's method is safe (RFC 9110 section 9.2.1).
        public var isSafe: Bool
        /// Whether the request may be made twice: its method is idempotent (RFC 9110 section 9.2.2), or all methods may be
        /// tried again (`RetryRules.repeatsAll`).
        public var isRepeatable: Bool
        /// Whether the kernel accepted any byte of the request on the connection that failed.
        public var wasSent: Bool
        /// Whether all of the request can be sent again: none of its body was let go.
        public var isReplayable: Bool
        /// Attempts made, at least 1. Replacing a stale connection is not an attempt.
        public var attempts: Int
        /// How often a reused connection that died has been replaced.
        public var staleReplacements: Int
        /// Whether it has been sent again once already, after an attempt that an origin may have died of, or hangs on.
        public var wasRepeated: Bool

        @inlinable
        public init(
            isSafe: Bool, isRepeatable: Bool, wasSent: Bool, isReplayable: Bool, attempts: Int = 1,
            staleReplacements: Int = 0, wasRepeated: Bool = false
        ) {
            self.isSafe = isSafe
            self.isRepeatable = isRepeatable
            self.wasRepeated = wasRepeated
            self.wasSent = wasSent
            self.isReplayable = isReplayable
            self.attempts = attempts
            self.staleReplacements = staleReplacements
        }
    }

    public enum Decision: Sendable, Hashable {
        /// Send it again over a new connection (`PoolVisit.follow` says to which endpoint), which costs no attempt: add one to
        /// `staleReplacements`. From then on only new connections will do.
        case replaceConnection
        /// Send it to an endpoint that has not been tried, or, if there is none and the failed one neither refused nor hangs,
        /// to one that has: add one to `attempts`.
        case retryOtherEndpoint
        /// Answer for the origin.
        case giveUp
    }

    /// Stale connections replaced for one exchange, at most.
    public static let staleReplacementLimit = 1

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
        let mayBeSentAgain = progress.isRepeatable || !progress.wasSent
        switch failure {
        case .connectRefused, .connectTimedOut: return another(progress)
        case .reusedConnectionDied:
            guard mayBeSentAgain, !hasHarmed(progress) else { return .giveUp }
            // Most likely the origin closed it as idle while the request was on its way, which says nothing about the
            // endpoint: hence no attempt spent.
            let isStale = progress.staleReplacements < Self.staleReplacementLimit
            return isStale ? .replaceConnection : another(progress)
        case .freshConnectionDied: return mayBeSentAgain && !hasHarmed(progress) ? another(progress) : .giveUp
        // Whoever configures statuses or a time per attempt has said that another endpoint is worth it.
        case .tryTimedOut, .status: return mayBeSentAgain ? another(progress) : .giveUp
        // The origin hangs, or the request is one that takes long. Once more, elsewhere, tells which, and multiplies load
        // by two at most; what is not safe may be under way.
        case .responseHeadTimedOut: return progress.isSafe && !progress.wasRepeated ? another(progress) : .giveUp
        case .badResponse: return .giveUp
        }
    }

    /// Whether the request was under way twice when something broke: it may be what kills origins.
    private func hasHarmed(_ progress: Progress) -> Bool { progress.wasSent && progress.wasRepeated }

    private func another(_ progress: Progress) -> Decision {
        progress.attempts < attemptLimit ? .retryOtherEndpoint : .giveUp
    }
}

extension RetryPolicy.Failure {
    /// Whether a connection has broken that there was.
    @inlinable
    public var isOfConnection: Bool { self == .reusedConnectionDied || self == .freshConnectionDied }

    /// Whether the origin may have died of the request, or hangs on it, if it was sent: it is sent again once at most.
    @inlinable
    public var mayBeTheRequests: Bool {
        switch self {
        case .reusedConnectionDied, .freshConnectionDied, .responseHeadTimedOut: true
        case .connectRefused, .connectTimedOut, .badResponse, .tryTimedOut, .status: false
        }
    }
}
