/// A block of addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3), such as `10.0.0.0/8`.
///
/// An IPv4 block is held as the block of its IPv4-mapped addresses. An IPv6 block that contains `::ffff:0:0/96`, such as
/// `::/0`, therefore contains every IPv4 address too.
public struct Network: Hashable, Sendable {
    /// The block's first address.
    public let address: IPAddress
    /// Significant leading bits of the 128; an IPv4 block's own prefix length plus 96.
    public let prefixLength: Int

    /// The block of `prefixLength` (0...128) leading bits around `address`, whose other bits are cleared.
    public init(address: IPAddress, prefixLength: Int) {
        precondition((0...128).contains(prefixLength), "a prefix has 0 to 128 bits")
        let mask = Self.mask(prefixLength)
        self.address = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
        self.prefixLength = prefixLength
    }

    /// Whether `address` lies in this block.
    @inlinable
    public func contains(_ address: IPAddress) -> Bool {
        let mask = Self.mask(prefixLength)
        return address.high & mask.high == self.address.high && address.low & mask.low == self.address.low
    }

    @inlinable
    static func mask(_ prefixLength: Int) -> (high: UInt64, low: UInt64) {
        // Swift's shifts by 64 or more give zero, and by a negative amount shift the other way: clamp, never wrap.
        (~0 << UInt64(64 - min(prefixLength, 64)), ~0 << UInt64(128 - max(prefixLength, 64)))
    }
}

extension Network: CustomStringConvertible {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone, which is a block of one. Bits beyond the prefix may be
    /// set and are cleared: `10.1.2.3/8` is `10.0.0.0/8`. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        // `::ffff:10.0.0.0/104` counts all 128 bits, although it names an IPv4 block.
        let width = parts[0].utf8.contains(.colon) ? 128 : 32
        var length = width
        if parts.count == 2 {
            guard let given = decimal(Array(parts[1].utf8)[...], atMost: width) else { return nil }
            length = given
        }
        self.init(address: address, prefixLength: 128 - width + length)
    }

    /// CIDR notation, with the prefix length always written.
    public var description: String {
        address.isIPv4 && prefixLength >= 96 ? "\(address)/\(prefixLength - 96)" : "\(address)/\(prefixLength)"
    }
}
