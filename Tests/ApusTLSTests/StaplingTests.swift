import ApusModel
import ApusTestKit
import Testing

@testable import ApusTLS

/// The authority's word (OCSP) that is shown with a certificate.
@Suite struct StaplingTests {
    private func certificate(_ name: String = "site", with response: [UInt8]) throws -> TLSCertificate {
        try TLSCertificate(
            chain: TestCertificates.bytes("\(name).pem"), key: TestCertificates.bytes("\(name).key"), response: response
        )
    }

    private static let any = OCSPSubject(serial: [1], issuer: [], issuerKey: nil)

    @Test func anAnswerIsShownAsLongAsItHolds() throws {
        let certificate = try certificate(with: TestCertificates.bytes("site.ocsp"))
        let until = try #require(certificate.stapledUntil)
        // In 2125.
        #expect(until > 4_890_000_000 && until < 4_930_000_000 && certificate.stapleFault == nil)
        let shown = unsafe certificate.credential(at: until - 1)
        let plain = unsafe certificate.credential(at: until)
        #expect(unsafe shown != plain)
        let endless = try self.certificate(with: TestCertificates.bytes("site-endless.ocsp"))
        #expect(endless.stapledUntil == .max)
    }

    @Test(
        arguments: [
            ("other", "site.ocsp", .ofAnother), ("revoked", "revoked.ocsp", .revoked),
            ("other", "other.ocsp", .unknown),
            ("site", "later.ocsp", .refused(3)), ("site", "site.pem", .unreadable),
        ] as [(String, String, OCSPFault)])
    func whatIsNotItsOwnGoodOneIsNotShown(name: String, file: String, fault: OCSPFault) throws {
        let certificate = try certificate(name, with: TestCertificates.bytes(file))
        #expect(certificate.stapleFault == fault && certificate.stapledUntil == nil)
        #expect(unsafe certificate.credential(at: 0) == certificate.credential(at: .max))
    }

    /// Authorities count their certificates each for itself.
    @Test func anAnswerIsOneOfTheIssuers() throws {
        let chain = try PEM.certificates(in: TestCertificates.bytes("site.pem"))
        let response = try TestCertificates.bytes("site.ocsp")
        let authority = try PEM.certificates(in: TestCertificates.bytes("ca.pem"))[0]
        let own = try OCSPSubject(ParsedCertificate(chain[0]), issuedBy: authority)
        #expect(own.issuerKey != nil)
        let found = try OCSPResponse(response, about: own)
        #expect(found.thisUpdate < found.nextUpdate ?? 0)
        var other = own
        other.issuer += [0]
        #expect(throws: OCSPFault.ofAnother) { try OCSPResponse(response, about: other) }
        other = own
        other.issuerKey?.append(0)
        #expect(throws: OCSPFault.ofAnother) { try OCSPResponse(response, about: other) }
        other.issuerKey = nil
        #expect(try OCSPResponse(response, about: other) == found)
        let stranger = try PEM.certificates(in: TestCertificates.bytes("stranger.pem"))[0]
        #expect(try OCSPSubject(ParsedCertificate(chain[0]), issuedBy: stranger).issuerKey == nil)
    }

    @Test func anAnswerOfTomorrowIsNotShownToday() throws {
        let chain = try PEM.certificates(in: TestCertificates.bytes("site.pem"))
        let response = try OCSPResponse(
            TestCertificates.bytes("site.ocsp"), about: OCSPSubject(ParsedCertificate(chain[0]), issuedBy: nil))
        let certificate = try certificate(with: TestCertificates.bytes("site.ocsp"))
        let plain = unsafe certificate.credential(at: .max)
        #expect(unsafe certificate.credential(at: response.thisUpdate - 1) == plain)
        #expect(unsafe certificate.credential(at: response.thisUpdate) != plain)
    }

    /// What stands behind it would go into each handshake.
    @Test func anAnswerIsNothingElse() throws {
        let whole = try TestCertificates.bytes("site.ocsp")
        #expect(try certificate(with: whole + [0]).stapleFault == .unreadable)
        let large = whole + [UInt8](repeating: 0, count: 40_000)
        #expect(try certificate(with: large).stapleFault == .tooLarge)
    }

    /// Whatever stands in the file, the certificate is there, and nothing is read that is not in it.
    @Test func anAnswerThatIsCutOrChangedIsNoReasonToFail() throws {
        let whole = try TestCertificates.bytes("site.ocsp")
        for count in 0..<whole.count {
            #expect(throws: OCSPFault.unreadable) { try OCSPResponse(Array(whole[..<count]), about: Self.any) }
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var changed = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: 0..<120, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? OCSPResponse(changed, about: Self.any)
        }
    }
}
