public import ApusBalancing
public import ApusHTTP

/// Retries: what follows when an attempt has failed.
extension PoolVisit {
    /// What was decided about a failed attempt, and what follows from it.
    ///
    /// The two are apart because a response that is not passed on has to end first: its connection may serve the next
    /// attempt.
    @frozen
    public struct Verdict: Sendable {
        public let decision: PoolDispatcher.Verdict
        public let failure: RetryPolicy.Failure

        @inlinable
        init(decision: PoolDispatcher.Verdict, failure: RetryPolicy.Failure) {
            self.decision = decision
            self.failure = failure
        }

        /// Whether the request is tried again.
        public var isRetry: Bool { if case .giveUp = decision { false } else { true } }
        /// Whether only the budget was in the way.
        public var isDenied: Bool { decision == .giveUp(isDenied: true) }
    }

    /// What follows when the current attempt has failed and ended.
    ///
    /// - Parameters:
    ///   - reason: what the client is told if nothing else is tried.
    ///   - route: the rules of the request's route; nil for the pool's.
    /// - Returns: nil when the other attempt is under way, which is the current one from now on.
    @inlinable
    public mutating func failed<Counts>(
        _ failure: RetryPolicy.Failure, _ reason: Reason, of request: Request, by route: RouteRetries?,
        _ origins: inout Origins<Counts>, now: Int64
    ) -> Verdict? {
        lastFailure = reason
        let wasSent = current.wasSent
        defer {
            if wasSent, failure.mayBeTheRequests { wasRepeated = true }
            if wasSent, failure.isOfConnection { hasBroken = true }
        }
        if promoteOther() { return nil }
        return verdict(failure, of: request, by: route, &origins, now: now)
    }

    /// Whether the request is tried again after that failure.
    @inlinable
    public mutating func verdict<Counts>(
        _ failure: RetryPolicy.Failure, of request: Request, by route: RouteRetries?, _ origins: inout Origins<Counts>,
        now: Int64
    ) -> Verdict {
        giveBackBudget(to: &origins)
        guard request.isKept else { return Verdict(decision: .giveUp(isDenied: false), failure: failure) }
        let progress = progress(request)
        let decision =
            if let route {
                origins.dispatchers[pool].decide(
                    after: failure, of: progress, by: route.policy, pausing: route.backoff, now: now)
            } else {
                origins.dispatchers[pool].decide(after: failure, of: progress, now: now)
            }
        return Verdict(decision: decision, failure: failure)
    }

    /// What follows from a verdict.
    @inlinable
    public mutating func follow<Counts>(_ verdict: Verdict, _ origins: inout Origins<Counts>) -> Step {
        switch verdict.decision {
        case .giveUp: return .refuse(lastFailure ?? .upstreamClosed)
        case .replaceConnection:
            staleCount += 1
            let endpoint = Int(current.endpoint)
            // What was under way when the connection broke is sent once more and not again: to another of the same rank, if
            // nothing binds it to the endpoint, in case that one is about to break every connection.
            if current.wasSent, pick.session == nil, pick.hash == nil, hasPeer(origins) {
                mayReturn = true
                attemptCount &-= 1
                return .seek
            }
            guard endpoint >= 0, let lease = origins.lease(endpoint, of: pool, origins.rules[pool], isFresh: true)
            else {
                return .seek
            }
            return .start(endpoint: endpoint, lease)
        case .retry(let pause, let isBudgeted):
            holdsBudget = isBudgeted
            // Asking the one that just refused, or hangs, again is futile; one that died may be back.
            switch verdict.failure {
            case .connectRefused, .connectTimedOut, .responseHeadTimedOut: mayReturn = false
            default: mayReturn = true
            }
            guard pause > 0 else { return .seek }
            waiting = .backoff
            return .pause(for: pause)
        }
    }

    @usableFromInline
    func hasPeer<Counts>(_ origins: borrowing Origins<Counts>) -> Bool {
        origins.dispatchers[pool].hasPeer(of: Int(current.endpoint) - origins.rules[pool].start, tried)
    }

    /// The pause before the next attempt is over.
    public mutating func pauseEnded() { waiting = .nothing }
}
