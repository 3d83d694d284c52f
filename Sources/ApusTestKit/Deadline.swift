/// The moment by which an operation must have happened.
public struct Deadline: Sendable {
    private let moment: ContinuousClock.Instant?

    /// For what should happen at once: long enough for a busy machine, short enough for a person to wait.
    public static var standard: Deadline { .after(.seconds(10)) }
    public static let never = Deadline(moment: nil)

    public static func after(_ duration: Duration) -> Deadline {
        Deadline(moment: .now + duration)
    }

    public var hasPassed: Bool {
        guard let moment else { return false }
        return moment <= .now
    }

    /// What is left, in the form that `poll` takes: milliseconds, rounded up; -1 for no end.
    var pollTimeout: Int32 {
        guard let moment else { return -1 }
        let left = ContinuousClock.now.duration(to: moment)
        guard left > .zero else { return 0 }
        return Int32(min(left / .milliseconds(1), 1e9).rounded(.up))
    }

    /// What is left; nil for no end.
    var remaining: Duration? {
        moment.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
    }
}
