import ApusModel
import ApusTestKit
import ApusTransport
import Glibc
import Synchronization
import Testing

@testable import ApusTLS

/// Has `openssl` sign, when it is told to: a key that is elsewhere.
final class OpenSSLSigner: TLSSigner {
    let keyKind: TLSCertificate.KeyKind
    let keyBits: Int
    private let key: String
    private let asked = Mutex<[(message: [UInt8], algorithm: UInt16, answer: @Sendable ([UInt8]?) -> Void)]>([])

    init(_ key: String, _ kind: TLSCertificate.KeyKind, bits: Int) {
        (self.key, keyKind, keyBits) = (key, kind, bits)
    }

    var askedCount: Int { asked.withLock(\.count) }

    func sign(_ message: [UInt8], by algorithm: UInt16, _ answer: @escaping @Sendable ([UInt8]?) -> Void) {
        asked.withLock { $0.append((message, algorithm, answer)) }
    }

    /// Answers what was asked first.
    func answer(well: Bool = true) throws {
        let next = asked.withLock { $0.removeFirst() }
        next.answer(well ? try TestCertificates.signature(of: next.message, by: next.algorithm, key) : nil)
    }
}

@Suite struct SigningTests {
    private static func server(_ signer: OpenSSLSigner, _ name: String, maximum: TLSVersion) throws -> TLSEngines {
        let certificate = try TLSCertificate(chain: try TestCertificates.bytes("\(name).pem"), signer: signer)
        var tls = ListenerTLS()
        tls.certificates = [.init(certificate.described(file: nil, keyFile: nil), names: certificate.names)]
        let engines = TLSEngines()
        var rules = TLSRules()
        rules.maximum = maximum
        engines.use([try TLSContext(showing: try CertificateTable(tls), rules)])
        return engines
    }

    private static func client() throws -> TLSEngines {
        let engines = TLSEngines()
        let trust = try TrustStore(authorities: TestCertificates.bytes("ca.pem"))
        engines.use(
            [try TLSContext(asClient: TLSRules(), trusting: trust)], peers: [HandshakeTests.peer("site.test")])
        return engines
    }

    @Test(arguments: TLSVersion.allCases, [("site", TLSCertificate.KeyKind.ecdsa), ("site-rsa", .rsa)])
    func aHandshakeWaitsForASignatureThatIsMadeElsewhere(
        version: TLSVersion, key: (name: String, kind: TLSCertificate.KeyKind)
    ) throws {
        let signer = OpenSSLSigner("\(key.name).key", key.kind, bits: 256)
        let servers = try Self.server(signer, key.name, maximum: version)
        let woken = Atomic(UInt64(0))
        servers.wake = { woken.store($0, ordering: .relaxed) }
        let (client, server) = (TLSEnd(try Self.client()), TLSEnd(servers))
        TLSEnd.exchange(client, server)
        #expect(server.failure == -Int(EINPROGRESS) && !client.isDone && signer.askedCount == 1)
        server.failure = nil
        // Whoever asks too early is told the same, and the signer is not asked again.
        server.take([])
        #expect(server.failure == -Int(EINPROGRESS) && signer.askedCount == 1)
        #expect(woken.load(ordering: .relaxed) == 0)
        server.failure = nil
        try signer.answer()
        #expect(woken.load(ordering: .relaxed) == 7)
        server.take([])
        TLSEnd.exchange(client, server)
        #expect(client.isDone && server.isDone && client.failure == nil && server.failure == nil)
        server.say([1, 2, 3])
        TLSEnd.exchange(client, server)
        #expect(client.received == [1, 2, 3])
    }

    @Test func aSignerThatFailsEndsTheHandshake() throws {
        let signer = OpenSSLSigner("site.key", .ecdsa, bits: 256)
        let servers = try Self.server(signer, "site", maximum: .tls13)
        let woken = Atomic(false)
        servers.wake = { _ in woken.store(true, ordering: .relaxed) }
        let (client, server) = (TLSEnd(try Self.client()), TLSEnd(servers))
        TLSEnd.exchange(client, server)
        server.failure = nil
        try signer.answer(well: false)
        let isWoken = woken.load(ordering: .relaxed)
        #expect(isWoken)
        server.take([])
        #expect(server.failure == -Int(EPROTO))
    }

    /// What comes after its connection is gone is nobody's.
    @Test func aSignatureMayComeTooLate() throws {
        let signer = OpenSSLSigner("site.key", .ecdsa, bits: 256)
        let servers = try Self.server(signer, "site", maximum: .tls13)
        let woken = Atomic(0)
        servers.wake = { _ in woken.add(1, ordering: .relaxed) }
        var server: TLSEnd? = TLSEnd(servers)
        TLSEnd.exchange(TLSEnd(try Self.client()), server!)
        server = nil
        #expect(servers.count == 0)
        try signer.answer()
        #expect(woken.load(ordering: .relaxed) == 1)
    }
}
