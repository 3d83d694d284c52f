import ApusHTTP
import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// Several requests sent without waiting for answers (RFC 9112 section 9.3.2).
@Suite struct Pipelining {
    static func echo() throws -> Origin {
        try Origin(answering: { request in
            let text = request.target + request.text
            return "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
        })
    }

    @Test(arguments: Delivery.allCases)
    func answersComeInOrder(delivery: Delivery) throws {
        let origin = try Self.echo()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let requests = (0..<20).map { number in
            number.isMultiple(of: 3)
                ? "POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                : number.isMultiple(of: 4)
                    ? "PUT /\(number) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
                    : "GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        switch delivery {
        case .inOnePiece: try client.send(requests.joined())
        case .byteByByte: try client.sendSlowly(requests.joined())
        }
        for number in 0..<20 {
            let hasBody = number.isMultiple(of: 3) || number.isMultiple(of: 4)
            #expect(try client.readResponse().text == "/\(number)" + (hasBody ? "body" : ""))
        }
        #expect(origin.requests.map(\.target) == (0..<20).map { "/\($0)" })
    }

    @Test func aSlowFirstAnswerDoesNotLetTheSecondPass() throws {
        let gate = Gate()
        let origin = try Origin(answering: { request in
            if request.target == "/slow" { try gate.pass() }
            return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\(request.target)"
        })
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.isSilent(for: .milliseconds(50)))
        gate.open()
        #expect(try client.readResponse().text == "/slow")
        #expect(try client.readResponse().text == "/fast")
    }

    @Test func manyRequestsInAdvanceAreAllAnswered() throws {
        let origin = try Self.echo()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let padding = String(repeating: "p", count: 400)
        try client.send((0..<1000).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\nX: \(padding)\r\n\r\n" }.joined())
        for number in 0..<1000 { #expect(try client.readResponse().text == "/\(number)") }
    }

    @Test func nothingIsAnsweredAfterConnectionClose() throws {
        let origin = try Self.echo()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                + "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "/1")
        let last = try client.readResponse()
        #expect(last.text == "/2" && last.announcesClose)
        #expect(try client.readEnding() == .closed)
        #expect(origin.requests.map(\.target) == ["/1", "/2"])
    }

    @Test func aBadRequestIsRefusedInItsTurn() throws {
        let origin = try Self.echo()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost : a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "/1")
        expectRefusal(try client.readResponse(), [.spaceBeforeColon])
        #expect(try client.readEnding() == .closed)
        #expect(origin.requests.map(\.target) == ["/1"])
    }

    @Test func answersMadeByApusKeepTheirPlace() throws {
        let origin = try Self.echo()
        let proxy = try Proxy(origin) { $0.routes = [.init(name: "/a", path: .exact(bytes("/a")), pool: 0)] }
        let client = try proxy.connect()
        try client.send(["/a", "/b", "/a"].map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        #expect(try client.readResponse().text == "/a")
        expectMade(try client.readResponse(), [.noRoute])
        #expect(try client.readResponse().text == "/a")
    }
}
