import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// A client that sends all of its request before it reads gets to read why it was refused.
@Suite(.onOwnThreads) struct Lingering {
    /// Sends `count` bytes at about 8 MB/s, and stops at the first failure.
    private func upload(_ client: Connection, _ count: Int) throws {
        let block = [UInt8](repeating: 0x61, count: 64 << 10)
        let gate = Gate()
        for _ in 0..<count / block.count {
            try client.send(block)
            try? gate.pass(by: .after(.milliseconds(8)))
        }
    }

    @Test(arguments: [false, true]) func aSlowUploaderReadsItsRefusal(isChunked: Bool) throws {
        let proxy = try Proxy(try Origin()) { $0.limits.bodyBytes = 1000 }
        let client = try proxy.connect(buffers: .init(send: 65_536))
        let size = 40 << 20
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(size)"
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
        if isChunked { try client.send("\(String(size, radix: 16))\r\n") }
        let start = ContinuousClock.now
        try upload(client, size)
        // Longer than one that sends nothing would have had.
        #expect(ContinuousClock.now - start > .milliseconds(2500))
        expectRefusal(try client.readResponse(), [.bodyTooLarge])
        #expect(try client.readEnding() == .closed)
    }

    @Test func soItDoesWhileTheProxyDrains() throws {
        let proxy = try Proxy(try Origin()) { $0.limits.bodyBytes = 1000 }
        let client = try proxy.connect(buffers: .init(send: 65_536))
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        try proxy.eventually("the refusal") { proxy.count(.bodyTooLarge) == 1 }
        proxy.dataPlane.drain()
        try upload(client, 32 << 20)
        expectRefusal(try client.readResponse(), [.bodyTooLarge])
        client.close()
        proxy.dataPlane.waitUntilEnded()
    }

    /// Who sends nothing any more is not waited for longer than before.
    @Test func aClientThatIsSilentIsLeftAfterTwoSeconds() throws {
        let proxy = try Proxy(try Origin()) { $0.limits.bodyBytes = 1000 }
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        expectRefusal(try client.readResponse(), [.bodyTooLarge])
        let start = ContinuousClock.now
        try proxy.eventually("its end", by: .after(.seconds(8))) { proxy.count(.connectionsClosed) == 1 }
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    /// However fast somebody sends, it is not for ever.
    @Test func lingeringHasAnEnd() throws {
        let proxy = try Proxy(try Origin()) { $0.limits.bodyBytes = 1000 }
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n")
        let block = [UInt8](repeating: 0x61, count: 256 << 10)
        var sent = 0
        while sent < 4 << 30, (try? client.send(block)) != nil { sent += block.count }
        #expect(sent < 4 << 30)
    }
}
