import ApusAddresses
import ApusModel
import ApusTestKit
import ApusTransport
import Testing

@testable import ApusTLS

@Suite struct HandshakeTests {
    static func peer(_ name: String) -> TLSPeer {
        TLSPeer(name, at: SocketAddress(ip: IPAddress(high: 0, low: 1), port: 443))
    }

    static func pair(
        peer: TLSPeer? = HandshakeTests.peer("site.test"), trusts: Bool = true, tickets: TicketKeys? = nil
    ) throws -> (TLSEngines, TLSEngines) {
        let certificate = try TLSCertificate(
            chain: try TestCertificates.bytes("site.pem"), key: try TestCertificates.bytes("site.key"))
        #expect(certificate.names == ["site.test", "*.site.test"])
        #expect(certificate.addresses == [[127, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]])
        #expect(certificate.keyKind == .ecdsa && certificate.keyBits == 256 && !certificate.isSelfSigned)
        #expect(certificate.issuer == "CN=Authority,O=Apus tests" && certificate.chainCount == 1)
        var tls = ListenerTLS()
        tls.certificates = [.init(certificate.described(file: nil, keyFile: nil), names: certificate.names)]
        let server = TLSEngines()
        server.use([try TLSContext(showing: try CertificateTable(tls), tickets: tickets)])
        let client = TLSEngines()
        let trust = trusts ? try TrustStore(authorities: TestCertificates.bytes("ca.pem")) : nil
        client.use([try TLSContext(asClient: TLSRules(), trusting: trust)], peers: [peer])
        return (client, server)
    }

    @Test(arguments: [1, 2, 5, 6, 100, Int.max])
    func bytesPassHoweverTheyAreCut(pieces: Int) throws {
        let (clients, servers) = try Self.pair()
        let client = TLSEnd(clients)
        let server = TLSEnd(servers)
        TLSEnd.exchange(client, server, pieces: pieces)
        #expect(client.isDone && server.isDone && client.failure == nil && server.failure == nil)
        let text = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        client.say(Array(text[..<70_000]))
        server.say(text)
        TLSEnd.exchange(client, server, pieces: pieces == 1 ? 1_000 : pieces)
        #expect(server.received == Array(text[..<70_000]) && client.received == text)
        client.engines.finish(client.engine)
        client.collect()
        TLSEnd.exchange(client, server)
        #expect(server.failure == 0 && servers.hasEnded(server.engine))
    }

    @Test(
        arguments: [
            ("site.test", nil), ("x.site.test", nil), ("test", .wrongName),
            ("x.y.site.test", .wrongName), ("site.test.evil", .wrongName), ("127.0.0.1", nil),
            ("127.0.0.2", .wrongName),
        ] as [(String, CertificateFault?)])
    func theNameIsVerified(name: String, fault: CertificateFault?) throws {
        let (clients, servers) = try Self.pair(peer: Self.peer(name))
        let client = TLSEnd(clients)
        let server = TLSEnd(servers)
        TLSEnd.exchange(client, server)
        #expect(client.isDone == (fault == nil))
        #expect(clients.failure == (fault.map { .badCertificate($0) } ?? .none))
    }

    /// With `alpn: off` an origin is offered no protocol (RFC 7301), for those that stumble over it.
    @Test func protocolsAreOfferedAsThePoolSays() throws {
        var pool = PoolTLS()
        pool.authorities = try TrustStore(authorities: TestCertificates.bytes("ca.pem")).described(
            file: "ca.pem", isSystems: false)
        for offers in [true, false] {
            pool.offersProtocols = offers
            let clients = TLSEngines()
            clients.use([try TLSContext(pool)], peers: [Self.peer("site.test")])
            let client = TLSEnd(clients)
            client.take([])
            #expect(client.sent.contains("\u{8}http/1.1".utf8) == offers)
            let (_, servers) = try Self.pair()
            let server = TLSEnd(servers)
            TLSEnd.exchange(client, server)
            #expect(client.isDone && server.isDone)
        }
    }

    /// The preferred one among them, which few clients of tests have.
    @Test(arguments: TLSGroup.allCases) func everyUsualGroupIsSpoken(group: TLSGroup) throws {
        let (clients, servers) = try Self.pair()
        var rules = TLSRules()
        rules.groups = [group]
        let trust = try TrustStore(authorities: TestCertificates.bytes("ca.pem"))
        clients.use([try TLSContext(asClient: rules, trusting: trust)], peers: [Self.peer("site.test")])
        let (client, server) = (TLSEnd(clients), TLSEnd(servers))
        TLSEnd.exchange(client, server)
        #expect(client.isDone == TLSGroup.usual.contains(group) && server.isDone == client.isDone)
    }

    /// Each turn's tickets are sealed with a key that was known the turn before.
    @Test func keysTakeTheirTurns() {
        let keys = TicketKeys()
        let start = ContinuousClock.now
        var turns = TicketTurns(of: keys, since: start)
        let hour = Duration.seconds(3_600)
        let first = keys.all
        turns.look(at: start + hour * 11, turn: hour * 12)
        #expect(keys.all == first)
        turns.look(at: start + hour * 12, turn: hour * 12)
        let second = keys.all
        #expect(second.count == 3 && second[0] == first[1] && second[2] == first[0])
        // The next one is reckoned from there, by what a reload has said since.
        turns.look(at: start + hour * 13, turn: hour * 12)
        #expect(keys.all == second)
        turns.look(at: start + hour * 13, turn: hour)
        let third = keys.all
        #expect(third[0] == second[1] && third.contains(first[0]) && third.count == 4)
        turns.look(at: start + hour * 14, turn: hour)
        #expect(keys.all.count == 4 && !keys.all.contains(first[0]) && keys.all.contains(first[1]))
    }

    @Test func sessionsAreResumedWithAnyKeyThatIsLeft() throws {
        let keys = TicketKeys()
        let (clients, servers) = try Self.pair(tickets: keys)
        func connect(_ servers: TLSEngines) -> Bool {
            let client = TLSEnd(clients)
            let server = TLSEnd(servers)
            TLSEnd.exchange(client, server)
            server.say([1])
            TLSEnd.exchange(client, server)
            #expect(client.isDone && client.received == [1])
            #expect(clients.isResumed(client.engine) == servers.isResumed(server.engine))
            return clients.isResumed(client.engine)
        }
        #expect(!connect(servers))
        #expect(connect(servers))
        keys.rotate(keeping: 4)
        #expect(connect(servers))
        // Another loop, another process: the keys are what counts.
        let (_, others) = try Self.pair(tickets: TicketKeys(keys.all))
        #expect(connect(others))
        for _ in 0..<4 { keys.rotate(keeping: 4) }
        #expect(!connect(servers))
        let (_, strangers) = try Self.pair(tickets: TicketKeys())
        #expect(!connect(strangers))
    }
}
