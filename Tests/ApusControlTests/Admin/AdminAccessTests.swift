import ApusAddresses
import ApusModel
import HTTPTypes
import Testing

@testable import ApusControl

@Suite struct AdminAccessTests {
    static let token = "correct horse battery"

    func withToken(_ body: (AdminFixture) async throws -> Void) async throws {
        let admin = Admin(SocketAddress("127.0.0.1:0")!, token: Secret(Array(Self.token.utf8)))
        let text = ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:0, token: \(Self.token) }"
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
        ("apus.localhost:80", 200), ("evil.example", 403), ("localhost.evil.example:9900", 403), ("[evil]:1", 400),
        ("127.0.0.1.evil.example", 403), ("10.1.2.3:9900", 200), ("2130706433", 403), ("127.1", 403),
        ("localhost.", 403),
    ])
    func onLoopbackTheHostIsLookedAt(host: String, status: Int) async throws {
        try await AdminFixture.run(admin: AdminFixture.address) { server in
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

    /// What a browser can be made to ask for a page of another place, by script, as a picture or a script, in a frame; and what
    /// a person asks for by following a link or typing the address.
    @Test(arguments: [
        (["Origin": "http://evil.example"], 403), (["Origin": "null"], 403), (["Origin": "http://127.0.0.1:3000"], 403),
        (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"], 403),
        (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"], 403),
        (["Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"], 403),
        (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"], 403),
        (["Origin": "http://evil.example", "Sec-Fetch-Mode": "websocket", "Upgrade": "websocket"], 403),
        (["Sec-Fetch-Site": "cross-site"], 403),
        (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"], 200),
        (["Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"], 200),
        (["Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"], 200), (["Origin": "http://localhost"], 200),
        ([:], 200),
    ])
    func pagesOfOtherSitesReadNothing(fields: [String: String], status: Int) async throws {
        try await AdminFixture.run(admin: AdminFixture.address) { server in
            for path in ["/v1/config", "/metrics", "/"] {
                let answer = try await server.get(path, fields)
                #expect(answer.status == status, "\(answer.body)")
                #expect(answer.fields["cross-origin-resource-policy"] == "same-origin")
                #expect(answer.fields["x-content-type-options"] == "nosniff")
            }
        }
    }

    /// A link changes nothing, however it is followed.
    @Test func aFormOfAnotherSiteChangesNothing() async throws {
        try await AdminFixture.run { server in
            let fields = [
                "Origin": "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "document",
            ]
            for fields in [fields, fields.filter { $0.key != "Origin" }] {
                let answer = try await server.send("POST", "/v1/config/reload", fields)
                #expect(answer.status == 403, "\(answer.body)")
            }
        }
    }

    /// A reload may bring another token; the address stays.
    @Test func theTokenIsTheOneThatRuns() async throws {
        try await withToken { server in
            let text = ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:0, token: another one of more }"
            let put = try await server.send("PUT", "/v1/config", ["Authorization": "Bearer \(Self.token)"], text)
            #expect(put.status == 200, "\(put.body)")
            let answer3 = try await server.get("/v1/status", ["Authorization": "Bearer \(Self.token)"])
            #expect(answer3.status == 401)
            let answer4 = try await server.get("/v1/status", ["Authorization": "Bearer another one of more"])
            #expect(answer4.status == 200)
        }
    }

    // MARK: - Hosts

    @Test(arguments: [
        ("lb.internal", 200), ("LB.internal:9900", 200), ("10.1.2.3", 200), ("localhost", 200), ("evil.example", 403),
        ("a.lb.internal", 403), ("lb.internal.", 403),
    ])
    func theHostsOfTheListenerAreAnswered(host: String, status: Int) async throws {
        let token = Secret(Array(Self.token.utf8))
        for admin in [
            Admin(SocketAddress("127.0.0.1:0")!, hosts: ["lb.internal"]),
            Admin(SocketAddress("0.0.0.0:0")!, token: token, hosts: ["lb.internal"]),
        ] {
            try await AdminFixture.run(admin: admin) { server in
                let answer = try await server.get(
                    "/v1/status", ["Host": host, "Authorization": "Bearer \(Self.token)"])
                #expect(answer.status == status, "\(answer.body)")
            }
        }
    }

    @Test func onAUnixSocketAnyHostWillDo() async throws {
        try await AdminFixture.run { server in
            let answer = try await server.get("/v1/status", ["Host": "anything.example"])
            #expect(answer.status == 200)
        }
    }

    // MARK: - Roles

    /// Everything that there is, with a path that exists.
    static let operations = AdminOperation.all.map { operation in
        let path = operation.path.replacing("{pool}", with: "web").replacing("{address}", with: "127.0.0.1:1")
            .replacing("{number}", with: "1")
        return (operation, path)
    }

    @Test(arguments: Admin.Role.allCases)
    func aListenerAllowsWhatItsRoleSays(role: Admin.Role) async throws {
        let socket = "/tmp/apus-role-\(role)-\(UInt64.random(in: 0...UInt64.max)).sock"
        try await AdminFixture.run(admin: Admin(bind: .unix(path: socket), role: role)) { server in
            for (operation, path) in Self.operations where operation.id != "upgrade" {
                let answer = try await server.send(operation.method.rawValue, path)
                let isAllowed = operation.role <= role
                #expect((answer.status != 403) == isAllowed, "\(operation.id): \(answer.status) \(answer.body)")
                if !isAllowed { #expect(try answer.json()["type"] == "urn:apus:problem:role") }
            }
        }
    }

    /// No role that is written suffices where nobody is asked who they are.
    @Test(arguments: [
        ("127.0.0.1:0", "/v1/status", 200), ("127.0.0.1:0", "/metrics", 200), ("0.0.0.0:0", "/v1/status", 403),
        ("0.0.0.0:0", "/metrics", 200), ("0.0.0.0:0", "/", 403),
    ])
    func withoutATokenNothingIsChanged(bind: String, path: String, status: Int) async throws {
        try await AdminFixture.run(admin: Admin(SocketAddress(bind)!, role: .change)) { server in
            let answer = try await server.get(path)
            #expect(answer.status == status)
            for (operation, path) in Self.operations where operation.role == .change {
                let answer = try await server.send(operation.method.rawValue, path)
                #expect(answer.status == 403, "\(operation.id)")
            }
            #expect(await server.configuration.adopter.adopted.isEmpty)
        }
    }

    /// Ways to write a path that the router takes for the same.
    @Test(arguments: ["/v1/config/reload/", "//v1/config/reload", "/v1//config/reload", "/v1/config/reload?dry_run"])
    func noWayOfWritingAPathLeadsAround(path: String) async throws {
        try await AdminFixture.run(admin: AdminFixture.address) { server in
            let answer = try await server.send("POST", path)
            #expect([403, 404].contains(answer.status), "\(answer.status)")
        }
    }

    @Test func aRefusalNamesTheListenerThatAllowsIt() async throws {
        let doors = """

            admin:
              - { bind: 127.0.0.1:0 }
              - { bind: "unix:/run/apus/admin.sock" }
              - { bind: 127.0.0.1:9902, token: \(Self.token) }
            """
        try await AdminFixture.run(ConfigurationFixture.text + doors, admin: AdminFixture.address) { server in
            let answer = try await server.send("POST", "/v1/config/reload")
            #expect(
                try answer.json()["detail"]
                    == .text(
                        "POST /v1/config/reload takes `role: change`, and `127.0.0.1:0` has `role: read`. Ask "
                            + "`unix:/run/apus/admin.sock`, or `127.0.0.1:9902`, which asks for a token."))
        }
        try await AdminFixture.run(admin: AdminFixture.address) { server in
            let answer = try await server.send("POST", "/v1/config/reload")
            #expect(answer.body.contains("give this listener a `token`, for which a reload will do"), "\(answer.body)")
        }
    }

    /// One that is told health and metrics alone is not told where the other listeners are.
    @Test func aListenerForMetricsNamesNoOther() async throws {
        let doors = "\nadmin: [{ bind: 127.0.0.1:0, role: metrics }, { bind: \"unix:/run/apus/secret.sock\" }]"
        let admin = Admin(SocketAddress("127.0.0.1:0")!, role: .metrics)
        try await AdminFixture.run(ConfigurationFixture.text + doors, admin: admin) { server in
            let answer = try await server.get("/v1/status")
            #expect(answer.status == 403)
            #expect(!answer.body.contains("secret.sock"))
        }
    }

    /// A reload changes the role of a listener that stays.
    @Test func theRoleIsTheOneThatRuns() async throws {
        let first = ConfigurationFixture.text + "\nadmin: { bind: 127.0.0.1:0, token: \(Self.token) }"
        let token = Secret(Array(Self.token.utf8))
        let fields = ["Authorization": "Bearer \(Self.token)"]
        try await AdminFixture.run(first, admin: Admin(SocketAddress("127.0.0.1:0")!, token: token)) { server in
            let less = first.replacing("127.0.0.1:0,", with: "127.0.0.1:0, role: metrics,")
            let put = try await server.send("PUT", "/v1/config", fields, less)
            #expect(put.status == 200, "\(put.body)")
            #expect(try await server.get("/metrics", fields).status == 200)
            #expect(try await server.get("/v1/status", fields).status == 403)
            #expect(try await server.get("/metrics").status == 401)
        }
    }
}
