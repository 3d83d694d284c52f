/// A block of addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3), such as `10.0.0.0/8`.
public struct Network: Hashable, Sendable {
    /// The block's first address.
    public let address: IPAddress
    /// Significant leading bits of the 128; an IPv4 block's own prefix length plus 96.
    public let prefixLength: Int

    public init(address: IPAddress, prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }
}
