import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// Answers of origins that RFC 9112 does not allow, or that are rare, and that can be read in one way only: they are
/// taken, and what goes on is what the RFC allows.
@Suite struct BorneOrigins {
    static let length = "\r\nContent-Length: 2\r\n\r\nok"

    /// What the client gets of `answer`, as bytes; asked for twice on one connection.
    private func returned(_ answer: String, _ delivery: Delivery, connections: Int = 1) throws -> Response {
        let origin = try Origin { connection in
            while try connection.readRequest() != nil {
                switch delivery {
                case .inOnePiece: try connection.send(answer)
                case .byteByByte: try connection.sendSlowly(answer)
                }
            }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let first = try client.get()
        let second = try client.get()
        #expect(first.status == second.status && first.fields.names == second.fields.names)
        #expect(!second.announcesClose && second.isComplete)
        #expect(origin.connections == connections)
        return second
    }

    @Test(
        arguments: [
            ("HTTP/1.2 200 OK", 200), ("HTTP/1.9 200 OK", 200), ("\r\nHTTP/1.1 200 OK", 200), ("HTTP/1.1 600 No", 600),
            ("HTTP/1.1 999 Odd", 999), ("HTTP/1.1 799", 799),
        ], Delivery.allCases)
    func statusLinesAreBorne(line: (String, Int), delivery: Delivery) throws {
        let response = try returned(line.0 + Self.length, delivery)
        #expect(response.version == "HTTP/1.1" && response.status == line.1 && response.text == "ok")
    }

    /// RFC 9110 section 15: whoever does not know a status takes it for the class that 5xx is.
    @Test func statusesOfNoClassAreFailures() throws {
        let origin = try Origin(answer: "HTTP/1.1 999 Odd" + Self.length)
        let proxy = try Proxy(origin)
        #expect(try proxy.get().status == 999)
        let slot = proxy.layout.requests(row: 0, endpoint: 0, statusClass: 5)
        try proxy.eventually("the counters") {
            proxy.dataPlane.total(slot) == 1 && proxy.dataPlane.total(proxy.layout.endpoint(0, .failures)) == 1
        }
    }

    @Test(
        arguments: [
            ("X : a", "X", "a"), ("X\t : a", "X", "a"), ("X: a\r\n b", "X", "a   b"),
            ("X: a\r\n\tb\r\n  c", "X", "a  \tb    c"),
            ("X:\r\n a", "X", "a"), ("X :\r\n a", "X", "a"),
            ("Set-Cookie: a=b;\r\n Path=/", "Set-Cookie", "a=b;   Path=/"),
            ("X:a", "X", "a"), ("X: a \t", "X", "a"),
        ], Delivery.allCases)
    func fieldLinesAreMended(line: (sent: String, name: String, value: String), delivery: Delivery) throws {
        let response = try returned("HTTP/1.1 200 OK\r\nA: 1\r\n\(line.sent)\r\nB: 2" + Self.length, delivery)
        #expect(response.isGood && response.fields[line.name] == line.value)
        #expect(response.fields["A"] == "1" && response.fields["B"] == "2")
    }

    /// What the client reads, byte for byte.
    @Test func whatIsMendedIsWrittenAnew() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nX : a\r\nDate:x\r\nY: b\r\n c \r\nContent-Length:02\r\n\r\nok")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let expected = "HTTP/1.1 200 OK\r\nX: a\r\nDate: x\r\nY: b   c\r\nContent-Length: 2\r\n\r\nok"
        #expect(try client.read(through: "ok") == expected)
    }

    @Test(arguments: Delivery.allCases)
    func chunkedSaidTwiceIsSaidOnceAndTheConnectionNotUsedAgain(delivery: Delivery) throws {
        let line = "Transfer-Encoding: chunked\r\n"
        let response = try returned(
            "HTTP/1.1 200 OK\r\n\(line)X: a\r\n\(line)\r\n2\r\nok\r\n0\r\n\r\n", delivery, connections: 2)
        #expect(response.isGood && response.fields.all("Transfer-Encoding") == ["chunked"])
    }

    @Test(arguments: ["2  ", "2\t", "2 ;a=b", "2;a=b ", "00000002    "], Delivery.allCases)
    func blanksBehindAChunkSizeAreBorne(size: String, delivery: Delivery) throws {
        let response = try returned(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(size)\r\nok\r\n0  \r\n\r\n", delivery)
        #expect(response.isGood)
    }

    @Test func manyCookiesAreBorne() throws {
        let cookies = (0..<250).map { "Set-Cookie: a\($0)=b\r\n" }.joined()
        let response = try returned("HTTP/1.1 200 OK\r\n\(cookies)Content-Length: 2\r\n\r\nok", .inOnePiece)
        #expect(response.isGood && response.fields.all("Set-Cookie").count == 250)
    }

    @Test(arguments: ["2", "02"])
    func aLengthThatIsRepeatedIsForwardedOnce(other: String) throws {
        let response = try returned(
            "HTTP/1.1 200 OK\r\nContent-Length: \(other)\r\nX: a\r\nContent-Length: 2\r\n\r\nok", .inOnePiece)
        #expect(response.isGood && response.fields.all("Content-Length") == ["2"])
    }

    /// RFC 9110 section 6.6.1.
    @Test func aResponseWithoutDateGetsOne() throws {
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                let date = request.target == "/" ? "" : "dAtE: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                try connection.send("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\(date)Content-Length: 2\r\n\r\nok")
            }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get("/dated").fields["Date"] == nil, "an interim response")
        #expect(try client.readResponse().fields["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(try client.get().status == 103)
        let date = try #require(try client.readResponse().fields["Date"])
        let pattern = /[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT/
        #expect(date.wholeMatch(of: pattern) != nil, "\(date)")
    }

    /// Each line grows by a byte when it is written; what comes at once must fit all the same.
    @Test func manyInterimResponsesAtOnceAreBorne() throws {
        let fields = String(repeating: "X:\r\n", count: 250)
        let interim = String(repeating: "HTTP/1.1 103\r\n\(fields)\r\n", count: 99)
        let origin = try Origin(answer: interim + "HTTP/1.1 200 OK" + Self.length)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        var response = try client.get()
        while response.status == 103 { response = try client.readResponse() }
        #expect(response.isGood)
    }
}
