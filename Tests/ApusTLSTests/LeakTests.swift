import ApusModel
import ApusTestKit
import ApusTransport
import Foundation
import Testing

@testable import ApusTLS

/// Handshakes leave nothing behind.
///
/// As many as APUS_HANDSHAKES says, else some thousands: full ones and resumed, with a client's certificate and without, refused
/// and given up half-way.
@Suite(.serialized) struct LeakTests {
    private static let count = ProcessInfo.processInfo.environment["APUS_HANDSHAKES"].flatMap(Int.init) ?? 6_000

    /// Bytes of memory that the process has: of the suites that run beside this one, too.
    private var resident: Int {
        get throws {
            let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            return Int(words[1])! * 4_096
        }
    }

    @Test(.timeLimit(.minutes(60))) func handshakesLeaveNothingBehind() throws {
        let store = try TrustStore(
            authorities: TestCertificates.bytes("ca.pem"), revoked: TestCertificates.bytes("crl.pem"))
        func certificate(_ name: String) throws -> TLSCertificate {
            try TLSCertificate(
                chain: TestCertificates.bytes("\(name).pem"), key: TestCertificates.bytes("\(name).key"))
        }
        var rules = ClientCertificateRules(store.described(file: "ca.pem", isSystems: false))
        rules.mode = .optional
        rules.revoked = store.revoked(file: "crl.pem")
        rules.telling = ClientCertificateRules.Telling.allCases
        let site = try certificate("site")
        var tls = ListenerTLS()
        tls.certificates = [.init(site.described(file: nil, keyFile: nil), names: site.names, clients: rules)]
        let keys = TicketKeys()
        let servers = TLSEngines()
        servers.use([try TLSContext(showing: try CertificateTable(tls), tickets: keys)])
        let trust = try TrustStore(authorities: TestCertificates.bytes("ca.pem"))
        // Those that are let in, with what they show, and those that are not.
        let clients = try ["client", nil, "revoked", "client-unknown"].map { name in
            let engines = TLSEngines()
            engines.use(
                [try TLSContext(asClient: TLSRules(), trusting: trust, showing: try name.map(certificate))],
                peers: [HandshakeTests.peer("site.test")])
            return engines
        }
        var (done, refused) = (0, 0)
        func shake(_ number: Int) {
            let client = TLSEnd(clients[number % 4])
            let server = TLSEnd(servers)
            // Some give up in the middle.
            if number % 13 != 0 {
                TLSEnd.exchange(client, server)
            } else {
                client.take([])
                server.take(client.sent[...])
            }
            if client.isDone, server.isDone {
                done += 1
                // Its tickets come with what is said first; some sessions are made anew.
                server.say([1])
                TLSEnd.exchange(client, server)
            } else {
                refused += 1
            }
        }
        // What is made once, sessions and pools of the allocator's among them.
        let first = Self.count / 3
        for number in 0..<first { shake(number) }
        let before = try resident
        for number in first..<Self.count { shake(number) }
        let growth = try resident - before
        // Of a million, a leak of a hundred bytes would be seen; of thousands, one of a whole connection.
        #expect(growth < 32 << 20 + (Self.count - first) * 20, "\(growth) bytes after \(Self.count - first) handshakes")
        #expect(done > Self.count / 3 && refused > Self.count / 3)
        #expect(servers.count == 0 && clients.allSatisfy { $0.count == 0 })
    }
}
