import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// `Expect: 100-continue` (RFC 9110 section 10.1.1) is the origin's to answer.
@Suite struct ExpectContinue {
    static let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

    @Test(arguments: ["100-continue", "100-Continue"])
    func theOriginsContinueReachesTheClient(expectation: String) throws {
        let origin = try Origin { connection in
            let head = try #require(try connection.readRequestHead())
            #expect(head.fields["Expect"]?.lowercased() == "100-continue")
            try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try connection.readBody(of: head).text == "hello")
            try connection.send(ok)
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: \(expectation)\r\nContent-Length: 5\r\n\r\n")
        #expect(try client.readResponse().status == 100)
        try client.send("hello")
        #expect(try client.readResponse().isGood)
        #expect(origin.failures.isEmpty)
    }

    @Test func aChunkedBodyMayWaitToo() throws {
        let origin = try Origin { connection in
            let head = try #require(try connection.readRequestHead())
            try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try connection.readBody(of: head).text == "hello")
            try connection.send(ok)
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try client.readResponse().status == 100)
        try client.send("5\r\nhello\r\n0\r\n\r\n")
        #expect(try client.readResponse().isGood)
    }

    @Test func aClientThatDoesNotWaitIsServed() throws {
        let origin = try Origin { connection in
            let head = try #require(try connection.readRequestHead())
            try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try connection.readBody(of: head).text == "hello")
            try connection.send(ok)
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(Self.head + "hello")
        #expect(try client.readResponse().status == 100)
        #expect(try client.readResponse().isGood)
    }

    /// The client has not sent the body and now never will: the connection cannot carry another request.
    @Test func aFinalAnswerInsteadEndsTheConnection() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            try connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(Self.head)
        let response = try client.readResponse()
        #expect(response.status == 403 && response.text == "no" && response.announcesClose)
        #expect(try client.readEnding() == .closed)
    }

    @Test(arguments: ["101-continue", "100-continue, x", "x", "100-continue=a"])
    func otherExpectationsAreRefused(expectation: String) throws {
        try expectRefused(
            BadInput("GET / HTTP/1.1\r\nHost: a\r\nExpect: \(expectation)\r\n\r\n", .expectationFailed))
    }

    /// Whoever was told to wait did nothing wrong: the origin is late.
    @Test func anOriginThatSaysNeitherYesNorNoIsTheLateOne() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            try gate.pass()
        }
        let proxy = try Proxy(origin) {
            $0.timeouts.responseHead = .milliseconds(200)
            $0.timeouts.body = .seconds(20)
        }
        let client = try proxy.connect()
        try client.send(Self.head)
        expectMade(try client.readResponse(), [.responseHeadTimeout])
        gate.open()
    }

    @Test func aClientThatWasToldToGoOnAndDoesNotIsLate() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            try gate.pass()
        }
        let proxy = try Proxy(origin) {
            $0.timeouts.responseHead = .seconds(20)
            $0.timeouts.body = .milliseconds(200)
        }
        let client = try proxy.connect()
        try client.send(Self.head)
        #expect(try client.readResponse().status == 100)
        expectMade(try client.readResponse(), [.requestBodyTimeout])
        gate.open()
    }
}
