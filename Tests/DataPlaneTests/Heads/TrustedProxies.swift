import ApusAddresses
import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// Clients in one of the trusted networks are proxies themselves: what they say is kept and extended.
@Suite struct TrustedProxies {
    /// What an untrusted client claims meets no condition: by the list, by the configuration's, or by another spelling.
    @Test(arguments: [
        "X-Real-IP: 1", "X-Forwarded-For: 10.0.0.1", "Remote-User: admin", "X-Tenant: acme", "Authorization: Bearer x",
        "My_Header: 1",
    ])
    func claimsOfOthersMeetNoCondition(line: String) throws {
        let (inside, outside) = (try Origin(), try Origin())
        let name = line.prefix { $0 != ":" }.lowercased()
        for isTrusted in [false, true] {
            let proxy = try Proxy(pools: [[inside], [outside]]) {
                $0.trustedProxies = isTrusted ? [Network("127.0.0.0/8")!] : []
                $0.clientFields.removed = ["X-Tenant", "Authorization"]
                $0.routes = [Route(name: "inside", pool: 0), Route(name: "*", pool: 1)]
                $0.routes[0].match.fields = [ValueCondition(name: name, test: .present)]
            }
            #expect(try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n").isGood)
        }
        // Names with underscores are dropped whoever sends them.
        let isDropped = name.contains("_")
        #expect(inside.requests.count == (isDropped ? 0 : 1) && outside.requests.count == (isDropped ? 2 : 1))
    }

    private static func ipv4(_ address: IPAddress, _ length: Int) -> Network {
        Network(address: address, prefixLength: 96 + length)
    }

    private func received(
        _ fields: String, from source: UInt8 = 1, trusting networks: [Network] = [ipv4(.loopback(0), 8)]
    ) throws -> Fields {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.trustedProxies = networks }
        let client = try proxy.connect(from: .loopback(source))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        #expect(try client.readResponse().isGood)
        return try #require(origin.requests.first).fields
    }

    @Test(arguments: [
        ("X-Forwarded-For: 1.2.3.4", "1.2.3.4, 127.0.0.1"),
        ("X-Forwarded-For: 1.2.3.4, 5.6.7.8", "1.2.3.4, 5.6.7.8, 127.0.0.1"),
        ("X-Forwarded-For: 1.2.3.4\r\nX-A: b\r\nx-forwarded-for: 5.6.7.8", "1.2.3.4, 5.6.7.8, 127.0.0.1"),
        ("X-A: b", "127.0.0.1"), ("X-Forwarded-For: , ,1.2.3.4", "1.2.3.4, 127.0.0.1"),
        ("X-Forwarded-For:\r\nX-Forwarded-For: ,", "127.0.0.1"),
        ("X-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 5.6.7.8\r\nX.Forwarded.For: 9.9.9.9", "1.2.3.4, 127.0.0.1"),
    ])
    func theListOfAddressesIsExtended(lines: String, list: String) throws {
        let fields = try received(lines + "\r\n")
        #expect(fields.all("X-Forwarded-For").joined(separator: ", ") == list)
    }

    @Test func theRestIsKept() throws {
        let fields = try received(
            "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n")
        #expect(fields["X-Forwarded-Proto"] == "https" && fields["X-Forwarded-Host"] == "b")
        #expect(fields["Forwarded"] == "for=1.2.3.4" && fields["X-Real-IP"] == "1.2.3.4")
    }

    @Test func oneSpellingIsLeft() throws {
        let fields = try received(
            "X_Forwarded_Proto: https\r\nX.Real.IP: 1\r\nX-Forwarded-Port: 7\r\nRemote-User: u\r\n")
        #expect(fields["X_Forwarded_Proto"] == nil && fields["X.Real.IP"] == nil)
        #expect(fields["X-Forwarded-Proto"] == "http" && fields["X-Forwarded-Port"] == "7")
        #expect(fields["Remote-User"] == "u")
    }

    @Test func whatIsMissingIsSet() throws {
        let fields = try received("")
        #expect(fields["X-Forwarded-Port"] == "80")
        #expect(fields["X-Forwarded-Proto"] == "http" && fields["X-Forwarded-Host"] == "a")
    }

    @Test func onlyTheNamedNetworksAreTrusted() throws {
        let line = "X-Forwarded-For: 1.2.3.4\r\n"
        let one = [Self.ipv4(.loopback(2), 32)]
        #expect(try received(line, from: 2, trusting: one)["X-Forwarded-For"] == "1.2.3.4, 127.0.0.2")
        #expect(try received(line, from: 3, trusting: one)["X-Forwarded-For"] == "127.0.0.3")
        #expect(
            try received(line, from: 6, trusting: [Self.ipv4(.loopback(4), 30)])["X-Forwarded-For"]
                == "1.2.3.4, 127.0.0.6")
        #expect(try received(line, from: 8, trusting: [Self.ipv4(.loopback(4), 30)])["X-Forwarded-For"] == "127.0.0.8")
        #expect(
            try received(line, from: 2, trusting: [Self.ipv4(IPAddress(ipv4: 0x0a00_0000), 8)] + one)["X-Forwarded-For"]
                == "1.2.3.4, 127.0.0.2")
        #expect(
            try received(line, trusting: [Self.ipv4(IPAddress(ipv4: 0), 0)])["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1")
    }

    /// Being trusted does not make an exception of Connection.
    @Test func aTrustedClientCannotNameForwardingFieldsAway() throws {
        let fields = try received("Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n")
        #expect(fields["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1")
    }
}
