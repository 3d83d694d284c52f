import ApusHTTP
import ApusTestKit
import Testing

/// Host fields that RFC 9112 section 3.2 does not allow.
@Suite struct RefusedHosts {
    static let heads = [
        BadInput("GET / HTTP/1.1\r\n\r\n", .missingHost),
        BadInput("GET / HTTP/1.1\r\nX: a\r\n\r\n", .missingHost),
        BadInput("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
        BadInput("OPTIONS * HTTP/1.1\r\n\r\n", .missingHost),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nhOST: c\r\n\r\n", .repeatedHost),
        BadInput("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
        BadInput("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
    ]

    @Test(arguments: heads, Delivery.allCases)
    func exactlyOneHostIsNeeded(input: BadInput, delivery: Delivery) throws {
        try expectRefused(input, delivery)
    }

    static let values = [
        "", "a b", "a\tb", "a/b", "a/", "/", "http://a", "user@a", "user:secret@a", "a?b", "a#b", "a\\b", "a,b", "a, b",
        "a:b", "a:-1", "a:+80", "a:99999", "a:80:80", "a:8 0", ":80", "[::1", "::1", "[zz]", "[]", "[::1]x", "[::1]:x",
        "a\"b", "<a>", "a\u{80}", "{a}", "a|b", "a^b", "a`b",
        // Broken encodings, and those of what would name another host.
        "a%zz", "a%", "a%2", "a%00", "a%0a", "a%2fb", "a%40b", "a%2eb", "%61", "a%5cb", "a:080",
        // Addresses that are none.
        "[:::]", "[1::2::3]", "[12345::]", "[::1.2.3.256]", "[1.2.3.4]", "[fe80::1%25eth0]", "[v1.a]",
    ]

    @Test(arguments: values)
    func aHostIsAHostAndAPort(value: String) throws {
        let reasons: BadInput =
            value.isEmpty
            ? BadInput("GET / HTTP/1.1\r\nHost:\r\n\r\n", .badHost, .missingHost)
            : BadInput("GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n", .badHost)
        try expectRefused(reasons)
    }

    @Test(arguments: [
        "a", "a:80", "A.Example.COM", "a.example.com.", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080",
        "[2001:db8::ff00:42]", "[::ffff:1.2.3.4]", "a-b_c~d", "xn--bcher-kva.example", "a%20b", "b%C3%bccher",
        "a:65535",
        "a:",
    ])
    func aGoodHostArrivesAsItWasSent(value: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n").isGood)
        #expect(origin.requests.map { $0.fields["Host"] } == [value])
    }
}
