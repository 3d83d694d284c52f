public import ApusModel

/// A circuit breaker, of an endpoint or of a pool, in one worker: it stops sending requests where they fail, waits, and
/// tries a few before it sends all again.
///
/// - **Closed**: everything is let through, and its outcome counted. It opens after so many failures in a row, or when too
///   large a part of the window failed or was slow.
/// - **Open**: nothing is let through until its time is up. Outcomes of requests from before do not count.
/// - **Half-open**: `trials` requests are let through. It closes when as many have succeeded, and opens again with the
///   first that fails, for twice as long as the last time. A trial that is slow has failed, if slowness is looked at.
///
/// Trials that are not answered within the length of the last opening are given up and replaced, as often as needed;
/// should one of them fail later, or succeed, that still counts.
///
/// Every worker has its own and decides by what it sees itself; it reports its changes, and the others `adopt` them. What
/// a request told is matched to the breaker's state by the time at which the request was let in, so that requests carry no
/// mark.
///
/// Nygard, "Release It!" (2007), named the pattern; the windows, slow calls and trials follow resilience4j. Each call
/// costs a few comparisons; the window's buckets are allocated with the first request, and nothing after.
public struct CircuitBreaker: Sendable {
    @usableFromInline
    enum Phase: UInt8, Sendable, BitwiseCopyable { case closed, open, halfOpen }

    @usableFromInline let limits: BreakerLimits
    @usableFromInline var window: BreakerWindow
    @usableFromInline var phase = Phase.closed
    /// Openings in a row; 0 when closed.
    @usableFromInline var openings: Int32 = 0
    @usableFromInline var failuresInARow: UInt32 = 0
    /// Trials let through and not heard of, and those that succeeded; while half-open.
    @usableFromInline var trialsOut: Int32 = 0
    @usableFromInline var trialsSucceeded: Int32 = 0
    /// The last change: only requests let in since then count.
    @usableFromInline var since = Int64.min
    /// While open: until when. While half-open: when the trials that are out have all had their time.
    @usableFromInline var until: Int64 = 0
    /// While half-open: since when the present trials have been handed out.
    @usableFromInline var trialsSince: Int64 = 0
    /// How long trials may go unanswered: as long as it was open, and at least as long as a first opening.
    @usableFromInline var trialTime: Int64 = 0
    @usableFromInline var random: SplitMix64

    /// - Parameters:
    ///   - workers: how many share the minimum volume and the trials; each has at least one.
    ///   - seed: of the jitter of its opening times.
    public init(_ rules: BreakerRules, workers: Int, seed: UInt64) {
        limits = BreakerLimits(rules, workers: workers)
        window = BreakerWindow(length: rules.window.inMicroseconds)
        random = SplitMix64(seed: seed)
    }

    /// An open breaker whose time is up says open until the first `admit` makes it half-open.
    @inlinable
    public var state: BreakerState {
        switch phase {
        case .closed: .closed
        case .open: .open(until: until, openings: Int(openings))
        case .halfOpen: .halfOpen(openings: Int(openings))
        }
    }

    // MARK: A request comes

    /// Whether `admit` would refuse: it is open, or half-open with all trials handed out.
    @inlinable
    public func isOpen(now: Int64) -> Bool {
        switch phase {
        case .closed: false
        case .open: now < until
        case .halfOpen: trialsOut + trialsSucceeded >= limits.trials && now < until
        }
    }

    /// Lets a request through, or does not. One that is let through must be told of, once, by `succeeded`, `failed` or
    /// `cancelled`.
    ///
    /// An open breaker whose time is up becomes half-open: that is the only change that no method returns, since every
    /// worker makes it by itself; compare `state` before and after to log it.
    @inlinable
    public mutating func admit(now: Int64) -> Bool {
        if phase == .closed { return true }
        return admitTrial(now: now)
    }

    @usableFromInline
    mutating func admitTrial(now: Int64) -> Bool {
        guard !isOpen(now: now) else { return false }
        if phase == .open {
            phase = .halfOpen
            since = now
            trialsSucceeded = 0
            trialsOut = 0
            trialsSince = now
        } else if now >= until {
            // Those that are out have had their time.
            trialsOut = 0
            trialsSince = now
        }
        trialsOut += 1
        until = now + trialTime
        return true
    }

    // MARK: A request has ended

    /// A request has been answered well.
    ///
    /// - Parameters:
    ///   - isSlow: whether its response began later than `BreakerRules.slowAfter`.
    ///   - admitted: when `admit` let it through, as `now` was then.
    @inlinable
    public mutating func succeeded(isSlow: Bool, admitted: Int64, now: Int64) -> BreakerChange? {
        guard admitted >= since else { return nil }
        switch phase {
        case .closed:
            failuresInARow = 0
            guard limits.looksAtWindow else { return nil }
            window.count(isFailed: false, isSlow: isSlow, now: now)
            return isSlow ? openIfTooMany(now: now) : nil
        case .open:
            return nil
        case .halfOpen:
            if isSlow && limits.slowPercent > 0 { return open(.trialFailed, now: now) }
            return trialSucceeded(admitted: admitted, now: now)
        }
    }

    /// A request has failed.
    @inlinable
    public mutating func failed(admitted: Int64, now: Int64) -> BreakerChange? {
        guard admitted >= since else { return nil }
        switch phase {
        case .closed:
            failuresInARow &+= 1
            if limits.consecutiveFailures > 0 && failuresInARow >= limits.consecutiveFailures {
                return open(.consecutiveFailures(Int(failuresInARow)), now: now)
            }
            guard limits.looksAtWindow else { return nil }
            window.count(isFailed: true, isSlow: false, now: now)
            return openIfTooMany(now: now)
        case .open:
            return nil
        case .halfOpen:
            return open(.trialFailed, now: now)
        }
    }

    /// A request that was let through has ended without telling anything: the client left, or it was never sent. If it was
    /// a trial, another may take its place.
    @inlinable
    public mutating func cancelled(admitted: Int64, now: Int64) {
        if phase == .halfOpen && admitted >= trialsSince && trialsOut > 0 { trialsOut -= 1 }
    }

    @usableFromInline
    mutating func trialSucceeded(admitted: Int64, now: Int64) -> BreakerChange? {
        // One that was given up has had its place taken; its success counts all the same.
        if admitted >= trialsSince && trialsOut > 0 { trialsOut -= 1 }
        trialsSucceeded += 1
        guard trialsSucceeded >= limits.trials else { return nil }
        close(now: now)
        return BreakerChange(state: state, cause: nil)
    }

    @usableFromInline
    mutating func openIfTooMany(now: Int64) -> BreakerChange? {
        let counts = window.total
        guard counts.all >= limits.minimumVolume else { return nil }
        let all = UInt64(counts.all)
        if limits.failurePercent > 0 && UInt64(counts.failed) * 100 >= UInt64(limits.failurePercent) * all {
            return open(.failures(failed: Int(counts.failed), total: Int(all)), now: now)
        }
        if limits.slowPercent > 0 && UInt64(counts.slow) * 100 >= UInt64(limits.slowPercent) * all {
            return open(.slowCalls(slow: Int(counts.slow), total: Int(all)), now: now)
        }
        return nil
    }

    // MARK: Another worker's changes

    /// Takes over a change that another worker made. It is not reported again.
    ///
    /// News may come late or in another order, and two workers may have changed at once. All share one clock, which
    /// settles it: of two openings the one that ends later holds; one that has ended is no news; and since closing takes
    /// trials, and trials an opening that has ended, whoever is open for longer knows more than whoever closed. So a
    /// worker's failed trial outweighs another's that succeeded at the same moment, whichever is heard of first. That
    /// another is half-open changes nothing: each becomes so by itself.
    public mutating func adopt(_ news: BreakerState, now: Int64) {
        switch news {
        case .open(let until, let openings):
            guard until > now, phase != .open || until > self.until else { return }
            becomeOpen(until: until, openings: Int32(clamping: openings), now: now)
        case .closed:
            guard phase == .halfOpen || (phase == .open && until <= now) else { return }
            close(now: now)
        case .halfOpen:
            break
        }
    }

    // MARK: A reload

    /// Goes on as the breaker did before a reload. Where the rules have changed, one that was closed starts anew, one that
    /// was open stays so until its time, and one that was half-open hands its trials out again.
    ///
    /// - Parameter isAlike: whether what the breaker is not told of, when an answer is slow, is as it was.
    mutating func inherit(from old: CircuitBreaker, isAlike: Bool, now: Int64) {
        guard !isAlike || limits != old.limits || window.bucketLength != old.window.bucketLength else {
            self = old
            return
        }
        random = old.random
        switch old.phase {
        case .closed: break
        case .open: becomeOpen(until: old.until, openings: old.openings, now: now)
        case .halfOpen: becomeOpen(until: now, openings: old.openings, now: now)
        }
    }

    // MARK: Changes

    @usableFromInline
    mutating func open(_ cause: BreakerCause, now: Int64) -> BreakerChange {
        let openings = openings == Int32.max ? openings : openings + 1
        becomeOpen(until: now + limits.openTime(openings: openings, &random), openings: openings, now: now)
        return BreakerChange(state: state, cause: cause)
    }

    private mutating func becomeOpen(until: Int64, openings: Int32, now: Int64) {
        phase = .open
        self.openings = openings
        self.until = until
        trialTime = max(until - now, limits.open)
        since = now
        failuresInARow = 0
        window.clear()
    }

    private mutating func close(now: Int64) {
        phase = .closed
        openings = 0
        since = now
        failuresInARow = 0
    }
}

/// A circuit breaker's new state.
public struct BreakerChange: Sendable, Hashable {
    public var state: BreakerState
    /// Why it opened; nil when it closed.
    public var cause: BreakerCause?

    @inlinable
    public init(state: BreakerState, cause: BreakerCause?) {
        self.state = state
        self.cause = cause
    }
}
