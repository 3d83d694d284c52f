import ApusHTTP
import ApusTestKit
import Testing

/// Chunked bodies that RFC 9112 section 7.1 does not allow. The head may have been forwarded by then; the request
/// must never be complete at the origin.
@Suite struct RefusedChunks {
    static let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let sizes = [
        "0x5", "0X5", "x5", "+5", "-5", " 5", "\t5", "5 ", "5\t", "", "g", "5g", "h5", "5_0", "5,0", "5.0", "5 5",
        "\"5\"",
        "5  ", "5 \t", "5;", "5;;a", "5;a ", "5;a=", "5;a=b c", "5;a=\"b", "5;a=\"b\"c", "5;a=b=c", "5;=b", "5 a",
        "5;a,b",
        "5;a=\"\\\u{1}\"", "5;a=\"b\rc\"",
        "\u{0}5", "5\u{0}", "\u{b2}", "5\r", "5;ext\n", ";ext", "5;a=\u{0}", "5;a=\"\u{1}\"", "5;a=b\u{7f}", "5;a=b\rc",
        "8000000000000000", "ffffffffffffffff", "10000000000000000", "10000000000000005", "fffffffffffffffffffff",
        String(repeating: "0", count: 5000) + "5", String(repeating: "f", count: 5000),
    ]

    @Test(arguments: sizes, Delivery.allCases)
    func aChunkSizeIsHexDigits(size: String, delivery: Delivery) throws {
        try expectRefused(
            BadInput("\(Self.head)\(size)\r\nhello\r\n0\r\n\r\n", .badChunk, .bareLF, .bareCR), delivery)
    }

    /// RFC 9112 section 7.1.1; what was checked is dropped.
    @Test(arguments: [
        ";a", ";a=b", " ;a=b", "\t; a\t= b", ";a=\"b; \\\"c\"", " ; a = \"\" ; b", ";a=\"\u{e9}\"",
    ])
    func extensionsAreTakenAndDropped(text: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            try client.send("\(Self.head)5\(text)\r\nhello\r\n0\(text)\r\n\r\n")
            #expect(try client.readResponse().isGood)
        }
        #expect(origin.requests.map(\.text) == ["hello", "hello"])
        #expect(!ApusTestKit.text(origin.record.received.joined()).contains(";"))
    }

    static let bodies = [
        // A line that ends in a bare LF.
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\n\n",
        // Data that is not followed by CRLF.
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "3\r\nhello\r\n0\r\n\r\n",
        // An empty line where a size should be.
        "5\r\nhello\r\n\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
    ]

    @Test(arguments: bodies, Delivery.allCases)
    func chunksAreDelimitedByCRLF(body: String, delivery: Delivery) throws {
        try expectRefused(BadInput(Self.head + body, .badChunk, .bareLF, .bareCR), delivery)
    }

    static let trailers = [
        "X", "X : a", ": a", " X: a", "X: a\r\n b", "X: \u{0}", "X: a\u{7f}", "X\u{80}: a", "X: a\nY: b", "X: a\rb",
        "GET /smuggled HTTP/1.1",
    ]

    @Test(arguments: trailers, Delivery.allCases)
    func trailersAreTakenByTheLetter(trailer: String, delivery: Delivery) throws {
        try expectRefused(
            BadInput("\(Self.head)5\r\nhello\r\n0\r\n\(trailer)\r\n\r\n", .badTrailer, .badChunk, .bareLF, .bareCR),
            delivery)
    }

    @Test func tooManyTrailersAreRefused() throws {
        let trailers = (0..<101).map { "X-\($0): a\r\n" }.joined()
        try expectRefused(
            BadInput("\(Self.head)0\r\n\(trailers)\r\n", .badTrailer, .tooManyFields, .headTooLarge))
    }

    @Test func trailersTooLargeAreRefused() throws {
        let trailers = "X: " + String(repeating: "a", count: 70_000) + "\r\n"
        try expectRefused(
            BadInput("\(Self.head)0\r\n\(trailers)\r\n", .badTrailer, .tooManyFields, .headTooLarge))
    }

    /// A bad chunk after a good one that the origin already has: the request must not look complete to it.
    @Test func aBadChunkAfterAGoodOneBreaksTheRequest() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(Self.head + "5\r\nhello\r\n")
        try origin.wait(for: "the first chunk") { text($0.received.joined()).contains("hello") }
        try client.send("zz\r\nhello\r\n0\r\n\r\n")
        expectRefusal(try client.readResponse(), [.badChunk])
        #expect(try client.readEnding() == .closed)
        try origin.wait(for: "the end of the broken request") { $0.ended == 1 }
        #expect(origin.requests.isEmpty)
    }
}
