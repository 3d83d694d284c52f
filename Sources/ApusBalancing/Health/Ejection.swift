internal import ApusModel

/// An endpoint's time out of service, and how long the next one would be.
///
/// The n-th ejection lasts n times `OutlierRules.baseEjection`, up to `maximumEjection`. For each interval that the
/// endpoint has been in service from beginning to end, n falls by one. It is Envoy's rule, but for "from beginning to
/// end": an interval that ends right after the return has shown nothing, and must not undo the ejection before.
struct Ejection: Sendable {
    private(set) var present: Present?
    /// The ejections that the next one's length counts on.
    private(set) var count = 0
    /// When the last ejection ended.
    private var endedAt = Int64.min
    /// Whether what the ejected are asked has been answered well once: then that it is not says something.
    private(set) var hasAnswered = false
    /// How often it has been asked without need, to learn that, and in vain.
    private(set) var asksInVain = 0
    /// Ejections so far, by cause in the order of `EjectionCause.Kind.allCases`.
    private(set) var totals = Array(repeating: 0, count: EjectionCause.Kind.allCases.count)

    struct Present: Sendable {
        let began: Int64
        fileprivate(set) var until: Int64
        let cause: EjectionCause
        /// Probes in a row that have passed since it began.
        var probesPassed = 0
        /// Whether probes have seen the fault as well, so that they see its end.
        var wasSeenByProbes = false
        /// Whether probes see the fault now.
        var isSeenByProbes: Bool { wasSeenByProbes && probesPassed == 0 }
    }

    mutating func begin(_ cause: EjectionCause, rules: OutlierRules, now: Int64) {
        let base = rules.baseEjection.inMicroseconds
        let maximum = rules.maximumEjection.inMicroseconds
        // Counting on beyond the longest time would only put off the day when it is shorter again.
        if base * Int64(count) < maximum { count += 1 }
        present = Present(began: now, until: now + min(base * Int64(count), maximum), cause: cause)
        if let index = EjectionCause.Kind.allCases.firstIndex(of: cause.kind) { totals[index] += 1 }
    }

    /// Its time is over. It goes on where probes see the fault, and would see that there is none; in all no longer than an
    /// ejection may be.
    ///
    /// - Returns: whether it goes on.
    mutating func goesOn(_ rules: OutlierRules, now: Int64) -> Bool {
        guard let ejection = present, ejection.isSeenByProbes, hasAnswered,
            now - ejection.began < rules.maximumEjection.inMicroseconds
        else { return false }
        present?.until = now + rules.baseEjection.inMicroseconds
        return true
    }

    /// - Parameter wasNothing: it does not count for the length of the next.
    mutating func end(wasNothing: Bool = false, now: Int64) {
        if wasNothing { count = max(0, count - 1) }
        present = nil
        endedAt = now
    }

    /// A probe passed; returns how many in a row have during this ejection.
    mutating func probePassed() -> Int {
        hasAnswered = true
        present?.probesPassed += 1
        return present?.probesPassed ?? 0
    }

    /// What the ejected are asked was answered.
    mutating func answered() { hasAnswered = true }

    /// It was not, of one that is well.
    mutating func askedInVain() { asksInVain += 1 }

    mutating func probeFailed() {
        present?.probesPassed = 0
        present?.wasSeenByProbes = true
    }

    /// An interval that began at `start` is over.
    mutating func intervalEnded(start: Int64) {
        if present == nil, count > 0, endedAt <= start { count -= 1 }
    }
}
