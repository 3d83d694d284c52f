public import ApusModel

/// What all workers together know of one circuit breaker: its state, why, since when, how often it opened.
///
/// The breakers themselves are the workers' (`CircuitBreaker`), who cannot wait for anybody. Each reports what its own
/// does; the first report of a change counts, and is passed on to the other workers; their reports of the same change
/// are repetitions then. Openings at one time are one opening, until the latest of their ends, as it is for the workers.
///
/// A report can also be older than what is known: its worker sent it before it was told. Such a one is recognised by
/// where a breaker can go: from closed it opens; from its n-th opening in a row it becomes half-open or, its trial
/// having failed, opens for the time n + 1; it closes when half-open, which it may have become unsaid once its time was
/// up. Anything else is late and ignored, and its worker has the newer state in its mailbox already.
public struct BreakerStatus: Sendable, Hashable {
    public private(set) var state = BreakerState.closed
    /// Why it last opened; nil while it is closed.
    public private(set) var cause: BreakerCause?
    /// When its state last changed; nil while it never has.
    public private(set) var changedAt: Int64?
    /// How often it has opened.
    public private(set) var openings = 0

    public init() {}

    /// The state without its figures.
    public enum Kind: String, Sendable, CaseIterable {
        case closed
        case open
        case halfOpen = "half_open"
    }

    public var kind: Kind {
        switch state {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// The state as people read it: `breaker open until 14:03:20Z: 12 of 20 requests failed`.
    ///
    /// - Parameter now: tells an open breaker whose time is up, which stays so until a request comes.
    public func words(now: Int64, clock: (Int64) -> String) -> String {
        let reason = cause.map { ": \($0)" } ?? ""
        return switch state {
        case .closed: "breaker closed"
        case .open(let until, _) where until <= now:
            "breaker open, the next request tries again (since \(clock(until)))\(reason)"
        case .open(let until, _): "breaker open until \(clock(until))\(reason)"
        case .halfOpen: "breaker half-open"
        }
    }

    /// Takes what a worker reported; false when it is known already or out of date.
    mutating func take(_ reported: BreakerState, _ cause: BreakerCause?, now: Int64) -> Bool {
        switch (state, reported) {
        case (.open(let until, let known), .open(let end, let count)) where count <= known:
            guard end > until else { return false }
            state = .open(until: end, openings: known)
            return true
        case (.closed, .open), (.open, .open): break
        case (.halfOpen(let known), .open(_, let count)): guard count > known else { return false }
        case (.open(_, let known), .halfOpen(let count)): guard count >= known else { return false }
        case (.open(let until, _), .closed): guard now >= until else { return false }
        case (.halfOpen, .closed): break
        case (.closed, _), (.halfOpen, .halfOpen): return false
        }
        if case .open = reported {
            self.cause = cause
            openings += 1
        } else if reported == .closed {
            self.cause = nil
        }
        state = reported
        changedAt = now
        return true
    }
}
