import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Clients that close their sending side (FIN), or all of it, at various moments.
@Suite struct HalfClose {
    /// Nobody can tell a client that has ended its direction from one that has left, and nearly all have left: the attempt
    /// ends, and its place is free at once.
    @Test(arguments: [true, false])
    func aClientThatLeavesWhileItsOriginWorksLeavesItsPlace(byHalfClosing: Bool) throws {
        let origin = try Origin { connection in
            let request = try connection.readRequest()
            if request?.text == "quick" { try connection.send(ok) }
            while try connection.receiveMore() {}
        }
        let proxy = try Proxy(origin) { $0.pool = { pool, _ in pool.requests.perPool = 1 } }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the request") { $0.received.joined().count > 0 }
        #expect(try proxy.get().status == 503)
        if byHalfClosing { client.endSending() } else { client.close() }
        try origin.wait(for: "the end of the attempt") { $0.ended == 1 }
        try proxy.eventually("the reason") { proxy.count(.clientClosed) == 1 }
        #expect(proxy.count(.failures, endpoint: 0) == 0, "the origin has done nothing wrong")
        #expect(try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nquick").isGood)
    }

    /// The end that comes along with the request is one as well.
    @Test func anEndThatComesWithTheRequestIsNoticed() throws {
        let origin = try Origin.silent()
        let proxy = try Proxy(origin)
        for _ in 0..<20 {
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.endSending()
            #expect(try client.readEnding() == .closed)
        }
        try proxy.eventually("the reasons") { proxy.count(.clientClosed) == 20 }
    }

    /// One whose response is on its way has left as well.
    @Test func aClientThatLeavesAStreamEndsIt() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            while try connection.receiveMore() {}
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.read(15).count == 15)
        client.close()
        try origin.wait(for: "the end of the stream") { $0.ended == 1 }
        try proxy.eventually("the reason") { proxy.count(.clientClosed) == 1 }
    }

    @Test(arguments: [true, false])
    func aHalfClosedClientGetsItsResponse(closesBeforeTheOriginAnswers: Bool) throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(origin) { $0.listener = { $0.servesHalfClosed = true } }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.endSending()
        if closesBeforeTheOriginAnswers {
            try origin.wait(for: "the request") { $0.requests.count == 1 }
        }
        gate.open()
        #expect(try client.readResponse().isGood)
        #expect(try client.readEnding() == .closed)
    }

    @Test func pipelinedRequestsBeforeAFinAreAllAnswered() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.listener = { $0.servesHalfClosed = true } }
        let client = try proxy.connect()
        try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 5))
        client.endSending()
        for _ in 0..<5 { #expect(try client.readResponse().isGood) }
        #expect(try client.readEnding() == .closed)
    }

    @Test func aLargeResponseReachesAHalfClosedClient() throws {
        let body = String(repeating: "x", count: 4 << 20)
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: \(4 << 20)\r\n\r\n\(body)")
        let proxy = try Proxy(origin) { $0.listener = { $0.servesHalfClosed = true } }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.endSending()
        let response = try client.readResponse()
        #expect(response.body.count == 4 << 20 && response.isComplete)
        #expect(try client.readEnding() == .closed)
    }

    @Test(arguments: ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"])
    func aHeadCutShortIsNoRequest(part: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(part)
        client.endSending()
        let (bytes, _) = try client.readToEnd()
        #expect(bytes.isEmpty || text(bytes).hasPrefix("HTTP/1.1 400 "))
        #expect(try proxy.get().isGood)
        #expect(origin.requests.count == 1)
    }

    @Test(arguments: [
        "Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ])
    func aBodyCutShortIsNeverComplete(rest: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(rest)")
        try origin.wait(for: "the first half") { text($0.received.joined()).contains("hello") }
        client.endSending()
        let (bytes, _) = try client.readToEnd()
        #expect(bytes.isEmpty || text(bytes).hasPrefix("HTTP/1.1 400 "))
        try origin.wait(for: "the end of the unfinished request") { $0.ended == 1 }
        #expect(origin.requests.isEmpty)
    }

    @Test(arguments: [true, false])
    func aClientThatLeavesTakesItsRequestAlong(byReset: Bool) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            while try connection.receiveMore() {}
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        try origin.wait(for: "the first half") { text($0.received.joined()).contains("hello") }
        if byReset { client.reset() } else { client.close() }
        try origin.wait(for: "the end of the request") { $0.ended == 1 }
        try proxy.eventually("the reason") { proxy.count(.clientClosed) == 1 }
    }

    /// A client that has gone for good while it waits: its request is not worth finishing.
    @Test func aResetWhileWaitingEndsTheExchange() throws {
        let origin = try Origin.silent()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
        client.reset()
        try origin.wait(for: "the end of the request") { $0.ended == 1 }
    }

    @Test func aResetInTheMiddleOfAResponseEndsTheExchange() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            let block = [UInt8](repeating: 0x61, count: 65_536)
            while true { try connection.send(block) }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.read(1000).count == 1000)
        client.reset()
        try origin.wait(for: "the end of the response") { $0.ended == 1 }
        try proxy.eventually("the reason") { proxy.count(.clientClosed) == 1 }
    }
}
