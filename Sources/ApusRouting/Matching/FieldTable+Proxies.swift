public import ApusAddresses
public import ApusHTTP

// What trusted proxies tell of the client behind them. Only for requests whose peer is one of them: anybody can write
// anything into these fields.

extension FieldTable {
    /// Trusted proxies that may stand one behind the other; each costs a look at every network that is trusted.
    static var hopLimit: Int { 32 }

    /// The client that X-Forwarded-For tells of: of its addresses, the last that is no trusted proxy.
    ///
    /// Each proxy adds the address that it was asked from, so the list is read from its end, and over several fields as
    /// one (RFC 9110 section 5.3), without its empty elements. Whoever wrote what is no address tells nothing, and neither
    /// does what stands before it: then it is the last that was told. So it is behind `hopLimit` trusted proxies. Allocates
    /// nothing.
    ///
    /// - Parameters:
    ///   - peer: the proxy that the request came from.
    ///   - bytes: those that were parsed.
    public func client(behind peer: IPAddress, in bytes: Span<UInt8>, trusting proxies: [Network]) -> IPAddress {
        var nearest = peer
        var hopsLeft = Self.hopLimit
        for index in stride(from: count - 1, through: 0, by: -1) where self[index].field == .forwardedFor {
            let value = self[index].value
            var end = value.upperBound
            repeat {
                var start = end
                while start > value.lowerBound, bytes[start - 1] != UInt8(ascii: ",") { start -= 1 }
                if !isBlank(bytes, start..<end) {
                    guard let address = forwardedAddress(bytes, start..<end) else { return nearest }
                    nearest = address
                    hopsLeft -= 1
                    if hopsLeft == 0 { return nearest }
                    if !proxies.contains(where: { $0.contains(address) }) { return nearest }
                }
                end = start - 1
            } while end >= value.lowerBound
        }
        return nearest
    }

    /// Whether X-Forwarded-Proto says that the client spoke https. Of several the first counts, which the proxy nearest to
    /// the client wrote; nil where there is none.
    public func saysSecure(in bytes: Span<UInt8>) -> Bool? {
        for index in 0..<count where self[index].field == .forwardedProto {
            return bytes.equalsIgnoringCase(self[index].value, "https")
        }
        return nil
    }
}

private func isBlank(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for index in range where bytes[index] != 0x20 && bytes[index] != 0x09 { return false }
    return true
}

/// An address as X-Forwarded-For has them: alone, or with a port, one of IPv6 then in brackets.
private func forwardedAddress(_ bytes: Span<UInt8>, _ range: Range<Int>) -> IPAddress? {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    while start < end, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    if let address = IPAddress(utf8: bytes.extracting(start..<end)) { return address }
    // With a port, which ends with a digit and stands behind the last colon.
    var colon = end
    while colon > start, (0x30...0x39).contains(bytes[colon - 1]) { colon -= 1 }
    if colon > start, colon < end, bytes[colon - 1] == UInt8(ascii: ":") { end = colon - 1 }
    if end - start > 2, bytes[start] == UInt8(ascii: "["), bytes[end - 1] == UInt8(ascii: "]") {
        start += 1
        end -= 1
    }
    return IPAddress(utf8: bytes.extracting(start..<end))
}
