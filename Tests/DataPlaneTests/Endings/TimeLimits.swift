import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// How long the proxy waits: for a request, for an origin, for a body to go on.
@Suite struct TimeLimits {
    @Test func aConnectionWithoutARequestIsClosedWithoutAWord() throws {
        let proxy = try Proxy(try Origin()) { $0.timeouts.idle = .milliseconds(150) }
        let client = try proxy.connect()
        #expect(try client.readEnding() == .closed)
    }

    @Test func aConnectionIsIdleAgainAfterAResponse() throws {
        let proxy = try Proxy(try Origin()) { $0.timeouts.idle = .milliseconds(300) }
        let client = try proxy.connect()
        let start = ContinuousClock.now
        for _ in 0..<4 {
            #expect(try client.get().isGood)
            #expect(try client.isSilent(for: .milliseconds(120)))
        }
        // Longer than the limit in all, never longer without a request.
        #expect(ContinuousClock.now - start > .milliseconds(450))
        #expect(try client.readEnding() == .closed)
    }

    /// A head may take its time from its first byte, however long the connection was idle before it.
    @Test func theTimeForAHeadBeginsWithItsFirstByte() throws {
        let proxy = try Proxy(try Origin()) { $0.timeouts.requestHead = .milliseconds(200) }
        let client = try proxy.connect()
        #expect(try client.isSilent(for: .milliseconds(350)))
        #expect(try client.get().isGood)
        #expect(try client.isSilent(for: .milliseconds(350)))
        #expect(try client.get().isGood)
    }

    /// RFC 9110 section 15.5.9: a 408 is for a request that was begun.
    @Test func aPipelinedHeadHasItsOwnTime() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.timeouts.requestHead = .milliseconds(150) }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b")
        #expect(try client.readResponse().isGood)
        expectRefusal(try client.readResponse(), [.requestHeadTimeout])
        #expect(try client.readEnding() == .closed)
        #expect(origin.requests.count == 1)
    }

    /// The time for an answer begins when the request is complete: a slow upload is not the origin's fault.
    @Test func aSlowUploadDoesNotUseUpTheOriginsTime() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) {
            $0.timeouts.responseHead = .milliseconds(200)
            $0.timeouts.body = .milliseconds(400)
        }
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
        for _ in 0..<6 {
            #expect(try client.isSilent(for: .milliseconds(100)))
            try client.send("a")
        }
        #expect(try client.readResponse().isGood)
    }

    @Test func aStalledUploadTakesTheOriginsConnectionAlong() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.timeouts.body = .milliseconds(150) }
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        expectRefusal(try client.readResponse(), [.requestBodyTimeout])
        #expect(try client.readEnding() == .closed)
        try origin.wait(for: "the end of the unfinished request") { $0.ended == 1 }
        #expect(origin.requests.isEmpty)
    }

    @Test(arguments: [
        "Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "\r\nhello",
    ])
    func aStalledResponseIsBroken(rest: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\(rest)")
            while try connection.receiveMore() {}
        }
        let proxy = try Proxy(origin) { $0.timeouts.body = .milliseconds(150) }
        let response = try proxy.get()
        #expect(response.status == 200 && !response.isComplete)
        try origin.wait(for: "the end of the connection") { $0.ended == 1 }
        try proxy.eventually("the reason") { proxy.count(.responseBodyTimeout) == 1 }
    }

    @Test func aResponseThatGoesOnSlowlyIsNotBroken() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
            for _ in 0..<6 {
                _ = try connection.isSilent(for: .milliseconds(100))
                try connection.send("a")
            }
        }
        let proxy = try Proxy(origin) {
            $0.timeouts.body = .milliseconds(400)
            $0.timeouts.responseHead = .milliseconds(300)
            $0.timeouts.idle = .milliseconds(300)
        }
        #expect(try proxy.get().text == "aaaaaa")
    }

    /// A client that does not read keeps neither the origin nor the buffers.
    @Test func aClientThatDoesNotReadIsCut() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            let block = [UInt8](repeating: 0x61, count: 65_536)
            while true { try connection.send(block) }
        }
        let proxy = try Proxy(origin) { $0.timeouts.body = .milliseconds(300) }
        let client = try proxy.connect(buffers: .tiny)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the end of the response") { $0.ended == 1 }
        try proxy.eventually("the reason and the buffers") {
            proxy.count(.clientStalled) == 1 && proxy.count(.bufferBytes) == 0
        }
        let response = try client.readResponse()
        #expect(!response.isComplete)
    }

    /// The system's buffer for it has megabytes, and says that there is room when a third of them are gone.
    @Test func aReaderBehindALargeBufferIsNotCut() throws {
        let size = 24 << 20
        let block = [UInt8](repeating: 0x61, count: 1 << 20)
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            for _ in 0..<24 { try connection.send(block) }
        }
        let proxy = try Proxy(origin) { $0.timeouts.body = .milliseconds(500) }
        let client = try proxy.connect(buffers: .init(receive: 65_536))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let gate = Gate()
        let start = ContinuousClock.now
        // So slowly that a third of the buffer takes seconds.
        while ContinuousClock.now - start < .seconds(4) {
            try client.receiveMore(upTo: 8_192)
            try? gate.pass(by: .after(.milliseconds(50)))
        }
        #expect(proxy.count(.clientStalled) == 0)
        let response = try client.readResponse()
        #expect(response.isComplete && response.body.count == size)
    }

    /// A client that reads slowly but steadily gets everything.
    @Test func aSlowReaderIsNotCut() throws {
        let size = 3 << 20
        let body = String(repeating: "x", count: size)
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n\(body)")
        let proxy = try Proxy(origin) { $0.timeouts.body = .milliseconds(500) }
        let client = try proxy.connect(buffers: .init(receive: 65_536))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let gate = Gate()
        let start = ContinuousClock.now
        while client.received.count < size, ContinuousClock.now - start < .seconds(1) {
            try client.receiveMore(upTo: 16_384)
            try? gate.pass(by: .after(.milliseconds(20)))
        }
        let response = try client.readResponse()
        #expect(response.isComplete && response.body.count == size)
    }
}
