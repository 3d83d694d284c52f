import ApusAddresses
import ApusModel
import ApusTLS
import ApusTestKit
import Foundation
import NIOCore
import Testing

@testable import ApusControl

/// The admin server by TLS, asked by curl.
@Suite struct AdminTLSTests {
    private static let token = "open-sesame-open-sesame"

    private static func certificate(_ name: String) throws -> Certificate {
        try TLSCertificate(
            chain: TestCertificates.bytes("\(name).pem"), key: TestCertificates.bytes("\(name).key")
        ).described(file: "\(name).pem", keyFile: "\(name).key")
    }

    static func rules(
        _ mode: ClientCertificateRules.Mode = .required, revoked: String? = "crl"
    ) throws -> ClientCertificateRules {
        let store = try TrustStore(
            authorities: TestCertificates.bytes("ca.pem"),
            revoked: try revoked.map { try TestCertificates.bytes("\($0).pem") })
        var rules = ClientCertificateRules(store.described(file: "ca.pem", isSystems: false))
        rules.mode = mode
        rules.revoked = store.revoked(file: "crl.pem")
        rules.telling = []
        return rules
    }

    static func admin(_ name: String = "site", clients: ClientCertificateRules? = nil) throws -> Admin {
        var tls = ListenerTLS()
        tls.hasTickets = false
        tls.certificates = [.init(try certificate(name), names: [], clients: clients)]
        return Admin(
            ApusAddresses.SocketAddress("127.0.0.1:0")!, token: Secret(Array(token.utf8)), tls: tls)
    }

    /// What curl gets, and its status or its error behind that.
    private func curl(_ server: AdminFixture, _ path: String, _ options: String = "") async throws -> String {
        let port = try #require(server.address.port)
        let command =
            "curl -sS --max-time 20 --cacert \(TestCertificates.path("ca.pem")) -H 'Authorization: Bearer \(Self.token)' "
            + "--resolve other.test:\(port):127.0.0.1 \(options) -w ' %{http_code}' "
            + path.split(separator: " ").map { "'https://127.0.0.1:\(port)\($0)'" }.joined(separator: " ")
        return try await Self.printed(by: command)
    }

    private static func printed(by command: String) async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-curl-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "\(command) > \(file.path) 2>&1"]
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return try String(contentsOf: file, encoding: .utf8)
    }

    private func showing(_ name: String) -> String {
        "--cert \(TestCertificates.path("\(name).pem")) --key \(TestCertificates.path("\(name).key"))"
    }

    @Test(arguments: ["--tls-max 1.2", "--tlsv1.3", "--http1.0", "--compressed"])
    func whatIsAskedIsAnswered(options: String) async throws {
        try await AdminFixture.run(admin: try Self.admin()) { server in
            #expect(try await curl(server, "/readyz", options).hasSuffix(" 200"))
            let document = try await curl(server, "/openapi.json", options)
            #expect(document.hasSuffix("}\n 200") && document.utf8.count > 64 << 10, "\(document.suffix(300))")
            #expect(try await curl(server, "/v1/status", "\(options) -H 'Authorization: no'").hasSuffix(" 401"))
        }
    }

    /// Two requests, one after the other, by one connection; and a third by another.
    @Test func aConnectionIsUsedAgain() async throws {
        try await AdminFixture.run(admin: try Self.admin()) { server in
            let text = try await curl(server, "/v1/status /v1/pools", "-v")
            #expect(text.contains("e-using existing"), "\(text)")
            let metrics = try await curl(server, "/metrics")
            #expect(metrics.contains("apus_admin_tls_handshakes_total{outcome=\"full\"} 2\n"), "\(metrics)")
        }
    }

    @Test func whoHasMadeAChangeIsLogged() async throws {
        let admin = try Self.admin(clients: try Self.rules())
        let lines = try await ChangeLogTests().lines(admin) { server in
            let path = "/v1/pools/web/endpoints/127.0.0.1:1"
            let answer = try await curl(server, path, "-X PATCH -d '{\"drain\": true}' \(showing("client"))")
            #expect(answer.hasSuffix(" 200"), "\(answer)")
        }
        #expect(lines.count == 1)
        #expect(lines.first?.contains(" (certificate client.test) through 127.0.0.1:0: ") == true, "\(lines)")
    }

    @Test(
        arguments: [
            ("client", nil), ("workload", nil), ("", "no certificate"), ("revoked", "certificate revoked"),
            ("client-expired", "certificate expired"), ("client-unknown", "certificate of an unknown issuer"),
            ("site", "certificate for another purpose"),
        ] as [(String, String?)], ["--tls-max 1.2", "--tlsv1.3"])
    func aCallerShowsACertificate(shown: (name: String, fault: String?), version: String) async throws {
        let admin = try Self.admin(clients: try Self.rules())
        let lines = try await ChangeLogTests().lines(admin) { server in
            let options = version + (shown.name.isEmpty ? "" : " " + showing(shown.name))
            let answer = try await curl(server, "/v1/status", options)
            #expect(answer.hasSuffix(" 200") == (shown.fault == nil), "\(answer)")
            if shown.fault != nil { #expect(answer.hasSuffix(" 000") && answer.contains("curl: ("), "\(answer)") }
        }
        guard let fault = shown.fault else {
            #expect(lines.isEmpty)
            return
        }
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("warning admin: no TLS with 127.0.0.1 port ") == true, "\(lines)")
        #expect(lines.first?.hasSuffix(" through 127.0.0.1:0: \(fault)") == true, "\(lines)")
    }

    @Test func plainHTTPIsTold() async throws {
        let lines = try await ChangeLogTests().lines(try Self.admin()) { server in
            let answer = try await server.get("/livez")
            #expect(answer.status == 400 && answer.fields["apus-reason"] == "plain_http_on_tls")
            #expect(answer.body.contains("https://"))
        }
        #expect(lines.count == 1 && lines.first?.contains("plain HTTP where TLS was expected") == true, "\(lines)")
    }

    @Test func whatIsNoTLSIsClosed() async throws {
        try await AdminFixture.run(admin: try Self.admin()) { server in
            let connection = try await server.connect(sending: "\u{16}\u{3}\u{1}\u{0}\u{5}hello")
            #expect(try await connection.comes { $0.isClosed || !$0.received.isEmpty })
            connection.close()
            #expect(try await curl(server, "/readyz").hasSuffix(" 200"))
        }
    }

    /// A handshake has the time of a request's head.
    @Test func aHandshakeThatStopsIsCutOff() async throws {
        var limits = AdminLimits()
        limits.requestHead = .milliseconds(300)
        try await AdminFixture.run(admin: try Self.admin(), connections: AdminConnections(limits: limits)) { server in
            let connection = try await server.connect(sending: "\u{16}\u{3}\u{1}")
            #expect(try await connection.comes(to: \.isClosed))
            let metrics = try await curl(server, "/metrics")
            #expect(metrics.contains("apus_admin_tls_handshakes_total{outcome=\"failed\"} 1\n"), "\(metrics)")
        }
    }

    /// New connections go by what was loaded last; the listener stays bound.
    @Test func aReloadBringsAnotherCertificate() async throws {
        let admin = try Self.admin()
        try await AdminFixture.run(admin: admin) { server in
            #expect(try await curl(server, "/readyz").hasSuffix(" 200"))
            load(try Self.admin("other"), into: server)
            let port = try #require(server.address.port)
            #expect(try await curl(server, "/readyz").hasSuffix(" 000"))
            #expect(try await curl(server, "", "https://other.test:\(port)/readyz").hasSuffix(" 200"))
            load(try Self.admin(clients: try Self.rules()), into: server)
            #expect(try await curl(server, "/readyz").hasSuffix(" 000"))
            #expect(try await curl(server, "/readyz", showing("client")).hasSuffix(" 200"))
            var plain = admin
            plain.tls = nil
            load(plain, into: server)
            #expect(try await server.get("/readyz").status == 200)
        }
    }

    private func load(_ admin: Admin, into server: AdminFixture) {
        let live = server.configuration.live
        let snapshot = live.view.snapshot
        var operations = snapshot.operations
        operations.admin = [admin]
        live.view = .of(snapshot.replacing(workers: snapshot.workers, operations: operations))
    }

    /// A connection that is kept over a reload is told to come again, and closed.
    @Test func aKeptConnectionIsMisdirectedAfterAReload() async throws {
        var plain = try Self.admin()
        plain.tls = nil
        try await AdminFixture.run(admin: plain) { [plain] server in
            let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let connection = try await server.connect(sending: request)
            #expect(try await connection.comes { $0.received.hasPrefix("HTTP/1.1 200 ") })
            // What changed has to concern it.
            load(plain, into: server)
            let before = connection.received.utf8.count
            try await connection.send(request)
            #expect(try await connection.comes { $0.received.utf8.count > before })
            #expect(!connection.received.contains(" 421 ") && !connection.isClosed)
            load(try Self.admin(clients: try Self.rules()), into: server)
            try await connection.send(request)
            #expect(try await connection.comes(to: \.isClosed))
            #expect(connection.received.contains("HTTP/1.1 421 ") && connection.received.contains("stale-connection"))
        }
    }

    /// A connection from before a reload that asks more of callers is not served any longer.
    @Test func aConnectionIsHeldAgainstTheRulesOfNow() throws {
        let plain = Admin(ApusAddresses.SocketAddress("127.0.0.1:0")!)
        let (open, other) = (try Self.admin(), try Self.admin("other"))
        let asking = try Self.admin(clients: try Self.rules())
        let (newer, unrevoked) = (
            try Self.admin(clients: try Self.rules(.optional)), try Self.admin(clients: try Self.rules(revoked: nil))
        )
        func holds(_ one: Admin, _ now: Admin) -> Bool { AdminSession(rules: one.tls).holds(for: now) }
        #expect(holds(plain, plain) && holds(open, open) && holds(open, other) && holds(asking, asking))
        #expect(!holds(plain, open) && !holds(open, plain) && !holds(open, asking) && !holds(asking, open))
        #expect(!holds(asking, newer) && !holds(asking, unrevoked))
    }
}
