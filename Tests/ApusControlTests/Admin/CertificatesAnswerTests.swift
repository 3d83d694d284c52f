import ApusModel
import Foundation
import Testing

@testable import ApusControl

/// What is told of certificates.
@Suite struct CertificatesAnswerTests {
    private final class Held: Certificate.Holder {}

    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_780_000_000

    private func certificate(endingIn seconds: Int64) -> Certificate {
        Certificate(
            file: "/etc/apus/site.pem", keyFile: "/etc/apus/site.key", names: ["site.test"], notBefore: 0,
            notAfter: Self.now + seconds, issuer: "CN=Authority", keyKind: "ECDSA", keyBits: 256,
            fingerprint: Array(0..<32), digest: [], held: Held())
    }

    @Test(
        arguments: [
            (0, 0), (1, 0), (86_399, 0), (86_400, 1), (90 * 86_400 + 5, 90), (-1, -1), (-86_400, -1), (-86_401, -2),
        ] as [(Int64, Int)])
    func wholeDaysAreCounted(seconds: Int64, days: Int) {
        #expect(certificate(endingIn: seconds).daysLeft(now: Self.now) == days)
    }

    @Test(
        arguments: [
            (40 * day, "40 days left"), (day, "1 day left"), (5, "ENDS TODAY"), (-2 * day, "EXPIRED 2 days ago"),
            (-3 * 3_600 - 60, "EXPIRED 3 h ago"), (-200, "EXPIRED 3 min ago"),
        ] as [(Int64, String)])
    func peopleReadHowLongItHolds(seconds: Int64, words: String) {
        let answer = CertificatesAnswer.CertificateAnswer(
            certificate(endingIn: seconds), listener: "edge", names: ["site.test", "*.site.test"], Self.now)
        #expect(answer.text.hasPrefix("listener edge: site.test, *.site.test\n  \(words), until 2026-"))
        #expect(answer.text.contains("issued by CN=Authority; ECDSA 256"))
        #expect(answer.text.hasSuffix("/etc/apus/site.pem, SHA-256 0001020304050607...\n"))
    }

    @Test(
        arguments: [
            (nil, "OCSP response NOT SHOWN, it is not usable: site.ocsp"), (.max, "OCSP response: site.ocsp"),
            (now + 1, "OCSP response until 2026-05-28T20:26:41Z: site.ocsp"),
            (now - 1, "OCSP response NOT SHOWN, it held until 2026-05-28T20:26:39Z: site.ocsp"),
        ] as [(Int64?, String)])
    func peopleReadWhatIsStapled(until: Int64?, words: String) {
        var certificate = certificate(endingIn: Self.day)
        certificate.stapled = StapledResponse(file: "site.ocsp", until: until, digest: [])
        let answer = CertificatesAnswer.CertificateAnswer(certificate, listener: "edge", names: [], Self.now)
        #expect(answer.text.hasSuffix("  \(words)\n"))
    }

    @Test func peopleReadWhyNothingIsStapled() {
        var certificate = certificate(endingIn: Self.day)
        certificate.stapled = StapledResponse(file: "site.ocsp", until: nil, digest: [], fault: "it is cut off")
        let answer = CertificatesAnswer.CertificateAnswer(certificate, listener: "edge", names: [], Self.now)
        #expect(answer.text.hasSuffix("  OCSP response NOT SHOWN: site.ocsp: it is cut off\n"))
        #expect(answer.ocspFault == "it is cut off")
    }

    /// Lists of the admin server's, in text, in JSON as the document has it, and in the status.
    @Test(
        arguments: [
            ("crl", "\n  until 2125-01-01T00:00:00Z\n  crl.pem\n", "current"),
            ("crl-old", "\n  OUT OF DATE since 2025-01-01T00:00:00Z: nobody with a certificate", "outdated"),
        ])
    func listsAreTold(list: (name: String, words: String, state: String)) async throws {
        let rules = try AdminTLSTests.rules(revoked: list.name)
        let admin = try AdminTLSTests.admin(clients: rules)
        try await AdminFixture.run { server in
            let live = server.configuration.live
            var operations = live.view.snapshot.operations
            operations.admin = [admin]
            live.view = .of(live.view.snapshot.replacing(workers: 2, operations: operations))
            let text = try await server.get("/v1/certificates?text").body
            let first = "admin server 127.0.0.1:0: list of certificates revoked by CN=Authority,O=Apus tests\n"
            #expect(text.contains(first))
            #expect(text.contains(list.words), "\(text)")
            let check = SchemaCheck(OpenAPIDocument.document)
            let answer = try await server.get("/v1/certificates").json()
            #expect(check.mistakes(in: answer, OpenAPIDocument.reference("Certificates")) == [])
            #expect(answer["revocationLists"]?.list.first?["state"] == .text(list.state))
            let status = try await server.get("/v1/status").json()
            #expect(status["revocationWarnings"]?.list.count == (list.state == "current" ? 0 : 1))
        }
    }

    /// What a status says of refused files is as the document has it.
    @Test func refusedFilesAreTold() async throws {
        try await AdminFixture.run { server in
            server.configuration.files["apus.yaml"] = "listeners: nonsense"
            _ = try await server.send("POST", "/v1/config/reload")
            let status = try await server.get("/v1/status").json()
            let check = SchemaCheck(OpenAPIDocument.document)
            #expect(check.mistakes(in: status, OpenAPIDocument.reference("Status")) == [])
            #expect(status["refusedFiles"]?["cause"] == .text("admin"))
            #expect(status["refusedFiles"]?["stopsRestart"] == .flag(true))
        }
    }
}
