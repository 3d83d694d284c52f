import ApusHTTP
import Testing

@Suite struct ChunkedDecoderTests {
    enum Result: Equatable {
        case body(String, rest: String)
        case incomplete
        case refused
    }

    /// Decodes `pieces` one after the other, as they would arrive.
    static func decode(_ pieces: [[UInt8]], bearsBlanks: Bool = false) -> Result {
        var decoder = ChunkedDecoder(bearsBlanks: bearsBlanks)
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
        Self.expectEveryCut(of: text, expected, bearsBlanks: false)
    }

    static func expectEveryCut(of text: String, _ expected: Result, bearsBlanks: Bool) {
        let bytes = Array(text.utf8)
        #expect(decode([bytes], bearsBlanks: bearsBlanks) == expected)
        #expect(decode(bytes.map { [$0] }, bearsBlanks: bearsBlanks) == expected, "byte by byte")
        for cut in 0...bytes.count {
            let halves = [Array(bytes[..<cut]), Array(bytes[cut...])]
            #expect(decode(halves, bearsBlanks: bearsBlanks) == expected, "cut at \(cut)")
        }
    }

    /// What stands behind a size, and whether a client, and an origin, may send it (RFC 9112 section 7.1.1).
    static let extensions: [(String, client: Bool, origin: Bool)] = [
        ("", true, true), (";a", true, true), (";a=b", true, true), (";a;b", true, true), (";a=\"b\"", true, true),
        (" ;a=b", true, true), ("\t ; \ta \t= \tb", true, true), (" ;a = \"b c\" ; d", true, true),
        (";a=\"\"", true, true), (";a=\";\\\"\\\\=\"", true, true), (";a=\"\u{e9}\\\u{e9}\"", true, true),
        (";a=\"b\";c=d", true, true), (";!#$%&'*+-.^_`|~09=z", true, true),
        // Blanks at the end of the line: from origins only.
        (" ", false, true), ("  \t", false, true), (";a ", false, true), (";a=b ", false, true),
        (";a=\"b\" ", false, true),
        // Extensions that are none.
        (";", false, false), (";;a", false, false), (";a;", false, false), ("; ", false, false), ("=a", false, false),
        (";=a", false, false), (";a=", false, false), (";a= ", false, false), (";a=b=c", false, false),
        (";a b", false, false), (";a=b c", false, false), (";a=\"b", false, false), (";a=\"b\"c", false, false),
        (";a=b\"c\"", false, false), (";a=\"b\\", false, false), (";\"a\"", false, false), (";a,b", false, false),
        (";a=\u{e9}", false, false), (";(", false, false), (" a", false, false), (" 5", false, false),
        (";a=\"\u{1}\"", false, false), (";a=\"\\\u{7f}\"", false, false), (";a=\"\nb\"", false, false),
        (";a=\"\\\nb\"", false, false), (";a=\"\rb\"", false, false), (";a\u{0}", false, false),
    ]

    @Test(arguments: extensions)
    func extensionsFollowTheirGrammar(text: String, client: Bool, origin: Bool) {
        let body = "5\(text)\r\nhello\r\n0\(text)\r\n\r\n"
        let good = Result.body("hello", rest: "\r\n")
        Self.expectEveryCut(of: body, client ? good : .refused, bearsBlanks: false)
        Self.expectEveryCut(of: body, origin ? good : .refused, bearsBlanks: true)
    }

    @Test(arguments: [";" + String(repeating: "a", count: 1_023), String(repeating: " ", count: 1_022) + ";a"])
    func extensionsHaveABound(text: String) {
        #expect(Self.decode([Array("0\(text)\r\n".utf8)]) == .body("", rest: ""))
        #expect(Self.decode([Array("0\(text)a\r\n".utf8)]) == .refused)
    }

    static let neverTrailers = [
        "Content-Length", "content_length", "Content.Type", "CONTENT-ENCODING", "Transfer-Encoding",
        "Transfer_Encoding",
        "Host", "Connection", "Keep-Alive", "Keep_Alive", "TE", "Trailer", "Upgrade", "Expect", "Max-Forwards", "Via",
        "Authorization", "WWW-Authenticate", "Proxy-Authorization", "Proxy_Anything", "Proxy", "Cookie", "Set-Cookie",
        "set_cookie", "X-Forwarded-For", "X_Forwarded_For", "X-Forwarded-Anything", "x~forwarded~host", "Forwarded",
        "X-Real-IP", "X_Real_IP", "True-Client-IP", "X-Original-URL", "X_Rewrite_URL", "X-HTTP-Method-Override", "Age",
        "Cache-Control", "Cache_Control", "Expires", "Date", "Location", "Retry-After", "Vary", "Warning", "Pragma",
        "Range", "If-Match", "If_None_Match", "Sec-WebSocket-Accept", "Apus-Reason",
    ]
    static let trailers = [
        "A", "X-Sum", "grpc-status", "grpc-message", "grpc-status-details-bin", "ETag", "Digest", "Repr-Digest",
        "Content-Digest", "Server-Timing", "Signature", "my_meta", "my.meta", "Hosts", "Ages", "Contents",
        "Authentication-Info",
    ]

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
        for name in Self.neverTrailers {
            #expect(try parse("xxx\(name): a\r\n\r\n") != nil && fields[0].isDropped, "\(name)")
        }
        for name in Self.trailers {
            #expect(try parse("xxx\(name): a\r\n\r\n") != nil && !fields[0].isDropped, "\(name)")
        }
        for bad in ["xxxA : b\r\n\r\n", "xxxA: b\n\r\n", "xxxA\r\n\r\n", "xxx b: c\r\n\r\n"] {
            #expect(throws: Reason.badTrailer) { _ = try parse(bad) }
        }
    }
}
