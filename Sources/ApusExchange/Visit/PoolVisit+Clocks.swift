/// Clocks: when an attempt has taken too long, and when a second endpoint is asked.
extension PoolVisit {
    /// What an attempt's time is up for.
    public enum Due: Sendable {
        case nothing
        /// The attempt, and the one beside it, must have been answered by now.
        case tryLimit
        /// Another endpoint may be asked as well: say `hedge`.
        case hedge
    }

    /// The request was sent: its attempt's time begins.
    ///
    /// - Parameter perTry: how long an attempt may take until it is answered; `.max` for as long as any response may.
    public mutating func setTryLimits(perTry: Int64, hedgeAfter: Int64, now: Int64) {
        tryDeadline = perTry == .max ? .max : now + perTry
        hedgeTime = attempts == 1 && hedgeAfter != .max ? now + hedgeAfter : .max
    }

    /// The current attempt goes on alone, and has the time left that it had.
    public mutating func keepTryLimit(perTry: Int64, now: Int64) {
        if perTry != .max { tryDeadline = max(now, current.started + perTry) }
    }

    /// When `takeDue` is to be asked; `.max` for never.
    public var nextDue: Int64 { min(tryDeadline, hedgeTime) }

    /// What is due now. Says each once.
    public mutating func takeDue(now: Int64) -> Due {
        if tryDeadline <= now {
            tryDeadline = .max
            return .tryLimit
        }
        guard hedgeTime <= now else { return .nothing }
        hedgeTime = .max
        return .hedge
    }
}
