import ApusModel

/// The sessions of one pool in one worker: from what a cookie says to an endpoint.
struct PoolSessions: Sendable {
    private let tokens: SessionTokens?
    private var learned: LearnedSessions?

    init?(_ pool: Pool, of snapshot: Snapshot) {
        switch pool.sticky?.kind {
        case nil: return nil
        case .cookie:
            tokens = SessionTokens(of: pool, in: snapshot)
        case .learned(_, let lifetime, let capacity):
            tokens = nil
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

    mutating func learn(_ session: UInt64, endpoint: Int32, now: Int64) {
        learned?.learn(session, endpoint: endpoint, now: now)
    }
}
