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

    @inlinable
    public init(listener: Int, peer: IPAddress, isTrusted: Bool) {
        self.listener = listener
        self.peer = peer
        self.isTrusted = isTrusted
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
    /// Whether the client spoke TLS, as far as a trusted proxy says so. Apus itself speaks HTTP without it.
    ///
    /// - Parameter bytes: those of this head.
    @inlinable
    public func isSecure(_ bytes: Span<UInt8>, _ arrival: Arrival) -> Bool {
        arrival.isTrusted && fields.saysSecure(in: bytes)
    }
}
