import ApusModel
import ApusTransport

/// Whether lines of the access log are refused or dropped, and what of that has been told.
struct AccessLogTrouble: Sendable {
    /// Lines that were thrown away, ever.
    var lost = 0
    /// Why nothing is taken, as an errno; 0 while all goes well.
    private var refusal: Int32 = 0
    /// Lines that had been lost when that was last told.
    private var toldLosses = 0
    private var toldAt = Int64.min

    /// Drops that go on are told of so seldom, in microseconds.
    private static let interval: Int64 = 60_000_000

    /// What is to be told now; nil for nothing.
    ///
    /// - Parameters:
    ///   - refusal: why the destination takes nothing, as an errno; 0 where it took what there was.
    ///   - refusedWrites: lines for which there was no room, ever.
    mutating func news(refusal now: Int32, refusedWrites: Int, now time: Int64) -> AccessLogNews.Event? {
        let before = refusal
        refusal = now
        let losses = lost + refusedWrites
        if now != 0 { return before == 0 ? .refused(systemErrorText(now)) : nil }
        let dropped = losses - toldLosses
        if before != 0 {
            toldLosses = losses
            toldAt = time
            return .resumed(dropped: dropped)
        }
        guard dropped > 0, toldAt == .min || time - toldAt >= Self.interval else { return nil }
        toldLosses = losses
        toldAt = time
        return .dropped(dropped)
    }
}
