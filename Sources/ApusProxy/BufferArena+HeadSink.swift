import ApusAddresses
public import ApusHTTP
import ApusModel
public import ApusTransport

/// Heads are written straight into what is sent next; what they keep is copied from where it was received.
extension BufferArena: HeadSink {}

extension BufferArena {
    /// Appends an address in the form that X-Forwarded-For has.
    mutating func append(_ address: WireAddress) {
        IPAddress(high: address.high, low: address.low).writeText { append($0) }
    }

    /// Appends an address and a port as an authority has them: an IPv6 address in brackets.
    mutating func append(authority address: SocketAddress) {
        if !address.ip.isIPv4 { append(UInt8(ascii: "[")) }
        address.ip.writeText { append($0) }
        append(address.ip.isIPv4 ? ":" : "]:")
        append(decimal: UInt64(address.port))
    }
}
