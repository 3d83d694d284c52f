import ApusModel
import Testing

@testable import ApusControl

@Suite struct AdminAccessTests {
    static let token = "correct horse battery"

    func withToken(_ body: (AdminFixture) async throws -> Void) async throws {
        let admin = Admin(SocketAddress("127.0.0.1:0")!, token: Secret(Array(Self.token.utf8)))
        let text = ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:9900, token: \(Self.token) }"
        try await AdminFixture.run(text, admin: admin, body)
    }

    @Test(arguments: ["Bearer wrong", "Bearer ", "Basic Zm9v", "Bearer correct horse batter", "correct horse battery"])
    func withoutTheTokenNothingIsTold(authorization: String) async throws {
        try await withToken { server in
            let fields = ["Authorization": authorization]
            for (method, path) in [("GET", "/"), ("GET", "/metrics"), ("PUT", "/v1/config"), ("GET", "/nothing")] {
                let answer = try await server.send(method, path, fields)
                #expect(answer.status == 401)
                #expect(answer.fields["www-authenticate"]?.hasPrefix("Bearer realm=\"apus\"") == true)
                #expect(!answer.body.contains(Self.token))
            }
        }
    }

    @Test func withTheTokenAnyHostWillDo() async throws {
        try await withToken { server in
            for scheme in ["Bearer", "bearer", "BEARER"] {
                let fields = ["Authorization": "\(scheme) \(Self.token)", "Host": "lb1.example.com"]
                let answer1 = try await server.get("/v1/status", fields)
                #expect(answer1.status == 200)
            }
        }
    }

    @Test func probesNeedNoToken() async throws {
        try await withToken { server in
            for path in ["/livez", "/readyz"] {
                let answer2 = try await server.get(path, ["Host": "10.1.2.3:9900"])
                #expect(answer2.status == 200)
            }
        }
    }

    /// A name that has been made to stand for 127.0.0.1 is not this machine's.
    @Test(arguments: [
        ("localhost", 200), ("localhost:9900", 200), ("127.0.0.1:9900", 200), ("[::1]:9900", 200),
        ("apus.localhost:80", 200), ("evil.example", 403), ("localhost.evil.example:9900", 403), ("[evil]:1", 403),
        ("127.0.0.1.evil.example", 403),
    ])
    func onLoopbackTheHostIsLookedAt(host: String, status: Int) async throws {
        try await AdminFixture.run { server in
            let answer = try await server.get("/v1/status", ["Host": host])
            #expect(answer.status == status, "\(answer.body)")
        }
    }

    @Test(arguments: [
        (["Origin": "http://evil.example"], 403), (["Origin": "null"], 403), (["Sec-Fetch-Site": "cross-site"], 403),
        (["Sec-Fetch-Site": "same-site"], 403), (["Sec-Fetch-Site": "none"], 200),
        (["Origin": "http://localhost"], 200),
        (["Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"], 200),
    ])
    func pagesOfOtherSitesChangeNothing(fields: [String: String], status: Int) async throws {
        try await AdminFixture.run { server in
            let answer = try await server.send("POST", "/v1/config/reload", fields)
            #expect(answer.status == status, "\(answer.body)")
        }
    }

    /// A reload may bring another token; the address stays.
    @Test func theTokenIsTheOneThatRuns() async throws {
        try await withToken { server in
            let text = ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:9900, token: another one of more }"
            let put = try await server.send("PUT", "/v1/config", ["Authorization": "Bearer \(Self.token)"], text)
            #expect(put.status == 200, "\(put.body)")
            let answer3 = try await server.get("/v1/status", ["Authorization": "Bearer \(Self.token)"])
            #expect(answer3.status == 401)
            let answer4 = try await server.get("/v1/status", ["Authorization": "Bearer another one of more"])
            #expect(answer4.status == 200)
        }
    }

    @Test func beyondLoopbackWithoutATokenNothingIsTold() async throws {
        try await AdminFixture.run(admin: Admin(SocketAddress("0.0.0.0:0")!)) { server in
            let answer5 = try await server.get("/v1/status")
            #expect(answer5.status == 403)
        }
    }
}
