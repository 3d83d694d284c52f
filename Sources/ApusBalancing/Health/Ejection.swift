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
    /// When the last ejection ended, and whether probes had seen why.
    private var endedAt = Int64.min / 2
    private var lastWasSeen = false
    /// Ejections so far, by cause in the order of `EjectionCause.Kind.allCases`.
    private(set) var totals = Array(repeating: 0, count: EjectionCause.Kind.allCases.count)

    struct Present: Sendable {
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
        // What has seen the fault sees it again where it comes back at once.
        let wasSeen = lastWasSeen && now - endedAt < base
        present = Present(until: now + min(base * Int64(count), maximum), cause: cause, wasSeenByProbes: wasSeen)
        if let index = EjectionCause.Kind.allCases.firstIndex(of: cause.kind) { totals[index] += 1 }
    }

    /// Its time is over and the fault is not.
    mutating func goOn(_ rules: OutlierRules, now: Int64) {
        present?.until = now + rules.baseEjection.inMicroseconds
    }

    mutating func end(now: Int64) {
        lastWasSeen = present?.wasSeenByProbes == true
        present = nil
        endedAt = now
    }

    /// A probe passed; returns how many in a row have during this ejection.
    mutating func probePassed() -> Int {
        present?.probesPassed += 1
        return present?.probesPassed ?? 0
    }

    mutating func probeFailed() {
        present?.probesPassed = 0
        present?.wasSeenByProbes = true
    }

    /// An interval that began at `start` is over.
    mutating func intervalEnded(start: Int64) {
        if present == nil, count > 0, endedAt <= start { count -= 1 }
    }
}
