import ApusModel
import ApusTestKit
import Testing

/// A side that does not read stops the other: what the proxy holds in between is bounded.
@Suite struct Backpressure {
    static let block = [UInt8](repeating: 0x61, count: 65_536)
    /// What the kernel's own buffers on the way may take, generously; the proxy's share is checked by its counter.
    static let kernelShare = 24 << 20

    @Test(arguments: ["Content-Length: 1000000000000", "Transfer-Encoding: chunked", "Connection: close"])
    func aClientThatDoesNotReadStopsTheOrigin(field: String) throws {
        let sent = Monitor<Int?>(nil)
        let more = Gate()
        let block = field.hasPrefix("T") ? bytes("10000\r\n") + Self.block + bytes("\r\n") : Self.block
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n")
            let count = try connection.sendUntilStalled(block, limit: 256 << 20)
            sent.with { $0 = count }
            try more.pass()
            _ = try connection.sendUntilStalled(block, after: count, limit: 16 << 20, pause: .seconds(5))
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect(buffers: .tiny)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let stalled = try #require(try sent.wait(for: "the origin to stall", by: .after(.seconds(20))) { $0 != nil })
        #expect(stalled < Self.kernelShare)
        #expect(proxy.count(.bufferBytes) <= 512 << 10)
        // What was held back goes on when it is read.
        more.open()
        #expect(try client.read(8 << 20).count == 8 << 20)
    }

    @Test(arguments: ["Content-Length: 1000000000000", "Transfer-Encoding: chunked"])
    func anOriginThatDoesNotReadStopsTheClient(field: String) throws {
        let more = Gate()
        let origin = try Origin(buffers: .tiny) { connection in
            _ = try connection.readRequestHead()
            try more.pass(by: .after(.seconds(30)))
            for _ in 0..<512 { try connection.receiveMore(upTo: 16_384) }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let block = field.hasPrefix("T") ? bytes("10000\r\n") + Self.block + bytes("\r\n") : Self.block
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
        let stalled = try client.sendUntilStalled(block, limit: 256 << 20)
        #expect(stalled < Self.kernelShare)
        #expect(proxy.count(.bufferBytes) <= 512 << 10)
        more.open()
        #expect(try client.readResponse().isGood)
    }

    /// A client that sends requests and reads no answers is not served without end.
    @Test func aClientThatPipelinesWithoutReadingIsStopped() throws {
        let body = String(repeating: "x", count: 10_000)
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n\(body)")
        let proxy = try Proxy(origin)
        let client = try proxy.connect(buffers: .init(receive: 2048))
        let requests = bytes(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000))
        let sent = try client.sendUntilStalled(requests, limit: 64 << 20)
        #expect(sent < 64 << 20)
        #expect(origin.requests.count < 2000)
        #expect(proxy.count(.bufferBytes) <= 512 << 10)
        for _ in 0..<2000 {
            #expect(try client.readResponse().isComplete)
            client.forget()
        }
    }

    /// Everything arrives, however small the buffers on both sides are.
    @Test func smallBuffersLoseNothing() throws {
        let body = text((0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7 % 251) })
        let origin = try Origin(buffers: .tiny) { connection in
            while let request = try connection.readRequest() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n\(request.text)")
            }
        }
        let proxy = try Proxy(origin)
        for field in ["Content-Length: 300000", "Transfer-Encoding: chunked"] {
            let client = try proxy.connect(buffers: .tiny)
            let framed = field.hasPrefix("T") ? "493e0\r\n\(body)\r\n0\r\n\r\n" : body
            try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n\(framed)")
            #expect(try client.readResponse().text == body)
        }
        try proxy.eventually("the buffers to be free") { proxy.count(.bufferBytes) == 0 }
    }
}
