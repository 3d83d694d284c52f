public import ApusHTTP

/// Fallback: what answers a request that its pool cannot take.
extension PoolVisit {
    /// Who answers instead of the pool.
    public enum Refuge: Sendable, Equatable {
        /// Nobody: the client is told the reason.
        case none
        /// The pool's fallback, which is a response.
        case response
        /// Another pool, an index into the snapshot: `leave` this one.
        case pool(Int)
    }

    /// Who answers a request that the pool refuses for that reason.
    ///
    /// - Parameter maySendElsewhere: whether the request can go to another pool: it is kept, and belongs to no connection.
    @inlinable
    public func refuge<Counts>(
        from reason: Reason, maySendElsewhere: Bool, _ origins: borrowing Origins<Counts>
    ) -> Refuge {
        let rules = origins.rules[pool]
        guard rules.hasFallback, reason.isLeftToFallback else { return .none }
        guard rules.fallbackPool >= 0 else { return .response }
        return maySendElsewhere ? .pool(rules.fallbackPool) : .none
    }
}

extension Reason {
    /// Whether the pool could not take the request, as opposed to having failed it.
    public var isLeftToFallback: Bool {
        switch self {
        case .noHealthyEndpoint, .poolSaturated, .breakerOpen, .queueFull, .queueTimeout, .connectFailed,
            .connectTimeout, .tlsCertificateExpired, .tlsUnknownIssuer, .tlsWrongName, .tlsBadCertificate,
            .tlsHandshakeFailed, .tlsHandshakeTimeout, .portLimit:
            true
        default: false
        }
    }
}
