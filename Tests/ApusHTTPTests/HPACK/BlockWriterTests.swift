import Testing

@testable import ApusHTTP

@Suite struct BlockWriterTests {
    private static func lines(_ block: [UInt8]) throws -> [String] {
        var end = HPACKTests.End()
        return try end.decode(block).map {
            "\(String(decoding: $0.name, as: UTF8.self)): \(String(decoding: $0.value, as: UTF8.self))\($0.isSecret ? " (secret)" : "")"
        }
    }

    @Test func responsesBecomeBlocks() throws {
        let head = Array(
            ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Long-Name: \r\nSet-Cookie: a=b\r\nConnection: close\r\n"
                + "Keep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\nServer:  b \r\n\r\n").utf8)
        var sink = FrameBytes()
        #expect(BlockWriter.write(response: head.span, to: &sink))
        #expect(
            try Self.lines(sink.bytes) == [
                ":status: 200", "content-type: text/html", "x-long-name: ", "set-cookie: a=b (secret)", "trailer: x",
                "server: b",
            ])
        // A status of the table is a byte; a field of it the name's index and the value.
        #expect(sink.bytes.prefix(4) == [0x88, 0x0f, 0x10, 9])
        for (status, first) in [("304", UInt8(0x8b)), ("500", 0x8e), ("503", 0x08)] {
            var sink = FrameBytes()
            #expect(
                BlockWriter.write(
                    response: Array("HTTP/1.1 \(status) \r\n\r\n".utf8).span, shrinksTable: true, to: &sink))
            #expect(sink.bytes.prefix(2) == [0x20, first])
            #expect(try Self.lines(sink.bytes) == [":status: \(status)"])
        }
    }

    @Test func requestsBecomeBlocks() throws {
        let head = Array(
            "POST /x?y HTTP/1.1\r\nAccept: */*\r\nHost: a.test:8\r\nTE: trailers\r\nAuthorization: b\r\nUpgrade: h2c\r\n\r\n"
                .utf8)
        var sink = FrameBytes()
        #expect(BlockWriter.write(request: head.span, isSecure: true, to: &sink))
        #expect(
            try Self.lines(sink.bytes) == [
                ":method: POST", ":scheme: https", ":authority: a.test:8", ":path: /x?y", "accept: */*", "te: trailers",
                "authorization: b (secret)",
            ])
        var short = FrameBytes()
        #expect(
            BlockWriter.write(
                request: Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8).span, isSecure: false, to: &short))
        #expect(short.bytes == [0x82, 0x86, 0x01, 0x01, 0x61, 0x84])
    }

    /// CONNECT has an authority alone; a target of another form is for a proxy.
    @Test func targetsHaveTheirForms() throws {
        func lines(_ line: String) throws -> [String]? {
            var sink = FrameBytes()
            let head = Array("\(line) HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
            guard BlockWriter.write(request: head.span, isSecure: true, to: &sink) else { return nil }
            return try Self.lines(sink.bytes)
        }
        #expect(try lines("CONNECT a:443") == [":method: CONNECT", ":authority: a:443"])
        #expect(try lines("OPTIONS *") == [":method: OPTIONS", ":scheme: https", ":authority: b", ":path: *"])
        #expect(try lines("GET http://b/") == nil)
    }

    /// Where one of a message's fields must not be remembered, none is to be.
    @Test func secretsStaySecrets() throws {
        var sink = FrameBytes()
        #expect(BlockWriter.write(trailers: Array("X: y\r\n".utf8).span, keepsSecrets: true, to: &sink))
        #expect(try Self.lines(sink.bytes) == ["x: y (secret)"])
    }

    @Test func trailersBecomeBlocks() throws {
        var sink = FrameBytes()
        #expect(BlockWriter.write(trailers: Array("Grpc-Status: 0\r\n".utf8).span, to: &sink))
        #expect(try Self.lines(sink.bytes) == ["grpc-status: 0"])
    }

    @Test(arguments: [
        "", "HTTP/1.1 2", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nA: b",
        "HTTP/1.1 200 OK\r\nab\r\n", "HTTP/1.1 200 OK\r\nab\r\nc: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: c\r\n",
    ])
    func whatIsNoHeadIsNone(_ text: String) {
        var sink = FrameBytes()
        #expect(!BlockWriter.write(response: Array(text.utf8).span, to: &sink))
    }

    /// What one end writes the other end reads as the same head: there and back.
    @Test func aHeadComesBackAsItWas() throws {
        let text = "POST /x HTTP/1.1\r\nhost: a\r\nx: y\r\ncontent-length: 3\r\ncookie: a=1; b=2\r\n\r\n"
        var sink = FrameBytes()
        #expect(BlockWriter.write(request: Array(text.utf8).span, isSecure: true, to: &sink))
        var decoder = HPACKDecoder()
        var scratch = HPACKScratch(capacity: 4_096)
        var head = HTTP2HeadText(.request)
        head.begin(isTrailer: false)
        try decoder.decode(sink.bytes.span, &scratch, into: &head)
        let count = try head.finish(endsStream: false)
        let bytes = head.written
        #expect(String(decoding: (0..<count).map { bytes[$0] }, as: UTF8.self) == text)
    }

    /// Numbers of every size come back.
    @Test func numbersComeBack() throws {
        for number in [0, 1, 14, 15, 16, 126, 127, 128, 254, 255, 256, 1_337, 16_383, 16_384, 65_535, 1 << 20] {
            for bits in 4...7 {
                var sink = FrameBytes()
                sink.append(number: number, bits: bits, first: 0)
                var reader = BlockReader(offset: 0)
                #expect(try reader.number(sink.bytes.span, bits: bits) == number)
                #expect(reader.offset == sink.bytes.count)
            }
        }
    }
}
