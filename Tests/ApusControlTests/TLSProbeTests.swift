import ApusAddresses
import ApusBalancing
import ApusModel
import ApusTLS
import ApusTestKit
import NIOPosix
import Testing

@testable import ApusControl

/// Probes by TLS, of a server that is OpenSSL's.
@Suite struct TLSProbeTests {
    private func rules(trusting name: String?, as peer: String? = nil) throws -> PoolTLS {
        var rules = PoolTLS()
        rules.name = peer
        if let name {
            let text = try TestCertificates.bytes("\(name).pem")
            rules.authorities = try TrustStore(authorities: text).described(file: name, isSystems: false)
        }
        return rules
    }

    private func failure(
        _ address: SocketAddress, _ kind: HealthCheck.Probe, _ rules: PoolTLS, speaksTLS: Bool = true,
        timeout: Duration = .seconds(60)
    ) async -> CheckFailure? {
        var check = HealthCheck(probe: kind, timeout: timeout)
        check.speaksTLS = speaksTLS
        return await Probe(address: address, check: check, tls: (rules, "127.0.0.1"))
            .run(on: MultiThreadedEventLoopGroup.singleton.next())
    }

    private static let tcp = HealthCheck.Probe.tcp
    private static let http = HealthCheck.Probe.http(path: "/")

    @Test(
        arguments: [
            ("site", "ca", nil, nil), ("site", "ca", "www.site.test", nil), ("site-rsa", "ca", nil, nil),
            ("expired", nil, nil, nil), ("expired", "ca", nil, .certificate(.expired)),
            ("future", "ca", nil, .certificate(.notYetValid)), ("unknown", "ca", nil, .certificate(.unknownIssuer)),
            ("other", "ca", nil, .certificate(.wrongName)),
            ("client", "ca", "client.test", .certificate(.wrongPurpose)),
        ] as [(String, String?, String?, HandshakeFault?)])
    func theCertificateIsJudgedAsForRequests(
        certificate: String, authority: String?, name: String?, fault: HandshakeFault?
    ) async throws {
        let server = try OpenSSLServer(certificate: certificate)
        let rules = try rules(trusting: authority, as: name)
        for kind in [Self.tcp, Self.http] {
            #expect(await failure(server.address, kind, rules) == fault.map { .handshake($0) })
        }
    }

    /// An origin that wants a certificate says so behind the handshake in TLS 1.3.
    @Test(arguments: [("-tls1_3", 116), ("-tls1_2", 40)] as [(String, UInt8)])
    func aCertificateThatIsMissedIsTold(version: String, alert: UInt8) async throws {
        let options = [
            "-www", "-Verify", "1", "-verify_return_error", "-CAfile", TestCertificates.path("ca.pem"), version,
        ]
        let server = try OpenSSLServer(certificate: "site", options: options)
        let rules = try rules(trusting: "ca")
        #expect(await failure(server.address, Self.http, rules) == .handshake(.refused(alert: alert)))
    }

    @Test func whatIsAnsweredIsLookedAt() async throws {
        let server = try OpenSSLServer(certificate: "site")
        let rules = try rules(trusting: "ca")
        let answered = HTTPProbe(path: "/", statuses: [200...200], bodyContains: "s_server")
        #expect(await failure(server.address, .http(answered), rules) == nil)
        let missed = HTTPProbe(path: "/", statuses: [204...204])
        #expect(await failure(server.address, .http(missed), rules) == .status(200, expected: [204...204]))
    }

    @Test func aServerWithoutTLSFails() async throws {
        let greeting = try await ScriptedOrigin(.greet("220 mail.test ready, and says so before it is asked\r\n"))
        let rules = try rules(trusting: "ca")
        let failure = await failure(greeting.address, Self.tcp, rules)
        if case .handshake = failure {} else { Issue.record("\(String(describing: failure))") }
        // An alert that ends the connection properly, before there is one (RFC 8446 section 6.1).
        let ending = try await ScriptedOrigin(.greet("\u{15}\u{3}\u{3}\u{0}\u{2}\u{1}\u{0}"))
        #expect(await self.failure(ending.address, Self.tcp, rules) == .handshake(.left))
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        #expect(await self.failure(origin.address, Self.tcp, rules, speaksTLS: false) == nil)
        #expect(await self.failure(origin.address, Self.http, rules, speaksTLS: false) == nil)
    }

    @Test func aServerThatSaysNothingHasItsTime() async throws {
        let origin = try await ScriptedOrigin(.silence)
        let rules = try rules(trusting: "ca")
        #expect(await failure(origin.address, Self.tcp, rules, timeout: .milliseconds(300)) == .timedOut)
    }

    @Test func aVersionThatIsTooOldFails() async throws {
        let server = try OpenSSLServer(certificate: "site", options: ["-www", "-tls1_2"])
        var rules = try rules(trusting: "ca")
        #expect(await failure(server.address, Self.tcp, rules) == nil)
        rules.minimum = .tls13
        let failure = await failure(server.address, Self.tcp, rules)
        if case .handshake = failure {} else { Issue.record("\(String(describing: failure))") }
    }
}
