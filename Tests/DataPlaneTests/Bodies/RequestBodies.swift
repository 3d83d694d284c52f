import ApusTestKit
import Testing

/// Bodies of requests: framed by length or in chunks, streamed as they come.
@Suite struct RequestBodies {
    static let everyByte = text((0...255).map { UInt8($0) })

    @Test(arguments: ["", "a", everyByte, String(repeating: "0123456789abcdef", count: 8192)], Delivery.allCases)
    func aBodyWithALengthArrivesWhole(body: String, delivery: Delivery) throws {
        let count = body.unicodeScalars.count
        guard delivery == .inOnePiece || count < 1000 else { return }
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n\(body)"
        for _ in 0..<2 {
            switch delivery {
            case .inOnePiece: try client.send(request)
            case .byteByByte: try client.sendSlowly(request)
            }
            #expect(try client.readResponse().isGood)
        }
        #expect(origin.requests.map(\.text) == [body, body])
        #expect(origin.requests.map(\.framing) == [.contentLength(count), .contentLength(count)])
    }

    static let chunked = [
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("0005\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
        ("100\r\n\(everyByte)\r\n0\r\n\r\n", everyByte),
        // Extensions are taken by their syntax and dropped.
        ("5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello"),
        ("5;a=b;c=\"d;e\\\"f\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ]

    @Test(arguments: chunked, Delivery.allCases)
    func aChunkedBodyArrivesWhole(body: (String, String), delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body.0)"
        for _ in 0..<2 {
            switch delivery {
            case .inOnePiece: try client.send(request)
            case .byteByByte: try client.sendSlowly(request)
            }
            #expect(try client.readResponse().isGood)
        }
        #expect(origin.requests.map(\.text) == [body.1, body.1], "\(origin.record)")
        #expect(origin.requests.allSatisfy { $0.framing == .chunked })
    }

    @Test(arguments: ["Transfer-Encoding: Chunked", "transfer-encoding: CHUNKED", "Transfer-Encoding:\t chunked \t"])
    func chunkedIsKnownInAnyCase(field: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n2\r\nab\r\n0\r\n\r\n").isGood)
        #expect(origin.requests.map(\.text) == ["ab"])
    }

    @Test(arguments: ["GET", "DELETE", "OPTIONS", "HEAD", "PROPFIND"])
    func anyMethodMayHaveABody(method: String) throws {
        let origin = try Origin(answering: { $0.method == "HEAD" ? String(ok.dropLast(2)) : ok })
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            try client.send("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try client.readResponse(to: method).status == 200)
        }
        #expect(origin.requests.map(\.text) == ["abc", "abc"])
    }

    @Test func aRequestWithoutFramingHasNoBody() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
        let request = try #require(origin.requests.first)
        #expect(request.body.isEmpty)
        #expect(request.framing == .none || request.framing == .contentLength(0))
    }

    /// The first half is at the origin before the client has sent the second.
    @Test(arguments: [
        ("Content-Length: 10", "first", "other", "firstother"),
        ("Transfer-Encoding: chunked", "5\r\nfirst\r\n", "5\r\nother\r\n0\r\n\r\n", "firstother"),
    ])
    func aBodyIsPassedOnAsItComes(field: String, first: String, second: String, whole: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n\(first)")
        try origin.wait(for: "the first half") { text($0.received.joined()).contains("first") }
        try client.send(second)
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map(\.text) == [whole])
    }

    @Test(arguments: [Framing.contentLength(0), .chunked])
    func aLargeBodyArrivesWhole(framing: Framing) throws {
        let size = 8 << 20
        let origin = try Origin(answering: { request in
            let sum = request.body.reduce(into: UInt64(1)) { $0 = $0 &* 31 &+ UInt64($1) }
            let text = "\(request.body.count) \(sum)"
            return "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
        })
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let block = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        var sum: UInt64 = 1
        for _ in 0..<(size / block.count) { for byte in block { sum = sum &* 31 &+ UInt64(byte) } }
        if framing == .chunked {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<(size / block.count) { try client.send(bytes("10000\r\n") + block + bytes("\r\n")) }
            try client.send("0\r\n\r\n")
        } else {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            for _ in 0..<(size / block.count) { try client.send(block) }
        }
        #expect(try client.readResponse().text == "\(size) \(sum)")
    }
}
