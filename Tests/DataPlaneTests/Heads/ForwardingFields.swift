import ApusAddresses
import ApusModel
import ApusTestKit
import Testing

/// What an origin is told of the client, and that a client who is not trusted has no say in it.
@Suite struct ForwardingFields {
    private func received(
        _ fields: String, from source: IPAddress? = nil, host: String = "a",
        configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Fields {
        let origin = try Origin()
        let proxy = try Proxy(origin, configure: configure)
        let client = try proxy.connect(from: source)
        try client.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n")
        #expect(try client.readResponse().isGood)
        return try #require(origin.requests.first).fields
    }

    @Test func theOriginLearnsWhoAsked() throws {
        let fields = try received("", from: .loopback(42), host: "Example.com:8080")
        #expect(fields["X-Forwarded-For"] == "127.0.0.42")
        #expect(fields["X-Forwarded-Proto"] == "http")
        #expect(fields["X-Forwarded-Host"] == "Example.com:8080")
        #expect(fields["X-Forwarded-Port"] == "8080")
        #expect(fields["Via"] == nil, "it would have origins compress nothing")
    }

    @Test(arguments: [
        "X-Forwarded-For: 1.2.3.4", "x-forwarded-for: 1.2.3.4, 5.6.7.8", "X-FORWARDED-FOR:",
        "X-Forwarded-For: 1.2.3.4\r\nX-A: b\r\nX-Forwarded-For: 5.6.7.8",
        "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X-Forwarded-Host: evil\r\nX-Forwarded-Host: evil2",
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil",
        "Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4",
    ])
    func whatAnUntrustedClientSaysIsReplaced(lines: String) throws {
        let fields = try received(lines + "\r\n")
        #expect(fields["X-Forwarded-For"] == "127.0.0.1")
        #expect(fields["X-Forwarded-Proto"] == "http")
        #expect(fields["X-Forwarded-Host"] == "a")
    }

    @Test(arguments: [
        "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4", "forwarded: for=\"[::1]\";proto=https",
        "X_Forwarded_For: 1.2.3.4",
        "X.Forwarded.For: 1.2.3.4", "X_Real_IP: 1.2.3.4", "X-Forwarded-Prefix: /x", "X-Forwarded-Server: x",
        "X-Forwarded-Ssl: on", "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "True-Client-IP: 1.2.3.4",
        "Proxy: http://evil", "Remote_User: admin", "Transfer_Encoding: chunked", "Content.Length: 7", "Api_Key: 1",
    ])
    func otherClaimsOfAnUntrustedClientAreRemoved(line: String) throws {
        let fields = try received(line + "\r\n")
        #expect(fields[String(line.prefix { $0 != ":" })] == nil)
    }

    @Test func theListOfClaimsCanBeChanged() throws {
        let fields = try received(
            "X-Tenant: 1\r\nX.Tenant: 2\r\nRemote-User: 3\r\nApi_Key: 4\r\nX_Real_IP: 5\r\n",
            configure: {
                $0.clientFields = ClientFields(removed: ["x-tenant"], kept: ["Remote-User"], keepsUnderscores: true)
            })
        #expect(fields["X-Tenant"] == nil && fields["X.Tenant"] == nil && fields["X_Real_IP"] == nil)
        #expect(fields["Remote-User"] == "3" && fields["Api_Key"] == "4")
    }

    @Test(.onOwnThreads) func theListChangesWithAReload() async throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        func received() throws -> Fields {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: 1\r\nRemote-User: 2\r\n\r\n")
            #expect(try client.readResponse().isGood)
            return try #require(origin.requests.last).fields
        }
        #expect(try received()["X-Tenant"] == "1")
        try await proxy.reload { $0.clientFields = ClientFields(removed: ["X-Tenant"], kept: ["Remote-User"]) }
        let fields = try received()
        #expect(fields["X-Tenant"] == nil && fields["Remote-User"] == "2")
    }

    @Test(arguments: [false, true]) func viaIsExtendedWhereItIsWanted(saysVia: Bool) throws {
        let fields = try received("Via: 1.0 fred, 1.1 example.com\r\n") { $0.clientFields.saysVia = saysVia }
        let came = "1.0 fred, 1.1 example.com"
        #expect(fields.all("Via").joined(separator: ", ") == (saysVia ? came + ", 1.1 apus" : came))
    }

    @Test func theTargetOfAnAbsoluteFormIsTheForwardedHost() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET http://b:81/ HTTP/1.1\r\nHost: evil\r\n\r\n").isGood)
        #expect(origin.requests.first?.fields["X-Forwarded-Host"] == "b:81")
        #expect(origin.requests.first?.fields["Host"] == "b:81")
    }
}
