import ApusTestKit
import Testing

@testable import ApusTLS

/// `HandshakeCheck`, by numbers that are always the same; `make fuzz` looks for others.
@Suite struct HandshakeCheckTests {
    @Test func tamperingGainsNothing() throws {
        let parties = try HandshakeCheck.Parties(TestCertificates.bytes, peer: HandshakeTests.peer("site.test"))
        var state: UInt64 = 0x2545_f491_4f6c_dd1d
        func next() -> UInt8 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 32)
        }
        for round in 0..<2_000 {
            let script = (0..<Int(next() % 60) + 1).map { _ in next() }
            if let problem = HandshakeCheck.problem(with: script, parties) {
                Issue.record("round \(round): \(problem), with \(script)")
                return
            }
        }
    }

    /// It would be seen: a line that nobody tampers with carries what is said.
    @Test func anHonestLineCarriesAll() throws {
        let parties = try HandshakeCheck.Parties(TestCertificates.bytes, peer: HandshakeTests.peer("site.test"))
        for first: UInt8 in [4, 7] {
            // Both speak, and what they say passes.
            #expect(HandshakeCheck.problem(with: [first, 0xe0, 0xe1, 0x00, 0x01, 0xe0], parties) == nil)
        }
    }
}
