import ApusTestKit
import Testing

/// Responses that have no body whatever their fields say (RFC 9112 section 6.3).
@Suite struct BodilessResponses {
    struct Case: Sendable, CustomTestStringConvertible {
        var method = "GET"
        var answer: String
        /// Fields that the client must see, or nil for one that it must not.
        var sees: [String: String?] = [:]
        var testDescription: String { "\(method): \(printable(bytes(answer)))" }
    }

    static let cases = [
        Case(method: "HEAD", answer: "200 OK\r\nContent-Length: 5", sees: ["Content-Length": "5"]),
        Case(method: "HEAD", answer: "200 OK\r\nTransfer-Encoding: chunked"),
        Case(method: "HEAD", answer: "200 OK"),
        Case(method: "HEAD", answer: "404 Not Found\r\nContent-Length: 5", sees: ["Content-Length": "5"]),
        Case(answer: "204 No Content"),
        Case(answer: "204 No Content\r\nX-A: b", sees: ["X-A": "b"]),
        Case(answer: "304 Not Modified"),
        Case(answer: "304 Not Modified\r\nContent-Length: 5\r\nETag: \"a\"", sees: ["ETag": "\"a\""]),
        Case(answer: "304 Not Modified\r\nTransfer-Encoding: chunked"),
        Case(method: "HEAD", answer: "204 No Content"),
        Case(method: "HEAD", answer: "304 Not Modified\r\nContent-Length: 5"),
    ]

    /// Twice on one connection: had a body been expected on either side, the second would not come.
    @Test(arguments: cases)
    func noBodyIsExpected(example: Case) throws {
        let origin = try Origin(answer: "HTTP/1.1 \(example.answer)\r\n\r\n")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 {
            try client.send("\(example.method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse(to: example.method)
            #expect(example.answer.hasPrefix("\(response.status)"))
            #expect(response.reason == nil && !response.announcesClose)
            for (name, value) in example.sees { #expect(response.fields[name] == value) }
        }
        #expect(origin.requests.count == 3 && origin.connections == 1, "\(origin.record)")
    }

    @Test(arguments: ["HTTP/1.0", "HTTP/1.1"])
    func aHeadRequestToAnUnframedAnswerHasNoBody(version: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("HEAD / \(version)\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(try client.readResponse(to: "HEAD").status == 200)
        #expect(try client.readEnding() == .closed)
    }

    /// An answer made by Apus to HEAD has no body either.
    @Test func anAnswerMadeByApusToHEADHasNoBody() throws {
        let proxy = try Proxy(try RefusingPort())
        let client = try proxy.connect()
        for _ in 0..<2 {
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse(to: "HEAD")
            #expect(response.status == 502 && response.reason == "connect_failed")
        }
    }

    /// Bytes after a bodiless response belong to nothing: they must not answer the next request.
    @Test(arguments: ["204 No Content", "304 Not Modified", "204 No Content\r\nContent-Length: 2"])
    func bytesAfterABodilessResponseAreNotAnAnswer(start: String) throws {
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                try connection.send(
                    request.target == "/first"
                        ? "HTTP/1.1 \(start)\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" : ok)
            }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let first = try client.get("/first")
        #expect(first.status == 204 || first.status == 304 || first.status == 502)
        #expect(try proxy.get("/second").text == "ok")
    }
}
