public import ApusModel

/// Finds the endpoint that a sticky cookie names.
///
/// A cookie's value is an endpoint's `sessionToken`: one that the configuration has signed, so that a client can give back
/// what it was given and cannot make one up. Only an exact match counts. Looking one up takes the same time however many
/// endpoints there are, and allocates nothing.
///
/// How long a comparison takes must not tell how much of a made-up token was right. Values are compared with a token only
/// when their whole hashes are equal, then in all of their bytes; so the time tells whether a value's hash is a token's,
/// and nothing of which bytes come close. Made-up values whose hashes meet cost nobody anything: only tokens are ever in
/// the table.
public struct SessionTokens: Sendable {
    /// The length of every token; 0 when there are none.
    private let length: Int
    /// All tokens, one behind the other.
    private let bytes: [UInt8]
    /// Open addressing, at most half full; a power of two of them, or none.
    private let slots: [Slot]

    private struct Slot: Sendable {
        var hash: UInt64 = 0
        /// Index within the pool; -1 in an empty slot.
        var endpoint: Int32 = -1
    }

    /// - Parameter tokens: of each endpoint of a pool, in its order: all of one length, no two alike. Endpoints with empty
    ///   ones are never found.
    public init(_ tokens: [[UInt8]]) {
        let length = tokens.lazy.map(\.count).first { $0 > 0 } ?? 0
        precondition(
            tokens.allSatisfy { $0.isEmpty || $0.count == length }, "session tokens of one pool are of one length")
        let used = tokens.count { !$0.isEmpty }
        var size = 2
        while size < 2 * used { size *= 2 }
        var slots = Array(repeating: Slot(), count: used == 0 ? 0 : size)
        for (endpoint, token) in tokens.enumerated() where !token.isEmpty {
            let hash = KeyHash.of(token.span)
            var at = Int(truncatingIfNeeded: hash) & (size - 1)
            while slots[at].endpoint >= 0 { at = (at + 1) & (size - 1) }
            slots[at] = Slot(hash: hash, endpoint: Int32(endpoint))
        }
        self.length = length
        self.slots = slots
        // A place for each endpoint, so that its index tells where.
        bytes = tokens.flatMap { $0.isEmpty ? Array(repeating: 0, count: length) : $0 }
    }

    /// The tokens of one pool's endpoints, without those that are retired.
    public init(of pool: Pool, in snapshot: Snapshot) {
        self.init(snapshot.endpoints[snapshot.presentEndpoints(of: pool)].map(\.sessionToken))
    }

    /// The endpoint whose token this is, as an index within the pool; nil when it is nobody's.
    public func endpoint(for value: Span<UInt8>) -> Int32? {
        guard !slots.isEmpty, value.count == length else { return nil }
        let hash = KeyHash.of(value)
        let mask = slots.count - 1
        var at = Int(truncatingIfNeeded: hash) & mask
        while slots[at].endpoint >= 0 {
            if slots[at].hash == hash, isToken(value, of: Int(slots[at].endpoint)) { return slots[at].endpoint }
            at = (at + 1) & mask
        }
        return nil
    }

    private func isToken(_ value: Span<UInt8>, of endpoint: Int) -> Bool {
        var difference: UInt8 = 0
        for offset in 0..<length { difference |= value[offset] ^ bytes[endpoint * length + offset] }
        return difference == 0
    }
}
