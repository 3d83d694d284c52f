import ApusTransport
import Testing

@testable import ApusTLS

@Suite struct RecordSizeTests {
    /// The plaintext of each record in what was sent, in TLS 1.3: what stands around it is 22 bytes.
    private static func records(in bytes: [UInt8]) -> [Int] {
        var sizes: [Int] = []
        var at = 0
        while at + 5 <= bytes.count {
            let length = Int(bytes[at + 3]) << 8 | Int(bytes[at + 4])
            sizes.append(length - 17)
            at += 5 + length
        }
        return sizes
    }

    @Test func whatIsSaidFirstFillsASegmentEach() throws {
        let (clients, servers) = try HandshakeTests.pair()
        let (client, server) = (TLSEnd(clients), TLSEnd(servers))
        TLSEnd.exchange(client, server)
        server.say([UInt8](repeating: 1, count: 60_000))
        let sizes = Self.records(in: server.sent)
        #expect(sizes == Array(repeating: 1_296, count: 10) + [16_384, 16_384, 60_000 - 12_960 - 2 * 16_384])
        TLSEnd.exchange(client, server)
        #expect(client.received.count == 60_000)
        // It goes on as it was, for it does not rest.
        server.say([UInt8](repeating: 2, count: 20_000))
        #expect(Self.records(in: server.sent) == [16_384, 20_000 - 16_384])
    }

    @Test func aRestBeginsAnew() {
        var size = RecordSize()
        let window = Int32(RecordSize.window)
        // The clock may stand anywhere, and goes round.
        for start in [Int32(0), 77, .max - 500, .min] {
            size.begin(at: start &+ 2_000)
            size.took(window - 1)
            #expect(size.next == RecordSize.segment)
            size.took(1)
            #expect(size.next == 16_384)
            size.begin(at: start &+ 3_000)
            #expect(size.next == 16_384)
            size.begin(at: start &+ 4_001)
            #expect(size.next == RecordSize.segment)
            size.took(window)
        }
    }
}
