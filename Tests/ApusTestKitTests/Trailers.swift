import ApusTestKit
import Testing

/// Trailer fields (RFC 9110 section 6.5) are forwarded both ways, but for those that a head alone may carry.
@Suite struct Trailers {
    /// Names that would frame, route or steer if a recipient merged them into the head.
    static let forbidden = [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil", "Connection: close", "Keep-Alive: timeout=5",
        "TE: trailers", "Upgrade: x", "Proxy-Connection: close",
    ]

    @Test(arguments: Delivery.allCases)
    func trailersOfARequestReachTheOrigin(delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
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
        let proxy = try Proxy(origin)
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
