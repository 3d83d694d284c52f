import ApusAddresses
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::A", "2001:db8::a"),
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        // RFC 5952 section 4.2.2: one zero group is written out.
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        // Section 4.2.3: the longest run, the first of equals.
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"), ("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("0001:0020:0300:4000:5:6:7:8", "1:20:300:4000:5:6:7:8"),
        ("::ffff:1.2.3.4", "1.2.3.4"), ("::FFFF:102:304", "1.2.3.4"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("::1.2.3.4", "::102:304"),
        ("fe80::1", "fe80::1"), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "01.2.3.4", "1.2.3.-4",
        "+1.2.3.4", "0x7f.0.0.1", " 1.2.3.4", "1.2.3.4 ", "1..2.3", ":", ":::", "1:", ":1", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3", "12345::", "g::", "::1%lo", "[::1]",
        "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "localhost", "١.٢.٣.٤", "1:2:3:4::5:6:7:8",
    ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func anIPv4AddressHasOneIdentity() {
        #expect(IPAddress("127.0.0.1") == IPAddress(ipv4: 0x7f00_0001))
        #expect(IPAddress("::ffff:127.0.0.1") == IPAddress(ipv4: 0x7f00_0001))
        #expect(IPAddress(ipv4: 1).isIPv4)
        #expect(IPAddress.anyIPv4.isIPv4)
        #expect(!IPAddress.anyIPv6.isIPv4)
        #expect(IPAddress("::7f00:1")?.isIPv4 == false)
    }

    @Test func readsASubstring() {
        #expect(IPAddress("at 10.0.0.1".dropFirst(3)) == IPAddress(ipv4: 0x0a00_0001))
    }
}
