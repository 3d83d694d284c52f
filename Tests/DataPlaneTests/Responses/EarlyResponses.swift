import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Responses that begin before their request is complete (RFC 9112 section 9.5): the client gets them, and then the
/// connection ends, in a way that lets the client read them.
@Suite struct EarlyResponses {
    @Test(arguments: ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
    func anEarlyResponseEndsTheConnection(field: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            try connection.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
            while try connection.receiveMore() {}
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 401 && response.text == "no" && response.announcesClose && response.isComplete)
        #expect(try client.readEnding() == .closed)
        try origin.wait(for: "the end of the unfinished request") { $0.ended == 1 }
    }

    /// The client sends without reading, as most do: what is under way must not turn into an RST that destroys the
    /// response.
    @Test func aClientInTheMiddleOfAnUploadCanReadTheResponse() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            try connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            connection.close()
        }
        let proxy = try Proxy(origin)
        for _ in 0..<10 {
            let client = try proxy.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
            // Sent after the origin is done with the request; it may fail, as a real client's would.
            _ = try? client.sendUntilStalled([UInt8](repeating: 0x61, count: 65_536), limit: 1 << 20)
            let response = try client.readResponse()
            #expect(response.status == 413 && response.text == "no" && response.announcesClose)
        }
    }

    /// A response that begins early and ends after the request: both go on to their ends.
    @Test func aResponseMayOverlapItsRequest() throws {
        let origin = try Origin { connection in
            let head = try #require(try connection.readRequestHead())
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            let request = try connection.readBody(of: head)
            try connection.send("\(String(request.body.count, radix: 16))\r\n\(request.text)\r\n0\r\n\r\n")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        let head = try client.readResponseHead()
        #expect(head.status == 200)
        try client.send("world")
        let response = try client.readBody(of: head)
        #expect(response.text == "helloworld" && response.isComplete)
        #expect(try client.readEnding() == .closed)
    }

    /// A response made by Apus before the request is complete.
    @Test func aRefusalMadeByApusCanBeReadDuringTheUpload() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.limits.bodyBytes = 1000 }
        for _ in 0..<10 {
            let client = try proxy.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
            _ = try? client.sendUntilStalled([UInt8](repeating: 0x61, count: 65_536), limit: 1 << 20)
            expectRefusal(try client.readResponse(), [.bodyTooLarge])
        }
        #expect(origin.connections == 0)
    }
}
