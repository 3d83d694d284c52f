import ApusModel
import ApusTestKit
import ApusTransport
import Testing

@testable import ApusTLS

/// Handshakes with clients that must show a certificate: the outcome of each.
@Suite struct ClientCertificateTests {
    /// What a client shows, what it is asked for, and why it is turned away; nil for one that is let in.
    struct Case: CustomStringConvertible, Sendable {
        var shown: String?
        var mode = ClientCertificateRules.Mode.required
        var revoked: String?
        var names: [String] = []
        var fault: CertificateFault?
        var description: String {
            "\(shown ?? "none") \(mode) \(revoked ?? "") \(names): \(fault.map { "\($0)" } ?? "good")"
        }
    }

    static let cases = [
        Case(shown: "client"), Case(shown: "workload"), Case(shown: nil, fault: .missing),
        Case(shown: nil, mode: .optional), Case(shown: "client", mode: .optional),
        Case(shown: "client-expired", fault: .expired), Case(shown: "client-expired", mode: .optional, fault: .expired),
        Case(shown: "client-unknown", fault: .unknownIssuer),
        Case(shown: "client-unknown", mode: .optional, fault: .unknownIssuer),
        // For servers, not for clients.
        Case(shown: "site", fault: .wrongPurpose),
        Case(shown: "revoked"), Case(shown: "revoked", revoked: "crl", fault: .revoked),
        Case(shown: "client", revoked: "crl"), Case(shown: "client", revoked: "crl-old", fault: .noRevocationList),
        // A list of another authority says nothing of this one's.
        Case(shown: "client", revoked: "crl-stranger", fault: .noRevocationList),
        Case(shown: "client", names: ["*.test"]), Case(shown: "client", names: ["CN=client"]),
        Case(shown: "client", names: ["other.test", "CLIENT.test"]),
        Case(shown: "client", names: ["test"], fault: .wrongName),
        Case(shown: "client", mode: .optional, names: ["test"], fault: .wrongName),
        Case(shown: "workload", names: ["spiffe://apus.test/ns/prod/*"]),
        Case(shown: "workload", names: ["spiffe://apus.test/ns/dev/*"], fault: .wrongName),
        Case(shown: "workload", names: ["spiffe://apus.test/ns/prod"], fault: .wrongName),
        // Of a SPIFFE identity there is one.
        Case(shown: "two-identities", fault: .bad),
        // A name of one kind that is written as one of another.
        Case(shown: "posing", names: ["CN=posing"]),
        Case(shown: "posing", names: ["CN=client@client.test"], fault: .wrongName),
        Case(shown: "posing", names: ["spiffe://apus.test/ns/prod/*", "*.client.test"], fault: .wrongName),
        Case(shown: "two-identities", names: ["CN=two-identities"], fault: .bad),
    ]

    @Test(arguments: cases, [TLSVersion.tls12, .tls13])
    func handshakesEndAsTheyMust(theCase: Case, version: TLSVersion) throws {
        let (clients, servers) = try Self.pair(theCase, version)
        let client = TLSEnd(clients)
        let server = TLSEnd(servers)
        TLSEnd.exchange(client, server, pieces: 1_000)
        #expect(server.isDone == (theCase.fault == nil))
        #expect(servers.failure == (theCase.fault.map { .badCertificate($0) } ?? .none))
        let identity = server.isDone ? servers.identity(server.engine) : nil
        #expect((identity != nil) == (theCase.fault == nil && theCase.shown != nil))
        switch theCase.shown {
        case "client": #expect(identity == nil || identity?.names == ["client.test", "CN=client"])
        case "workload":
            #expect(identity == nil || identity?.names == ["spiffe://apus.test/ns/prod/web", "CN=workload"])
        default: break
        }
    }

    @Test func patternsAreForWholeNames() throws {
        func matches(_ pattern: String, _ name: String) throws -> Bool {
            try #require(ClientNamePattern(pattern)).matches(name)
        }
        #expect(try matches("spiffe://a/b/*", "spiffe://a/b/c") && matches("spiffe://a/b/*", "spiffe://a/b/c/d"))
        #expect(try !matches("spiffe://a/b/*", "spiffe://a/b/") && !matches("spiffe://a/b/*", "spiffe://a/bc"))
        #expect(try !matches("spiffe://A/b", "spiffe://a/b"))
        #expect(try matches("*.Example.org", "web.example.org") && !matches("*.example.org", "a.b.example.org"))
        #expect(try !matches("*.example.org", ".example.org") && !matches("*.example.org", "example.org"))
        // A name of one kind is none of another, and nothing leads out of a place.
        for name in ["CN=alice.example.org", "urn:x.example.org", "a@x.example.org", "spiffe://x.example.org"] {
            #expect(try !matches("*.example.org", name), "\(name)")
        }
        for name in ["spiffe://a/b/../c", "spiffe://a/b/.", "spiffe://a/b/c/%2E%2e/d", "spiffe://a/b/.%2e"] {
            #expect(try !matches("spiffe://a/b/*", name), "\(name)")
        }
        #expect(try matches("spiffe://a/b/*", "spiffe://a/b/..c/.d"))
        #expect(try !matches("*.example.org", "spiffe://x.example.org") && !matches("*.example.org", "a@b.example.org"))
        for name in ["CN=web.example.org", "urn:web.example.org", "a:web.example.org", "CN=\u{fc}.example.org"] {
            #expect(try !matches("*.example.org", name), "\(name)")
        }
        #expect(
            try !matches("alice", "CN=alice") && matches("CN=alice", "CN=alice") && !matches("CN=alice", "CN=Alice"))
        for wrong in [
            "", "*", "*.", "a*", "*a", "a.*.b", "spiffe://*", "spiffe:///*", "spiffe://a/*/b", "CN=*", "*@example.org",
            "x/*",
        ] {
            #expect(ClientNamePattern(wrong) == nil, "\(wrong)")
        }
    }

    private static func pair(_ theCase: Case, _ version: TLSVersion) throws -> (TLSEngines, TLSEngines) {
        let store = try TrustStore(
            authorities: TestCertificates.bytes("ca.pem"),
            revoked: theCase.revoked.map { try TestCertificates.bytes("\($0).pem") })
        var rules = ClientCertificateRules(store.described(file: "ca.pem", isSystems: false))
        rules.mode = theCase.mode
        rules.revoked = store.revoked(file: "crl.pem")
        rules.names = try theCase.names.map { try #require(ClientNamePattern($0)) }
        var tls = ListenerTLS()
        let site = try certificate("site")
        tls.certificates = [.init(site.described(file: nil, keyFile: nil), names: site.names, clients: rules)]
        let servers = TLSEngines()
        servers.use([try TLSContext(showing: try CertificateTable(tls), tickets: TicketKeys())])
        let clients = TLSEngines()
        var own = TLSRules()
        own.maximum = version
        let context = try TLSContext(
            asClient: own, trusting: try TrustStore(authorities: TestCertificates.bytes("ca.pem")),
            showing: try theCase.shown.map(certificate))
        clients.use([context], peers: [HandshakeTests.peer("site.test")])
        return (clients, servers)
    }

    private static func certificate(_ name: String) throws -> TLSCertificate {
        try TLSCertificate(chain: TestCertificates.bytes("\(name).pem"), key: TestCertificates.bytes("\(name).key"))
    }

    /// A client is told the names of the authorities that it may choose by; of thousands none, or no handshake could be made.
    @Test func manyAuthoritiesAreNotNamed() throws {
        let one = try TestCertificates.bytes("ca.pem")
        let many = (0..<2_000).flatMap { _ in one }
        let few = try TrustStore(authorities: one)
        #expect(few.toldCount == 1)
        #expect(try TrustStore(authorities: many).toldCount == 0)
    }

    @Test func aChainThatFitsIntoNoHandshakeIsRefused() throws {
        let leaf = try TestCertificates.bytes("site.pem")
        let authority = try TestCertificates.bytes("ca.pem")
        let key = try TestCertificates.bytes("site.key")
        let long = leaf + (0..<150).flatMap { _ in authority }
        let error = #expect(throws: TLSCertificateError.self) { try TLSCertificate(chain: long, key: key) }
        guard case .chainTooLong(let count)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(count > 48 << 10)
        _ = try TLSCertificate(chain: leaf + (0..<20).flatMap { _ in authority }, key: key)
    }
}
