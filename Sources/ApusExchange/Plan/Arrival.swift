public import ApusAddresses
import ApusHTTP
import ApusModel
public import ApusRouting

/// Where a request came in, and who brought it.
public struct Arrival: Sendable {
    public let listener: Int
    /// The address that the connection comes from.
    public let peer: IPAddress
    /// It is one of the trusted proxies, which say for whom they ask.
    public let isTrusted: Bool
    /// It came by TLS.
    public let isSecure: Bool
    /// By which of the listener's rules for clients' certificates its handshake was made (`CertificateNames.policy`); -1 where that
    /// is not to be looked at.
    public let policy: Int32

    @inlinable
    public init(listener: Int, peer: IPAddress, isTrusted: Bool, isSecure: Bool = false, policy: Int32 = -1) {
        self.policy = policy
        self.listener = listener
        self.peer = peer
        self.isTrusted = isTrusted
        self.isSecure = isSecure
    }
}

// MARK: - Who asks

extension RequestRules {
    /// The client's address: of the last that is no trusted proxy, as far as trusted ones tell.
    ///
    /// - Parameter bytes: those of the head in hand.
    @inlinable
    public func client<Place>(
        of hand: inout HeadInHand<Place>, _ bytes: Span<UInt8>, _ arrival: Arrival
    ) -> IPAddress {
        guard arrival.isTrusted else { return arrival.peer }
        return hand.fields.client(behind: arrival.peer, in: bytes, trusting: trustedProxies)
    }
}

extension HeadInHand {
    /// Whether the client spoke TLS: with Apus itself, or as far as a trusted proxy says so.
    ///
    /// - Parameter bytes: those of this head.
    @inlinable
    public func isSecure(_ bytes: Span<UInt8>, _ arrival: Arrival) -> Bool {
        guard arrival.isTrusted else { return arrival.isSecure }
        return fields.saysSecure(in: bytes) ?? arrival.isSecure
    }
}
