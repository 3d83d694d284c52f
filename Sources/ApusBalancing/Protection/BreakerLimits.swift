import ApusModel

/// One worker's share of a breaker's rules, as plain numbers: there is one for every breaker, so it is kept small.
@usableFromInline
struct BreakerLimits: Sendable, Equatable, BitwiseCopyable {
    /// 0 where a rule is not looked at.
    @usableFromInline let consecutiveFailures: UInt32
    @usableFromInline let failurePercent: UInt32
    @usableFromInline let slowPercent: UInt32
    /// At least 1 each.
    @usableFromInline let minimumVolume: UInt32
    @usableFromInline let trials: Int32
    /// In microseconds.
    let open: Int64
    let maximumOpen: Int64

    /// Failures in a row are not divided: they need no volume to mean something, and a worker that sees them sees them all
    /// in a row.
    init(_ rules: BreakerRules, workers: Int) {
        consecutiveFailures = UInt32(clamping: rules.consecutiveFailures ?? 0)
        failurePercent = UInt32(clamping: rules.failurePercent ?? 0)
        slowPercent = UInt32(clamping: rules.slowPercent ?? 0)
        minimumVolume = UInt32(clamping: WorkerShare.roundedUp(rules.minimumVolume, of: workers))
        trials = Int32(clamping: max(1, rules.trials / max(1, workers)))
        open = max(1, rules.open.inMicroseconds)
        maximumOpen = max(open, rules.maximumOpen.inMicroseconds)
    }

    /// Whether anything needs the window.
    @inlinable
    var looksAtWindow: Bool { failurePercent > 0 || slowPercent > 0 }

    /// How long the breaker stays open the `openings`-th time in a row, in microseconds: up to a tenth of it is taken off
    /// by chance, so that the breakers of many balancers do not try a tired endpoint in the same moment.
    func openTime(openings: Int32, _ random: inout SplitMix64) -> Int64 {
        var time = open
        var left = openings - 1
        while left > 0 && time < maximumOpen {
            time = time > maximumOpen / 2 ? maximumOpen : time * 2
            left -= 1
        }
        return time - Int64(random.next(below: Int(time / 10) + 1))
    }
}
