import ApusHTTP
import Testing

@Suite struct ChunkedDecoderTests {
    enum Result: Equatable {
        case body(String, rest: String)
        case incomplete
        case refused
    }

    /// Decodes `pieces` one after the other, as they would arrive.
    static func decode(_ pieces: [[UInt8]]) -> Result {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        for (number, piece) in pieces.enumerated() {
            var offset = 0
            loop: while true {
                do {
                    switch try decoder.next(piece.span, from: offset) {
                    case .data(let range):
                        body += piece[range]
                        offset = range.upperBound
                    case .needsMore: break loop
                    case .trailers(let start):
                        let rest = Array(piece[start...]) + pieces[(number + 1)...].joined()
                        return .body(String(decoding: body, as: UTF8.self), rest: String(decoding: rest, as: UTF8.self))
                    }
                } catch {
                    return .refused
                }
            }
        }
        return .incomplete
    }

    static let cases: [(String, Result)] = [
        ("0\r\n\r\n", .body("", rest: "\r\n")),
        ("5\r\nhello\r\n0\r\nA: b\r\n\r\n", .body("hello", rest: "A: b\r\n\r\n")),
        ("A\r\n0123456789\r\n00a;x=\"y\"\r\n0123456789\r\n000\r\n\r\n", .body("01234567890123456789", rest: "\r\n")),
        ("5\r\nhel", .incomplete), ("", .incomplete), ("5", .incomplete), ("0\r", .incomplete),
        ("+5\r\nhello\r\n", .refused), ("-5\r\nhello\r\n", .refused), ("0x5\r\nhello\r\n", .refused),
        (" 5\r\nhello\r\n", .refused), ("5 \r\nhello\r\n", .refused), ("5\nhello\r\n", .refused),
        ("5\rhello\r\n", .refused), ("\r\n", .refused), (";a\r\n", .refused), ("g\r\n", .refused),
        ("5\r\nhelloX\r\n", .refused), ("5\r\nhello\n", .refused), ("5\r\nhello\rX", .refused),
        ("5;a\nb\r\nhello\r\n", .refused), ("5;a\rb\r\n", .refused), ("5;\0\r\n", .refused),
        ("10000000000000000\r\n", .refused), ("fffffffffffffffff\r\n", .refused),
        ("5;" + String(repeating: "x", count: 2_000) + "\r\n", .refused),
    ]

    @Test(arguments: cases)
    func isReadTheSameHoweverItIsCut(text: String, expected: Result) {
        let bytes = Array(text.utf8)
        #expect(Self.decode([bytes]) == expected)
        #expect(Self.decode(bytes.map { [$0] }) == expected, "byte by byte")
        for cut in 0...bytes.count {
            #expect(Self.decode([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
        }
    }

    @Test func trailersAreFieldsThatMeanNothingToFraming() throws {
        var fields = FieldTable()
        func parse(_ text: String) throws -> Int? {
            let bytes = Array(text.utf8)
            return try TrailerSection.parse(bytes.span, from: 3, limits: HeadLimits(), into: &fields)
        }
        #expect(try parse("xxx\r") == nil)
        #expect(try parse("xxx\r\n") == 5)
        #expect(try parse("xxxA: b\r\nHost: c\r\nContent-Length: 3\r\n\r\n") == 39)
        #expect((0..<fields.count).map { fields[$0].isDropped } == [false, true, true])
        for bad in ["xxxA : b\r\n\r\n", "xxxA: b\n\r\n", "xxxA\r\n\r\n", "xxx b: c\r\n\r\n"] {
            #expect(throws: Reason.badTrailer) { _ = try parse(bad) }
        }
    }
}
