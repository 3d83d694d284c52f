import ApusHTTP
import ApusTestKit
import Testing

/// Responses with a status below 200 (RFC 9110 section 15.2) come before the final one and are passed on.
@Suite struct InterimResponses {
    @Test(arguments: [100, 102, 103, 199])
    func anInterimResponseIsPassedOn(status: Int) throws {
        let origin = try Origin(answer: "HTTP/1.1 \(status) Early\r\nLink: </a>; rel=preload\r\nX-A: b\r\n\r\n" + ok)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            let interim = try client.get()
            #expect(interim.status == status && interim.fields["Link"] == "</a>; rel=preload")
            #expect(interim.fields["X-A"] == "b" && interim.framing == .none)
            #expect(try client.readResponse().isGood)
        }
    }

    @Test func severalAreAllPassedOn() throws {
        let hints = (0..<20).map { "HTTP/1.1 103 Early Hints\r\nLink: \($0)\r\n\r\n" }.joined()
        let origin = try Origin(answer: hints + ok)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for number in 0..<20 { #expect(try client.readResponse().fields["Link"] == "\(number)") }
        #expect(try client.readResponse().isGood)
    }

    @Test func anInterimResponseIsPassedOnAtOnce() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
            try gate.pass()
            try connection.send(ok)
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get().status == 103)
        gate.open()
        #expect(try client.readResponse().isGood)
    }

    @Test func hopByHopFieldsOfInterimResponsesAreRemoved() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 103 Early Hints\r\nConnection: X-A\r\nX-A: b\r\nLink: c\r\n\r\n" + ok)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let interim = try client.get()
        #expect(interim.fields["X-A"] == nil && interim.fields["Link"] == "c")
        #expect(try client.readResponse().isGood)
    }

    /// Nobody asked to upgrade: what would follow is not HTTP.
    @Test(arguments: ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"])
    func anUpgradeIsABadAnswer(fields: String) throws {
        let origin = try Origin(answer: "HTTP/1.1 101 Switching Protocols\r\n\(fields)\r\n")
        let proxy = try Proxy(origin)
        let response = try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        expectMade(response, [.unexpectedUpgrade])
        try origin.wait(for: "the end of the connection") { $0.ended == 1 }
        #expect(origin.requests.first?.fields["Upgrade"] == nil)
    }

    @Test func anInterimResponseIsNoResponse() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 103 Early Hints\r\n\r\n")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get().status == 103)
        expectMade(try client.readResponse(), [.upstreamClosed])
    }

    /// An origin that never comes to the point.
    @Test func interimResponsesWithoutEndAreNoAnswer() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            let flood = String(repeating: "HTTP/1.1 102 \r\n\r\n", count: 1_000)
            while true { try connection.send(flood) }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var response = try client.readResponse()
        var count = 0
        while response.status == 102 {
            count += 1
            response = try client.readResponse()
        }
        #expect(count <= 100)
        expectMade(response, [.badResponse])
        try origin.wait(for: "the end of the connection") { $0.ended == 1 }
    }
}
