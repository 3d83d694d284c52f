public import ApusAddresses

/// Whom a connection to an origin is for: where it is, and what its certificate must say.
public struct TLSPeer: Sendable, Hashable {
    public enum Identity: Sendable, Hashable {
        /// What is asked for (SNI), too.
        case name(String)
        /// An address is not told (RFC 6066 section 3), and stands in the certificate as such.
        case address([UInt8])
    }

    public let identity: Identity
    /// Where it is: sessions are resumed with nobody else.
    public let place: SocketAddress
    /// Whose it is: pools may have rules of their own for the same endpoint.
    public let pool: String

    /// - Parameter name: a DNS name, or an IP address as text.
    public init(_ name: String, at place: SocketAddress, pool: String = "") {
        self.pool = pool
        identity = IPAddress(name).map { .address($0.networkBytes) } ?? .name(name)
        self.place = place
    }
}

extension IPAddress {
    init?(networkBytes bytes: [UInt8]) {
        let number = { (part: ArraySlice<UInt8>) in part.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(high: 0, low: 0xffff_0000_0000 | number(bytes[...]))
        case 16: self.init(high: number(bytes[..<8]), low: number(bytes[8...]))
        default: return nil
        }
    }

    /// As it stands in a certificate: 4 or 16 bytes (RFC 5280 section 4.2.1.6).
    var networkBytes: [UInt8] {
        let all = [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) } }
        return isIPv4 ? Array(all[12...]) : all
    }
}
