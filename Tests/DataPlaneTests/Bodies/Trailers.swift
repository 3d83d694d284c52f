import ApusHTTP
import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// Trailer fields (RFC 9110 section 6.5): those of responses are forwarded, those of requests to the pools that ask for
/// them; except the ones that a head alone may carry.
@Suite struct Trailers {
    static func withTrailers(_ configuration: inout Proxy.Configuration) {
        configuration.pool = { pool, _ in pool.passesTrailers = true }
    }

    /// Names that would frame, route or steer if a recipient merged them into the head.
    static let forbidden = [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil", "Connection: close", "Keep-Alive: timeout=5",
        "TE: trailers", "Upgrade: x", "Proxy-Connection: close", "Content_Length: 5", "Content-Type: text/html",
        "Authorization: Basic x", "Set-Cookie: a=b", "set_cookie: a=b", "Cookie: a=b", "X-Forwarded-For: 1.2.3.4",
        "X_Forwarded_For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "Cache-Control: public", "Location: /",
        "Expect: 100-continue",
        "Trailer: X", "Proxy: a",
    ]

    static let chunkedPost = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"

    @Test(arguments: Delivery.allCases)
    func trailersOfARequestAreDropped(delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for trailers in ["X-Sum: 1\r\n", "X:GET /SMUGGLED HTTP/1.1\r\n"] {
            let request = Self.chunkedPost + "Trailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\n\(trailers)\r\n"
            switch delivery {
            case .inOnePiece: try client.send(request)
            case .byteByByte: try client.sendSlowly(request)
            }
            #expect(try client.readResponse().isGood)
        }
        #expect(origin.requests.map(\.text) == ["hello", "hello"])
        #expect(origin.requests.allSatisfy { $0.trailers.lines.isEmpty })
        #expect(!text(origin.record.received.joined()).contains("SMUGGLED"))
    }

    /// What a client may not say in the head, or what a route says itself, it may not say in a trailer either.
    @Test func trailersObeyTheRulesOfHeads() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) {
            Self.withTrailers(&$0)
            $0.clientFields.removed = ["X-Tenant"]
            $0.routes[0].requestFields = [.set(name: "X-User", TextTemplate(literal: "nobody"))]
        }
        let client = try proxy.connect()
        let trailers = "X-Tenant: 1\r\nX_Tenant: 2\r\nX-User: 3\r\nx.user: 4\r\na_b: 5\r\nX-Sum: 6\r\n"
        try client.send(Self.chunkedPost + "\r\n5\r\nhello\r\n0\r\n\(trailers)\r\n")
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map { $0.trailers.lines.map(\.name) } == [["X-Sum"]])
    }

    /// What a route takes from responses, or writes into them, does not come behind them either.
    @Test func trailersOfResponsesObeyTheRoute() throws {
        let trailers = "X-Internal: 1\r\nX_Internal: 2\r\nX-Frame: evil\r\nX-Sum: 3\r\n"
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\(trailers)\r\n")
        let proxy = try Proxy(origin) {
            $0.routes[0].responseFields = [
                .remove(name: "X-Internal"), .set(name: "X-Frame", TextTemplate(literal: "deny")),
            ]
        }
        let response = try proxy.get()
        #expect(response.fields["X-Frame"] == "deny")
        #expect(response.trailers.lines.map(\.name) == ["X-Sum"])
    }

    /// What was dropped must be a section of trailers all the same.
    @Test func trailersThatAreDroppedAreJudged() throws {
        try expectRefused(BadInput(Self.chunkedPost + "\r\n0\r\nX : a\r\n\r\n", .badTrailer))
    }

    /// However it came: `X:GET /SMUGGLED HTTP/1.1` is a request line to some.
    @Test func trailersAreWrittenAnew() throws {
        let sent = "X:GET /SMUGGLED HTTP/1.1\r\ny:\t a \t\r\nZ: b\r\nEmpty:\r\n"
        let written = "0\r\nX: GET /SMUGGLED HTTP/1.1\r\ny: a\r\nZ: b\r\nEmpty: \r\n\r\n"
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\(sent)\r\n")
        let proxy = try Proxy(origin, configure: Self.withTrailers)
        let client = try proxy.connect()
        try client.send(Self.chunkedPost + "\r\n5\r\nhello\r\n0\r\n\(sent)\r\n")
        #expect(try client.read(through: "Empty: \r\n\r\n").hasSuffix("\r\n2\r\nok\r\n\(written)"))
        #expect(text(origin.record.received.joined()).hasSuffix("\r\n5\r\nhello\r\n\(written)"))
    }

    /// RFC 9110 section 7.6.1: what Connection names is meant for this hop, in the trailers too.
    @Test func whereConnectionNamesFieldsNoTrailerGoesOn() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nConnection: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
        let proxy = try Proxy(origin, configure: Self.withTrailers)
        for option in ["X-Sum", "close, X-Sum", "TE"] {
            let response = try proxy.exchange(
                Self.chunkedPost + "Connection: \(option)\r\n\r\n0\r\nX-Sum: 1\r\n\r\n")
            #expect(response.isGood && response.trailers.lines.isEmpty)
        }
        #expect(origin.requests.map(\.trailers.names) == [[], [], ["x-sum"]])
    }

    /// The request was written for both pools.
    @Test func aFallbackThatDidNotAskGetsNone() throws {
        let spare = try Origin()
        for fallbackAsks in [false, true] {
            let proxy = try Proxy(pools: [[try RefusingPort()], [spare]]) {
                $0.pool = { pool, index in
                    pool.passesTrailers = index == 0 || fallbackAsks
                    if index == 0 { pool.fallback = .pool(1) }
                }
            }
            #expect(try proxy.exchange(Self.chunkedPost + "\r\n0\r\nX-Sum: 1\r\n\r\n").isGood)
        }
        #expect(spare.requests.map(\.trailers.names) == [[], ["x-sum"]])
    }

    @Test(arguments: Delivery.allCases)
    func trailersOfARequestReachAPoolThatAsksForThem(delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin, configure: Self.withTrailers)
        let client = try proxy.connect()
        let request =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-b:  2 \r\n\r\n"
        for _ in 0..<2 {
            switch delivery {
            case .inOnePiece: try client.send(request)
            case .byteByByte: try client.sendSlowly(request)
            }
            #expect(try client.readResponse().isGood)
        }
        for request in origin.requests {
            #expect(request.trailers["X-Sum"] == "1" && request.trailers["X-B"] == "2" && request.text == "hello")
        }
        #expect(origin.requests.count == 2)
    }

    @Test(arguments: forbidden)
    func aRequestsForbiddenTrailerIsDropped(line: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin, configure: Self.withTrailers)
        let response = try proxy.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: 1\r\n\(line)\r\nX-B: 2\r\n\r\n")
        #expect(response.isGood)
        #expect(origin.requests.map(\.trailers.names) == [["x-a", "x-b"]])
    }

    @Test func trailersOfAResponseReachTheClient() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.isGood && response.trailers["x-sum"] == "1" && response.trailers["X-B"] == "2")
        }
    }

    @Test(arguments: forbidden)
    func aResponsesForbiddenTrailerIsDropped(line: String) throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: 1\r\n\(line)\r\n\r\n")
        let proxy = try Proxy(origin)
        let response = try proxy.get()
        #expect(response.isGood && response.trailers.names == ["x-a"])
    }
}
