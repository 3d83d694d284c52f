import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import ApusTransport
import Foundation
import Testing

/// Certificates of clients (mutual TLS): who is let in, and what origins are told.
@Suite(.serialized) struct ClientCertificates {
    private let keys = TicketKeys()
    private var shields: Proxy.Shields { Proxy.Shields { [keys] in try TLSShields(for: $0, tickets: keys) } }

    /// Each handshake's outcome, and why it failed, is in ApusTLSTests.
    @Test(
        arguments: [
            ("client", .required, nil, true), (nil, .required, nil, false), (nil, .optional, nil, true),
            ("client-expired", .optional, nil, false), ("client-unknown", .required, nil, false),
            ("revoked", .required, nil, true), ("revoked", .required, "crl", false),
        ] as [(String?, ClientCertificateRules.Mode, String?, Bool)], ["--tlsv1.3", "--tls-max 1.2"])
    func clientsAreLetInByTheirCertificates(
        theCase: (shown: String?, mode: ClientCertificateRules.Mode, revoked: String?, isLetIn: Bool), version: String
    ) throws {
        let tls = try site(asking: try asking(theCase.mode, revoked: theCase.revoked))
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let answer = try curl(proxy, "/", "\(version) \(options(theCase.shown))")
        #expect(answer.hasSuffix(" 200") == theCase.isLetIn, "\(answer)")
        if theCase.isLetIn {
            try proxy.eventually("the count") { proxy.count(.handshakes) == 1 }
            #expect(proxy.count(.clientCertificates) == (theCase.shown == nil ? 0 : 1))
        } else {
            try proxy.eventually("the failure") { proxy.count(.clientCertificateFailures) == 1 }
            #expect(proxy.count(.handshakeFailures) == 1 && proxy.count(.clientCertificates) == 0)
        }
    }

    // MARK: - Origins

    @Test func originsAreToldOfTheCertificate() throws {
        let origin = try Origin()
        var rules = try asking()
        rules.telling = [.clientCert, .clientCertChain, .xfcc]
        let tls = try site(asking: rules)
        let proxy = try tlsProxy(origin) { $0.listener = { $0.tls = tls } }
        #expect(try curl(proxy, "/", options("workload")).hasSuffix(" 200"))
        let fields = try #require(origin.requests.first).fields
        let pem = String(decoding: try TestCertificates.bytes("workload.pem"), as: UTF8.self)
        let bodies = pem.split(separator: "-----BEGIN CERTIFICATE-----").map { part in
            String(part.prefix { $0 != "-" }.filter { !$0.isNewline })
        }.filter { $0.count > 100 }
        #expect(fields.all("Client-Cert") == [":\(bodies[0]):"])
        // It is told what the client has shown, the authority's among them.
        #expect(fields.all("Client-Cert-Chain") == [":\(bodies[1]):"])
        let xfcc = try #require(fields.all("X-Forwarded-Client-Cert").first)
        let hash = try printed(
            by: "openssl x509 -in \(TestCertificates.path("workload.pem")) -noout -fingerprint -sha256"
        ).split(separator: "=").last?.filter { $0.isHexDigit }.lowercased()
        #expect(
            xfcc == "Hash=\(hash ?? "");Subject=\"O=Apus tests,CN=workload\";URI=spiffe://apus.test/ns/prod/web")
    }

    /// A client can't write them itself, in whatever spelling and wherever it comes in.
    @Test(arguments: [
        "Client-Cert", "client_cert", "CLIENT-CERT-CHAIN", "X-Forwarded-Client-Cert", "x_forwarded_client_cert",
    ])
    func nobodyElseSaysWhoAClientIs(name: String) throws {
        let origin = try Origin()
        let plain = try Proxy(origin)
        _ = try plain.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(name): :Zm9yZ2Vk:\r\n\r\n")
        let trusted = try Proxy(origin) { $0.trustedProxies = [Network("127.0.0.1/32")!] }
        _ = try trusted.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(name): :Zm9yZ2Vk:\r\n\r\n")
        let tls = try site(asking: try asking(.optional))
        let proxy = try tlsProxy(origin) { $0.listener = { $0.tls = tls } }
        #expect(try curl(proxy, "/", "-H '\(name): :Zm9yZ2Vk:'").hasSuffix(" 200"))
        #expect(try curl(proxy, "/", "-H '\(name): :Zm9yZ2Vk:' \(options("client"))").hasSuffix(" 200"))
        #expect(origin.requests.count == 4)
        for request in origin.requests { #expect(!"\(request.fields)".contains("Zm9yZ2Vk")) }
        #expect(origin.requests[3].fields.all("Client-Cert").count == 1)
    }

    // MARK: - Routes

    @Test func routesLetInWhomTheyName() throws {
        let pattern = try #require(ClientNamePattern("spiffe://apus.test/ns/prod/*"))
        let tls = try site(asking: try asking(.optional))
        let proxy = try tlsProxy(try Origin()) {
            $0.listener = { $0.tls = tls }
            $0.routes[0].clientCertificate = ClientRequirement(names: [pattern])
        }
        #expect(try curl(proxy, "/", options("workload")).hasSuffix(" 200"))
        #expect(try curl(proxy, "/", options("client")).hasSuffix(" 403"))
        #expect(try curl(proxy).hasSuffix(" 403"))
        #expect(proxy.count(.clientCertificateRequired) == 2)
    }

    // MARK: - Names with different rules

    /// A connection for a name that asks nothing is none for one that asks for a certificate.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func aHostWithOtherRulesIsMisdirected(version: String) throws {
        let rules = try asking()
        var tls = try showing("site", "other")
        tls.certificates[1].clients = rules
        tls.certificates[1].names = ["other.test", "*.other.test"]
        let proxy = try tlsProxy(try Origin(), tickets: keys) { [tls] in $0.listener = { $0.tls = tls } }
        func ask(_ host: String, at name: String, _ options: String = "") throws -> String {
            try conversation(proxy, name, "\(version) \(options)", host: host)
        }
        let shown = "-cert \(TestCertificates.path("client.pem")) -key \(TestCertificates.path("client.key"))"
        #expect(try ask("site.test", at: "site.test").contains("200 OK"))
        #expect(try ask("www.site.test", at: "site.test").contains("200 OK"))
        // No name of any certificate: as little is asked of it as of the first.
        #expect(try ask("nobody.test", at: "site.test").contains("200 OK"))
        for host in ["other.test", "OTHER.test", "other.test.", "other.test:443"] {
            #expect(try ask(host, at: "site.test").contains("421"), "\(host)")
            #expect(try ask(host, at: "other.test", shown).contains("200 OK"), "\(host)")
        }
        #expect(try ask("site.test", at: "other.test", shown).contains("421"))
        #expect(proxy.count(.misdirectedRequest) == 5)
        // A wildcard of routes would take them.
        for host in [
            "*.other.test", "a*.other.test", "a..other.test", "..other.test", "a.b.other.test", "a.b.OTHER.test.",
        ] {
            #expect(try ask(host, at: "site.test").contains(" 421 "), "\(host)")
        }
        // Whoever has a session of the one has none of the other.
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-session-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(try ask("site.test", at: "site.test", "-sess_out \(file)").contains("New, TLS"))
        #expect(try ask("site.test", at: "site.test", "-sess_in \(file)").contains("Reused, TLS"))
        let other = try ask("other.test", at: "other.test", "-sess_in \(file)")
        #expect(!other.contains("Reused, TLS") && !other.contains("200 OK"))
    }

    // MARK: - Sessions, and reloads

    /// Who the client is outlives the resumption of its session.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func aResumedSessionIsTheSameClients(version: String) throws {
        let origin = try Origin()
        let tls = try site(asking: try asking())
        let proxy = try tlsProxy(origin, tickets: keys) { $0.listener = { $0.tls = tls } }
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-session-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let shown = "-cert \(TestCertificates.path("client.pem")) -key \(TestCertificates.path("client.key"))"
        #expect(try conversation(proxy, "site.test", "\(version) \(shown) -sess_out \(file)").contains("New, TLS"))
        #expect(try conversation(proxy, "site.test", "\(version) -sess_in \(file)").contains("Reused, TLS"))
        let told = origin.requests.map { $0.fields.all("Client-Cert") }
        #expect(told.count == 2 && told[0].count == 1 && told[0] == told[1])
    }

    /// A list of revoked certificates that comes has an effect on sessions and connections of before.
    @Test(.onOwnThreads) func whoIsRevokedIsLeftOutAtOnce() async throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/wait" { try gate.pass() }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let (before, after) = (try asking(), try asking(revoked: "crl"))
        let tls = try site(asking: before)
        let proxy = try tlsProxy(origin, tickets: keys) { $0.listener = { $0.tls = tls } }
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-session-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let shown = "-cert \(TestCertificates.path("revoked.pem")) -key \(TestCertificates.path("revoked.key"))"
        #expect(try conversation(proxy, "site.test", "\(shown) -sess_out \(file)").contains("200 OK"))
        let busy = try SlowClient(proxy, shown)
        try busy.say("GET /wait HTTP/1.1\r\nHost: site.test\r\n\r\n")
        try origin.wait(for: "the request") { $0.heads.count == 2 }
        let idle = try SlowClient(proxy, shown)
        try idle.say("GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
        try idle.wait(for: "200 OK")
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls?.certificates[0].clients = after }
        gate.open()
        // What it had asked for is answered, and it is told that nothing more will be.
        try busy.wait(for: "Connection: close")
        try busy.waitUntilEnded()
        try idle.waitUntilEnded()
        #expect(try !conversation(proxy, "site.test", "-sess_in \(file) \(shown)").contains("200 OK"))
        #expect(try curl(proxy, "/", options("client")).hasSuffix(" 200"))
    }

    /// What has begun when the rules change is judged by those of before, its host included.
    @Test(.onOwnThreads) func aConnectionOfOtherRulesIsNoneForAnotherName() async throws {
        let (before, after) = (try asking(), try asking(revoked: "crl"))
        var tls = try showing("site", "other")
        tls.certificates[1].clients = before
        let proxy = try tlsProxy(try Origin(), tickets: keys) { [tls] in $0.listener = { $0.tls = tls } }
        let (other, same) = (try SlowClient(proxy, ""), try SlowClient(proxy, ""))
        for client in [other, same] {
            // One after the other: the head of the second is in part with the proxy when its first answer is here.
            try client.say("GET / HTTP/1.1\r\nHost: site.test\r\n\r\nGET / HTTP/1.1\r\nHo")
            try client.wait(for: "200 OK")
        }
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls?.certificates[1].clients = after }
        try same.say("st: site.test\r\nX-Last: 1\r\n\r\n")
        try same.wait(for: "Connection: close")
        try other.say("st: other.test\r\n\r\n")
        try other.wait(for: " 421 ")
        try other.waitUntilEnded()
        #expect(!same.heard.contains(" 421 ") && proxy.count(.misdirectedRequest) == 1)
    }

    /// A plain connection ends with the request that it has when its listener begins to ask for certificates.
    @Test(.onOwnThreads) func nobodyStaysInTheClear() async throws {
        let origin = try Origin()
        let proxy = try tlsProxy(origin, tickets: keys) { _ in }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        try client.send("GET / HTTP/1.1\r\n")
        let after = try site(asking: try asking())
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls = after }
        try client.send("Host: a\r\n\r\n")
        #expect(try client.readResponse().fields.all("Connection") == ["close"])
        #expect(try client.readToEnd().bytes.isEmpty)
    }

    /// A handshake that was under way when the rules changed is worth one request, and not for long.
    @Test(.onOwnThreads) func aHandshakeOfBeforeIsNotKept() async throws {
        let (before, after) = (
            try site(asking: try asking(.optional)), try site(asking: try asking(.optional, revoked: "crl"))
        )
        let proxy = try tlsProxy(try Origin(), tickets: keys) {
            $0.listener = { $0.tls = before }
        }
        let client = try proxy.connect()
        let conversation = try TLSConversation(try trusting(), to: "site.test", at: proxy.address)
        let first = conversation.takeSealed()
        try client.send(Array(first.prefix(20)))
        try proxy.eventually("the connection") { proxy.count(.connectionsAccepted) == 1 }
        rest(.milliseconds(100))
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls = after }
        try client.send(Array(first.dropFirst(20)))
        while conversation.state == .shaking, try client.receiveMore() {
            conversation.take(try client.read(client.unread.count))
            try client.send(conversation.takeSealed())
        }
        let start = ContinuousClock.now
        while try client.receiveMore() { conversation.take(try client.read(client.unread.count)) }
        #expect(conversation.state == .ended && start.duration(to: .now) < .seconds(10))
    }

    // MARK: - What the tests show

    private func site(asking rules: ClientCertificateRules) throws -> ListenerTLS {
        var tls = try showing("site")
        tls.certificates[0].clients = rules
        return tls
    }

    /// Options of curl for a certificate.
    private func options(_ name: String?) -> String {
        guard let name else { return "" }
        return "--cert \(TestCertificates.path("\(name).pem")) --key \(TestCertificates.path("\(name).key"))"
    }
}
