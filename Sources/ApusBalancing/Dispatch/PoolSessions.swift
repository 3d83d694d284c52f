import ApusModel

/// The sessions of one pool in one worker: from what a cookie says to an endpoint.
struct PoolSessions: Sendable {
    private let tokens: SessionTokens?
    private var learned: LearnedSessions?
    /// The cookie that sessions are learned from; empty for none.
    private let name: String

    init?(_ pool: Pool, of snapshot: Snapshot) {
        switch pool.sticky?.kind {
        case nil: return nil
        case .cookie:
            tokens = SessionTokens(of: pool, in: snapshot)
            name = ""
        case .learned(let name, let lifetime, let capacity):
            tokens = nil
            self.name = name
            learned = LearnedSessions(capacity: capacity, lifetime: lifetime)
        }
    }

    /// The endpoint of the session that a cookie's value stands for.
    mutating func endpoint(for value: Span<UInt8>, now: Int64) -> Int32? {
        if let tokens { return tokens.endpoint(for: value) }
        return learned?.endpoint(for: Self.session(value), now: now)
    }

    /// What a cookie's value is known by: a hash that differs from process to process, since clients choose the values, and
    /// could choose many that a known hash takes for one.
    static func session(_ value: Span<UInt8>) -> UInt64 {
        var hasher = Hasher()
        for index in value.indices { hasher.combine(value[index]) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Goes on with the sessions that were learned before a reload; `old` is of no use afterwards.
    mutating func inherit(from old: inout PoolSessions, _ survivors: Survivors) {
        guard name == old.name, var sessions = old.learned.take() else { return }
        learned?.inherit(from: &sessions, survivors)
    }

    mutating func learn(_ session: UInt64, endpoint: Int32, now: Int64) {
        learned?.learn(session, endpoint: endpoint, now: now)
    }
}
