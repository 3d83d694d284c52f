import ApusTestKit
import Testing

/// Bodies of responses: by length, in chunks, or to the end of the origin's connection.
@Suite struct ResponseFraming {
    @Test(arguments: ["", "a", text((0...255).map { UInt8($0) }), String(repeating: "0123456789", count: 100_000)])
    func aLengthStaysALength(body: String) throws {
        let count = body.unicodeScalars.count
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n\(body)")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 {
            let response = try client.get()
            #expect(response.text == body && response.isComplete && response.framing == .contentLength(count))
        }
        #expect(origin.connections == 1)
    }

    @Test(arguments: [
        ("0\r\n\r\n", ""), ("2\r\nok\r\n0\r\n\r\n", "ok"), ("1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok"),
        ("2;a=b\r\nok\r\n0;c\r\n\r\n", "ok"), ("0002\r\nok\r\n00\r\n\r\n", "ok"),
    ])
    func chunkedStaysChunked(body: (String, String)) throws {
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(body.0)")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 {
            let response = try client.get()
            #expect(response.text == body.1 && response.isComplete && response.framing == .chunked)
        }
        #expect(origin.connections == 1)
    }

    @Test func theOriginsPaceDoesNotMatter() throws {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\no\r\n1\r\nk\r\n0\r\nX-T: 1\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ]
        for answer in answers {
            let origin = try Origin { connection in
                while try connection.readRequest() != nil { try connection.sendSlowly(answer) }
            }
            let proxy = try Proxy(origin)
            let client = try proxy.connect()
            for _ in 0..<2 {
                var response = try client.get()
                if response.status == 103 { response = try client.readResponse() }
                #expect(response.isGood)
            }
        }
    }

    /// The client can tell the end from a break, though the origin's protocol could not say it.
    @Test(arguments: ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK", "HTTP/1.1 200 OK"])
    func closeDelimitedBecomesChunked(head: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("\(head)\r\n\r\no")
            try connection.send("k")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.isGood && response.framing == .chunked && !response.announcesClose)
        }
        #expect(origin.connections == 2)
    }

    @Test func anEmptyCloseDelimitedBodyIsComplete() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.0 200 OK\r\n\r\n")
        }
        let proxy = try Proxy(origin)
        let response = try proxy.get()
        #expect(response.isComplete && response.body.isEmpty && response.status == 200)
    }

    @Test func aBodyIsPassedOnAsItComes() throws {
        for head in ["Content-Length: 10", "Transfer-Encoding: chunked", "Connection: close"] {
            let isChunked = head.hasPrefix("T")
            let gate = Gate()
            let origin = try Origin { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\n\(head)\r\n\r\n" + (isChunked ? "5\r\nfirst\r\n" : "first"))
                try gate.pass()
                try connection.send(isChunked ? "5\r\nother\r\n0\r\n\r\n" : "other")
            }
            let proxy = try Proxy(origin)
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let first = try client.read(through: "first")
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
            gate.open()
            #expect(try client.read(through: "other").hasSuffix("other"))
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 299 Whatever it is \u{e9}", "HTTP/1.1 418 I'm a teapot",
    ])
    func theStatusLineIsPassedOn(line: String) throws {
        let origin = try Origin(answer: "\(line)\r\nContent-Length: 2\r\n\r\nok")
        let proxy = try Proxy(origin)
        let response = try proxy.get()
        #expect("\(response.version) \(response.status) \(response.phrase)" == line)
    }

    @Test func anHTTP10OriginIsServedToAnHTTP11Client() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.isGood && response.version == "HTTP/1.1")
        }
    }

    @Test func aLargeChunkedBodyArrivesWhole() throws {
        let block = String(repeating: "0123456789abcdef", count: 4096)
        let origin = try Origin { connection in
            while try connection.readRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<128 { try connection.send("10000\r\n\(block)\r\n") }
                try connection.send("0\r\n\r\n")
            }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.isComplete && response.body.count == 8 << 20)
            #expect(response.body.suffix(65_536) == bytes(block)[...])
        }
    }
}
