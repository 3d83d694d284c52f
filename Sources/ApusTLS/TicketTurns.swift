/// When the next of the ticket keys takes its turn, which is as often as the configuration says now.
public struct TicketTurns: Sendable {
    /// Keys that are kept: what was sealed is opened for two turns at least.
    public static let keptKeys = 4

    private let keys: TicketKeys
    private var since: ContinuousClock.Instant

    public init(of keys: TicketKeys, since now: ContinuousClock.Instant = .now) {
        self.keys = keys
        since = now
    }

    /// Has the next key take its turn, if the last one's is over.
    ///
    /// - Parameter turn: how long one is; a reload may have changed it.
    public mutating func look(at now: ContinuousClock.Instant = .now, turn: Duration) {
        guard since.duration(to: now) >= turn else { return }
        keys.rotate(keeping: Self.keptKeys)
        since = now
    }
}
