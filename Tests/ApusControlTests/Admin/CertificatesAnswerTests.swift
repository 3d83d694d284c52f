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
            (-1, "EXPIRED 1 day ago"),
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
}
