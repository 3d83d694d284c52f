import ApusAddresses
import Testing

@Suite struct NetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"), ("1.2.3.4/31", "1.2.3.4/31"), ("2001:db8::1/32", "2001:db8::/32"),
        ("::1", "::1/128"), ("::/0", "::/0"), ("fe80::/10", "fe80::/10"), ("1:2:3:4:5:6:7:8/64", "1:2:3:4::/64"),
        ("1:2:3:4:5:6:7:8/65", "1:2:3:4::/65"), ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let network = try #require(Network(text))
        #expect(network.description == canonical)
        #expect(Network(canonical) == network)
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/8/8", "10/8", "a/8",
    ])
    func refuses(text: String) {
        #expect(Network(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::a00:1", false),
        ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("::/0", "1.2.3.4", true),
        ("192.168.1.4/30", "192.168.1.7", true), ("192.168.1.4/30", "192.168.1.8", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", true), ("2001:db8:0:1::/64", "2001:db8:0:2::", false),
        ("2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:1", true), ("2001:db8::8000:0:0:0/65", "2001:db8::1", false),
        ("::1", "::1", true), ("::1", "::2", false), ("1.2.3.4", "1.2.3.4", true), ("1.2.3.4", "1.2.3.5", false),
    ])
    func contains(network: String, address: String, expected: Bool) throws {
        #expect(try #require(Network(network)).contains(#require(IPAddress(address))) == expected)
    }
}
