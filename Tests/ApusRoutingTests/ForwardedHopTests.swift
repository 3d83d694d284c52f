import ApusAddresses
import ApusHTTP
import ApusRouting
import Testing

/// X-Forwarded-For from trusted proxies, as long as somebody likes to make it.
@Suite struct ForwardedHopTests {
    private func client(_ list: String, trusting networks: [Network]) throws -> IPAddress {
        var fields = FieldTable()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(list)\r\n\r\n".utf8)
        _ = try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields)
        return fields.client(behind: IPAddress(ipv4: 0x7f00_0001), in: bytes.span, trusting: networks)
    }

    @Test func manyTrustedHopsAreNotFollowedForEver() throws {
        let trusted = [try #require(Network("10.0.0.0/8"))]
        let hops = (0..<31).map { "10.0.0.\($0)" }
        #expect(
            try client((["192.0.2.7"] + hops).joined(separator: ", "), trusting: trusted)
                == IPAddress(ipv4: 0xc000_0207))
        // One more, and the client is whom the last hop that counts names.
        let long = ["192.0.2.7"] + (0..<5_000).map { "10.0.\($0 / 250).\($0 % 250)" }
        #expect(try client(long.joined(separator: ","), trusting: trusted) == IPAddress(ipv4: 0x0a00_13da))
    }
}
