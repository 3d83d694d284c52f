/// An IPv4 or IPv6 address.
///
/// Held as 128 bits; an IPv4 address is held in its IPv4-mapped form (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2), so
/// that a client that reaches a dual-stack listener over IPv4 has one identity. Copying and comparing cost two words.
public struct IPAddress: Hashable, Sendable {
    /// The upper 64 bits, in host order.
    public let high: UInt64
    /// The lower 64 bits, in host order.
    public let low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The IPv4 address whose 32 bits, in host order, are given.
    @inlinable
    public init(ipv4: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(ipv4))
    }

    /// Whether this is an IPv4 address (held in its mapped form).
    @inlinable
    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }
}

extension IPAddress {
    /// `0.0.0.0`: every IPv4 address of this machine.
    public static let anyIPv4 = IPAddress(ipv4: 0)
    /// `::`: every address of this machine, IPv4 included where the socket is dual-stack.
    public static let anyIPv6 = IPAddress(high: 0, low: 0)

    /// Whether only this machine reaches it: 127.0.0.0/8 or ::1 (RFC 6890).
    public var isLoopback: Bool { isIPv4 ? (low >> 24) & 0xff == 127 : high == 0 && low == 1 }
}
