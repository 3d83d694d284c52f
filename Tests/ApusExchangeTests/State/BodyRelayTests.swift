import ApusHTTP
import Testing

@testable import ApusExchange

@Suite struct BodyRelayTests {
    /// Feeds `pieces` and says what came out: the data, and whether and where in the last piece the body ended.
    static func relay(_ framing: BodyFraming, _ pieces: [String]) -> (data: String, end: Int?, failed: Reason?) {
        var relay = BodyRelay(framing, isChunkedOut: false)
        var data: [UInt8] = []
        for piece in pieces {
            let bytes = Array(piece.utf8)
            var offset = 0
            loop: while true {
                do {
                    switch try relay.next(bytes.span, from: offset) {
                    case .data(let range):
                        data += bytes[range]
                        offset = range.upperBound
                    case .needsMore: break loop
                    case .trailers(let start):
                        relay.trailersEnded()
                        offset = start + 2
                    case .end(let end): return (String(decoding: data, as: UTF8.self), end, nil)
                    }
                } catch {
                    return (String(decoding: data, as: UTF8.self), nil, error)
                }
            }
        }
        return (String(decoding: data, as: UTF8.self), nil, nil)
    }

    @Test func aLengthEndsTheBodyWithinAPiece() {
        #expect(Self.relay(.length(5), ["hel", "loGET"]) == ("hello", 2, nil))
        #expect(Self.relay(.length(5), ["hell"]) == ("hell", nil, nil))
        #expect(Self.relay(.none, ["GET"]) == ("", 0, nil))
    }

    @Test func chunksEndWithTheirTrailers() {
        #expect(Self.relay(.chunked, ["3\r\nabc\r", "\n0\r\n\r\nGET"]) == ("abc", 6, nil))
        #expect(Self.relay(.chunked, ["3\r\nabcX"]) == ("abc", nil, .badChunk))
    }

    @Test func onlyACloseDelimitedBodyEndsWithItsConnection() {
        #expect(Self.isCompleteAtTheEnd(.untilClose))
        #expect(Self.isCompleteAtTheEnd(.none))
        #expect(!Self.isCompleteAtTheEnd(.length(1)))
        #expect(!Self.isCompleteAtTheEnd(.chunked))
    }

    private static func isCompleteAtTheEnd(_ framing: BodyFraming) -> Bool {
        var relay = BodyRelay(framing, isChunkedOut: false)
        return relay.connectionEnded()
    }

    @Test func countsDataAndNotItsFraming() throws {
        var relay = BodyRelay(.chunked, isChunkedOut: true)
        let bytes = Array("4;a=b\r\nwxyz\r\n".utf8)
        let first = try relay.next(bytes.span, from: 0)
        let second = try relay.next(bytes.span, from: 11)
        #expect([first, second] == [.data(7..<11), .needsMore])
        #expect(relay.byteCount == 4)
    }
}
