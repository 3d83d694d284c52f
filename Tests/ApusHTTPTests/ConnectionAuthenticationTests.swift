import ApusHTTP
import Testing

/// Which schemes authenticate the connection, and where they are found.
@Suite struct ConnectionAuthenticationTests {
    private func challenges(_ lines: String) throws -> Bool {
        var table = FieldTable()
        let bytes = Array("HTTP/1.1 401 Who\r\n\(lines)\r\nContent-Length: 0\r\n\r\n".utf8)
        let head = try ResponseHead.parse(bytes.span, method: .get, limits: HeadLimits(), into: &table)
        #expect(head != nil)
        return table.challengesConnection(in: bytes.span)
    }

    private func authenticates(_ value: String) throws -> Bool? {
        var table = FieldTable()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nAuthorization:\(value)\r\n\r\n".utf8)
        return try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &table)?.authenticatesConnection
    }

    @Test(arguments: [
        "WWW-Authenticate: NTLM", "www-authenticate:negotiate", "WWW-Authenticate: Basic realm=x, NTLM",
        "WWW-Authenticate: Basic realm=\"a,\\\"b\", nTLM TlRM",
        "WWW-Authenticate: Basic\r\nWWW-Authenticate: Negotiate",
        "Proxy-Authenticate: NTLM", "WWW-Authenticate: ,,\tNTLM\t,",
        "WWW-Authenticate: Basic realm=\"open, NTLM\", NTLM",
    ])
    func found(lines: String) throws {
        #expect(try challenges(lines))
    }

    @Test(arguments: [
        "WWW-Authenticate: Basic", "WWW-Authenticate: Basic realm=\"a, NTLM\"", "WWW-Authenticate: NTLMv3",
        "WWW-Authenticate: X-NTLM", "WWW-Authenticate:", "X-WWW-Authenticate: NTLM", "Authenticate: NTLM",
        "WWW-Authenticate: Basic realm=\"\\\", NTLM\"",
    ])
    func notFound(lines: String) throws {
        #expect(try !challenges(lines))
    }

    @Test(arguments: [
        (" NTLM TlRM", true), ("Negotiate YII=", true), (" negotiate", true), (" nTlM\tx", true),
        (" Basic TlRM", false), (" Bearer NTLM", false), ("", false), (" NTLMx y", false), (" Digest x=NTLM", false),
    ])
    func credentials(value: String, isExpected: Bool) throws {
        #expect(try authenticates(value) == isExpected)
    }
}
