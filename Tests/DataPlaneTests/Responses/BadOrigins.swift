import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Answers of origins that RFC 9112 does not allow: as strictly refused as requests, with 502, and the connection that
/// they came on is not used again.
@Suite struct BadOrigins {
    static let length = "\r\nContent-Length: 2\r\n\r\nok"

    static let answers = [
        BadInput("garbage\r\n\r\n", .badResponse),
        BadInput("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\rb" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\r\nContent-Length: 2\r\n\r\nok", .badResponse),
        BadInput("\nHTTP/1.1 200 OK" + length, .badResponse),
        BadInput("HTTP/2.0 200 OK" + length, .badResponse),
        BadInput("HTTP/0.9 200 OK" + length, .badResponse),
        BadInput("HTTP/3.1 200 OK" + length, .badResponse),
        BadInput("http/1.1 200 OK" + length, .badResponse),
        BadInput("HTTP/1.1x 200 OK" + length, .badResponse),
        BadInput("HTTP/11 200 OK" + length, .badResponse),
        BadInput("HTTP/1.1" + length, .badResponse),
        BadInput("HTTP/1.1 " + length, .badResponse),
        BadInput("HTTP/1.1 20 OK" + length, .badResponse),
        BadInput("HTTP/1.1 2000 OK" + length, .badResponse),
        BadInput("HTTP/1.1 abc OK" + length, .badResponse),
        BadInput("HTTP/1.1 +20 OK" + length, .badResponse),
        BadInput("HTTP/1.1 099 OK" + length, .badResponse),
        BadInput("HTTP/1.1 000 OK" + length, .badResponse),
        BadInput("HTTP/1.1  200 OK" + length, .badResponse),
        BadInput("HTTP/1.1\t200 OK" + length, .badResponse),
        BadInput(" HTTP/1.1 200 OK" + length, .badResponse),
        BadInput("HTTP/1.1 200 O\u{0}K" + length, .badResponse),
        BadInput("HTTP/1.1 200 O\u{7f}K" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX a: b" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX \r\nY: a" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\r\n \t" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\r\n b\u{0}" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\r\n b\nY: c" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("\r\n\r\nHTTP/1.1 200 OK" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\n X: a" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\n: a" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX(: a" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX\u{80}: a" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\u{0}b" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\u{b}b" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nX: a\u{7f}b" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: 3" + length, .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
            .badResponse),
        BadInput("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .badResponse),
        BadInput("HTTP/1.1 103 Early\nX: a\r\n\r\nHTTP/1.1 200 OK" + length, .badResponse),
        BadInput("HTTP/1.1 101 Switching Protocols\r\n\r\n", .unexpectedUpgrade),
        BadInput(
            "HTTP/1.1 200 OK\r\n" + (0..<257).map { "X-\($0): a\r\n" }.joined() + "\r\n", .responseHeadTooLarge),
        BadInput("HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 70_000) + length, .responseHeadTooLarge),
        BadInput("HTTP/1.1 200 " + String(repeating: "a", count: 70_000) + length, .responseHeadTooLarge),
    ]

    /// The client did nothing wrong: its connection goes on, and gets the same answer again.
    @Test(arguments: answers, Delivery.allCases)
    func aBadAnswerIsA502(answer: BadInput, delivery: Delivery) throws {
        let origin = try Origin { connection in
            while try connection.readRequest() != nil {
                switch delivery {
                case .inOnePiece: try connection.send(answer.text)
                // The proxy may have seen enough, and closed, before the last byte.
                case .byteByByte: try? connection.sendSlowly(answer.text)
                }
            }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for round in 1...2 {
            let response = try client.get()
            expectMade(response, answer.reasons)
            #expect(!response.announcesClose)
            try origin.wait(for: "the end of the connection") { $0.ended == $0.connections && $0.ended >= round }
        }
        #expect(origin.requests.count == 2, "a bad answer is not asked for again")
    }

    @Test(arguments: ["GET", "POST"], [Connection.Ending.closed, .reset])
    func noAnswerIsA502(method: String, ending: Connection.Ending) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            ending == .closed ? connection.close() : connection.reset()
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        expectMade(try client.readResponse(), [ending == .closed ? .upstreamClosed : .upstreamReset])
        #expect(method == "POST" ? origin.connections == 1 : origin.connections <= 3)
    }

    @Test(arguments: ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r"])
    func halfAHeadIsA502(part: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send(part)
        }
        let proxy = try Proxy(origin)
        expectMade(try proxy.get(), [.upstreamClosed, .badResponse])
    }

    /// What an origin says unasked must never become the answer to somebody's next request.
    @Test(arguments: ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x", "\r\n", "0\r\n\r\n"])
    func bytesAfterAResponseAnswerNothing(extra: String) throws {
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                try connection.send(request.target == "/first" ? ok + extra : ok)
            }
        }
        let proxy = try Proxy(origin)
        for _ in 0..<5 {
            let first = try proxy.get("/first")
            #expect(first.status == 200 && first.text == "ok")
            #expect(try proxy.get("/second").text == "ok")
        }
    }

    /// As before, but the extra bytes come when the connection lies idle.
    @Test func bytesOnAnIdleConnectionAnswerNothing() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                try connection.send(ok)
                if request.target == "/first" {
                    try gate.pass()
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                }
            }
        }
        let proxy = try Proxy(origin)
        #expect(try proxy.get("/first").text == "ok")
        gate.open()
        try origin.wait(for: "the end of the connection") { $0.ended == 1 }
        #expect(try proxy.get("/second").text == "ok")
        #expect(origin.connections == 2)
    }

    /// The pieces of a head may come in any way; its size is limited all the same.
    @Test func anEndlessHeadIsA502() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n")
            while true { try connection.send("X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n") }
        }
        let proxy = try Proxy(origin)
        expectMade(try proxy.get(), [.responseHeadTooLarge])
    }

    @Test func theFieldsOfResponsesHaveALimitOfTheirOwn() throws {
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2\r\n\r\nok")
        let proxy = try Proxy(origin) { $0.limits.responseFields = 2 }
        #expect(try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nY: c\r\n\r\n").isGood)
        let tight = try Proxy(origin) { $0.limits.responseFields = 1 }
        expectMade(try tight.get(), [.responseHeadTooLarge])
    }

    @Test func trailersCountAgainstThatLimitToo() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: a\r\nY: b\r\n\r\n")
        let proxy = try Proxy(origin) { $0.limits.responseFields = 1 }
        expectMade(try proxy.get(), [.badResponse])
    }
}
