import ApusHTTP
import ApusTestKit
import Testing

/// An origin that dies in the middle of a body: its response must never look complete to the client.
@Suite struct TruncatedResponses {
    static let parts = [
        "Content-Length: 10\r\n\r\n",
        "Content-Length: 10\r\n\r\nhello",
        "Content-Length: 10\r\n\r\nhelloworl",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5",
        "Transfer-Encoding: chunked\r\n\r\n5\r",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r",
    ]

    enum Client: String, Sendable, CaseIterable {
        case http11 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        case http10 = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"
        case http10KeepAlive = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
    }

    @Test(arguments: parts, [Connection.Ending.closed, .reset])
    func aResponseCutShortIsNotComplete(part: String, ending: Connection.Ending) throws {
        for request in Client.allCases {
            let origin = try Self.origin("HTTP/1.1 200 OK\r\n" + part, ending)
            let proxy = try Proxy(origin)
            let client = try proxy.connect()
            try client.send(request.rawValue)
            guard try client.receiveMore() || client.ending == .reset else {
                Issue.record("closed without a byte")
                return
            }
            if client.unread.isEmpty { continue }
            let response = try client.readResponse()
            #expect(
                !response.isComplete || response.status == 502,
                "\(printable(client.received)), then \(client.ending.map { "\($0)" } ?? "open")")
            try proxy.eventually("the reason") {
                proxy.count(.upstreamTruncated) + proxy.count(.upstreamClosed) + proxy.count(.upstreamReset) == 1
            }
        }
    }

    /// A body that ends with its connection can be broken only by RST, to the origin's side and to the client's.
    @Test(arguments: [Client.http11, .http10])
    func aBrokenCloseDelimitedResponseIsNotComplete(request: Client) throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\r\nhello")
            try gate.pass()
            connection.reset()
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(request.rawValue)
        let head = try client.readResponseHead()
        while !text(client.received).contains("hello") { try client.receiveMore() }
        gate.open()
        let response = try client.readBody(of: head)
        #expect(!response.isComplete)
        if request == .http10 { #expect(response.ending == .reset) }
    }

    static let badBodies = [
        "5\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n", "zz\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX : a\r\n\r\n", "5\r\nhello\r\n0\r\nX\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n", "5\r\nhello\r\n0\r\n\n",
    ]

    /// The status has gone by the time the chunk is seen, or it is 502.
    @Test(arguments: badBodies, [Client.http11, .http10])
    func aBadChunkIsNotComplete(body: String, request: Client) throws {
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(body)")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(request.rawValue)
        let (received, ending) = try read(client)
        if !received.isEmpty {
            let isRefused = received.hasPrefix("HTTP/1.1 502 ")
            #expect(isRefused || ending == .reset || !received.hasSuffix("0\r\n\r\n"), "\(received)")
            // Without chunks there is no end but the connection's: FIN would mean complete.
            if request == .http10 { #expect(isRefused || ending == .reset) }
        }
        try origin.wait(for: "the end of the origin's connection") { $0.ended == 1 }
    }

    /// What comes until the client's connection ends, or until a complete 502.
    private func read(_ client: Connection) throws -> (String, Connection.Ending?) {
        while try !text(client.received).hasPrefix("HTTP/1.1 502 ") && client.receiveMore() {}
        return (text(client.received), client.ending)
    }

    private static func origin(_ part: String, _ ending: Connection.Ending) throws -> Origin {
        try Origin { connection in
            _ = try connection.readRequest()
            try connection.send(part)
            switch ending {
            case .closed: connection.close()
            case .reset: connection.reset()
            }
        }
    }
}
