import ApusAddresses
import ApusModel
import ApusTestKit
import Testing

/// Clients that speak HTTP/1.0 (RFC 9112 section 9.3 and RFC 9110 section 2.5).
@Suite struct HTTP10 {
    static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n"

    @Test func theConnectionEndsWithTheResponse() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.isGood && response.framing == .contentLength(2))
        #expect(try client.readEnding() == .closed)
        let request = try #require(origin.requests.first)
        #expect(request.version == "HTTP/1.1")
    }

    @Test(arguments: ["keep-alive", "Keep-Alive", "x, keep-alive"])
    func keepAliveIsHonoured(option: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 {
            try client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: \(option)\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.isGood && response.framing == .contentLength(2))
            #expect(response.fields["Connection"]?.lowercased() == "keep-alive")
        }
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().isGood)
        #expect(try client.readEnding() == .closed)
    }

    @Test func keepAliveAndCloseTogetherMeanClose() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n")
        #expect(try client.readResponse().isGood)
        #expect(try client.readEnding() == .closed)
    }

    /// A body without a length ends with the connection, whatever the client asked for.
    @Test(arguments: ["", "Connection: keep-alive\r\n"])
    func chunkedBecomesCloseDelimited(field: String) throws {
        let origin = try Origin(answer: Self.chunked)
        let proxy = try Proxy(origin)
        let response = try proxy.exchange("GET / HTTP/1.0\r\nHost: a\r\n\(field)\r\n")
        #expect(response.framing == .close && response.isGood && response.fields["Transfer-Encoding"] == nil)
        #expect(response.fields["Connection"]?.lowercased() != "keep-alive")
        #expect(response.ending == .closed)
    }

    @Test func interimResponsesAreNotForHTTP10() throws {
        let origin = try Origin(answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok)
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET / HTTP/1.0\r\n\r\n").isGood)
    }

    @Test func aRequestWithoutHostGetsTheListeners() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET /a HTTP/1.0\r\n\r\n").isGood)
        #expect(origin.requests.map { $0.fields["Host"] } == ["127.0.0.1:\(proxy.address.port)"])
    }

    /// `0.0.0.0` is no host that anybody could ask for.
    @Test(arguments: [IPAddress.anyIPv4, .anyIPv6])
    func ofAListenerOnEveryAddressItIsTheOneThatWasReached(address: IPAddress) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.bind = SocketAddress(ip: address, port: 0) }
        let port = proxy.address.port
        let client = try Connection(to: .loopback(port))
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map { $0.fields["Host"] } == ["127.0.0.1:\(port)"])
    }

    @Test func anAbsoluteFormGivesTheHost() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET http://b/c HTTP/1.0\r\n\r\n").isGood)
        #expect(origin.requests.map { $0.fields["Host"] } == ["b"])
        #expect(origin.requests.map(\.target) == ["/c"])
    }

    @Test func aBodyWithALengthArrives() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").isGood)
        #expect(origin.requests.map(\.text) == ["hello"])
    }

    @Test func aLargeCloseDelimitedBodyArrivesWhole() throws {
        let size = 4 << 20
        let body = String(repeating: "x", count: size)
        let origin = try Origin(
            answer:
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
        )
        let proxy = try Proxy(origin)
        let response = try proxy.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(response.body.count == size && response.isComplete)
    }

    /// RFC 9112 section 9.3: an HTTP/1.1 client that asks for it gets the same end.
    @Test(arguments: ["close", "Close", "x, close", "close, x"])
    func connectionCloseEndsAnHTTP11ConnectionToo(option: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: \(option)\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.isGood && response.announcesClose)
        #expect(try client.readEnding() == .closed)
    }
}
