import FoundationEssentials

/// Turns times of the monotonic clock, by which everything is decided, into times that people read: UTC.
///
/// Made anew for each answer and each line of a log, so that a clock that was set is right at once.
public struct WallClock: Sendable {
    /// Microseconds since 1970 at the monotonic clock's zero.
    private let offset: Int64

    /// - Parameter monotonic: what the monotonic clock, in microseconds, says now.
    public init(monotonic: Int64) {
        self.init(monotonic: monotonic, isAt: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }

    /// - Parameters:
    ///   - monotonic: a time of the monotonic clock, in microseconds.
    ///   - wall: the same time in microseconds since 1970.
    init(monotonic: Int64, isAt wall: Int64) {
        offset = wall - monotonic
    }

    /// Date and time, to the second: `2026-03-01T14:03:20Z` (RFC 3339).
    func date(_ time: Int64) -> String {
        let seconds = (time + offset) / 1_000_000
        return Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    /// The time of day, to the second: `14:03:20Z`.
    func time(_ time: Int64) -> String {
        let date = date(time)
        return date.firstIndex(of: "T").map { String(date[date.index(after: $0)...]) } ?? date
    }
}
