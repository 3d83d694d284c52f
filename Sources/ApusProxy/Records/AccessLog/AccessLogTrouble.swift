import ApusModel
import ApusTransport

/// Whether lines of the access log are refused or dropped, and what of that has been told.
struct AccessLogTrouble: Sendable {
    /// Why nothing is taken; nil while all goes well.
    private var refusal: Drained.Refusal?
    /// The refusal that was told of, until its end is.
    private var told: Drained.Refusal?
    private var refusalToldAt: Int64?
    /// Refusals that began and have not been told of.
    private var untold = 0
    /// Since when nobody has read anything, though there is something.
    private var unreadSince: Int64?
    /// Lines that were thrown away, ever.
    private var lost = 0
    /// Lines that have been lost in any way, ever, and how many of them have been told of.
    private var losses = 0
    private var toldLosses = 0
    private var lossesToldAt: Int64?
    /// Why there are losses that have not been told of.
    private var cause: AccessLogNews.DropCause?

    /// The same is told so seldom, in microseconds.
    static let interval: Int64 = 60_000_000
    /// Who reads nothing for so long reads no more, in microseconds.
    static let patience: Int64 = 1_000_000

    /// So many lines were thrown away.
    ///
    /// - Parameter cause: nil where it is the refusal that `news` is told of next.
    mutating func lose(_ lines: Int, _ cause: AccessLogNews.DropCause?) {
        lost += lines
        guard let cause else { return }
        losses += lines
        self.cause = cause
    }

    /// What is to be told now; nil for nothing.
    ///
    /// - Parameters:
    ///   - drained: what came of the latest try to write what there is.
    ///   - refusedWrites: lines for which there was no room, ever.
    ///   - isLast: nothing follows: what has not been told is told now.
    mutating func news(
        _ drained: Drained, refusedWrites: Int, now: Int64, isLast: Bool = false
    ) -> AccessLogNews.Event? {
        let all = lost + refusedWrites
        judge(drained, hasLost: all > losses, now)
        if all > losses {
            losses = all
            let isSlow = drained.refusal == .unread && drained.tookSome && !isLast
            if let reason = (refusal ?? (isSlow ? nil : drained.refusal))?.text {
                cause = .refused(reason)
            } else {
                cause = cause ?? .tooFast
            }
        }
        let dropped = losses - toldLosses
        if let refusal {
            if refusal != told, isLast || isDue(refusalToldAt, now) {
                told = refusal
                refusalToldAt = now
                defer { untold = 0 }
                if !isLast || dropped == 0 {
                    return .refused(refusal.text, keepsLines: refusal.keepsLines, untold: max(0, untold - 1))
                }
            } else if refusal == told, !isLast, isDue(refusalToldAt, now) {
                refusalToldAt = now
                return .stillRefused(refusal.text, dropped: dropped)
            }
        } else if told != nil, !isLast || dropped == 0 {
            told = nil
            tellLosses(now)
            return .resumed(dropped: dropped)
        }
        guard dropped > 0, isLast || told == nil && isDue(lossesToldAt, now), let cause else { return nil }
        tellLosses(now)
        return .dropped(dropped, cause)
    }

    /// Decides whether the destination takes lines.
    private mutating func judge(_ drained: Drained, hasLost: Bool, _ now: Int64) {
        let isUnread = drained.refusal == .unread && !drained.tookSome
        unreadSince = isUnread ? unreadSince ?? now : nil
        switch drained.refusal {
        case let new? where new != .unread: refuse(new)
        case _ where drained.tookSome: refusal = nil
        case _?:
            // It may only be slow.
            if let unreadSince, hasLost || now - unreadSince >= Self.patience { refuse(.unread) }
        // There was nothing to be written.
        case nil: break
        }
    }

    private mutating func refuse(_ new: Drained.Refusal) {
        if refusal == nil { untold += 1 }
        refusal = new
    }

    private mutating func tellLosses(_ now: Int64) {
        toldLosses = losses
        lossesToldAt = now
        cause = nil
    }

    private func isDue(_ toldAt: Int64?, _ now: Int64) -> Bool { toldAt.map { now - $0 >= Self.interval } ?? true }
}

extension Drained.Refusal {
    fileprivate var text: String { errno == 0 ? "nobody reads it" : systemErrorText(errno) }
}
