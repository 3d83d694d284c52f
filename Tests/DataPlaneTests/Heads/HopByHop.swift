import ApusTestKit
import Testing

/// Fields that mean one connection, not the message (RFC 9110 section 7.6.1), end at the proxy.
@Suite struct HopByHop {
    /// The fields that an origin received of a request with `fields`.
    private func received(_ fields: String) throws -> Fields {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").isGood)
        return try #require(origin.requests.first).fields
    }

    @Test(arguments: [
        "Connection: close", "Connection: keep-alive", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic YTpi", "Upgrade: h2c", "TE: gzip", "TE: gzip, deflate",
        "Proxy-Authenticate: Basic",
    ])
    func aRequestsHopByHopFieldIsRemoved(line: String) throws {
        let fields = try received("\(line)\r\nX-A: b\r\n")
        let name = String(line.prefix { $0 != ":" })
        #expect(fields[name] == nil && fields["X-A"] == "b")
    }

    @Test func whatConnectionNamesIsRemoved() throws {
        let fields = try received(
            "X-A: 1\r\nConnection: x-a , X-B,,close\r\nX-B: 2\r\nX-C: 3\r\nconnection: X-D\r\nX-D: 4\r\nX-Aa: 5\r\n")
        #expect(fields["X-A"] == nil && fields["X-B"] == nil && fields["X-D"] == nil)
        #expect(fields["X-C"] == "3" && fields["X-Aa"] == "5" && fields["Connection"] == nil)
    }

    /// A client must not talk the proxy into dropping what frames, routes or vouches for the request.
    @Test func whatTheProxyVouchesForCannotBeNamedAway() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let response = try proxy.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: Host, Content-Length, X-Forwarded-For, "
                + "X-Forwarded-Proto, X-Forwarded-Host, Via, close\r\n\r\nab")
        #expect(response.isGood)
        let request = try #require(origin.requests.first)
        #expect(request.fields["Host"] == "a" && request.text == "ab" && request.framing == .contentLength(2))
        #expect(request.fields["X-Forwarded-For"] == "127.0.0.1" && request.fields["X-Forwarded-Proto"] == "http")
        #expect(request.fields["X-Forwarded-Host"] == "a")
    }

    @Test func transferEncodingCannotBeNamedAway() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let response = try proxy.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n"
                + "2\r\nab\r\n0\r\n\r\n")
        #expect(response.isGood)
        #expect(origin.requests.map(\.text) == ["ab"] && origin.requests.map(\.framing) == [.chunked])
    }

    /// RFC 9110 section 10.1.4: the one TE that says something about the message as this proxy forwards it.
    @Test(arguments: ["trailers", "Trailers", "trailers, gzip;q=0.5", "gzip, trailers"])
    func teTrailersIsPassedOn(value: String) throws {
        let fields = try received("TE: \(value)\r\nConnection: TE\r\n")
        #expect(fields["TE"]?.lowercased() == "trailers" && fields["Connection"]?.lowercased() == "te")
    }

    @Test func everythingElseArrivesInOrderAndUnchanged() throws {
        let lines = [
            "Accept: */*", "Cookie: a=b; c=d", "X-Empty:", "Cookie: e=f", "x-lower: \u{e9}", "X-MiXeD: a  b\tc",
            "Authorization: Bearer x", "User-Agent: test/1.0", "Accept: text/html", "Range: bytes=0-1",
            "If-None-Match: \"a\"", "Cache-Control: no-cache", "Pragma: no-cache", "Trailer: X-Sum", "Origin: null",
        ]
        let fields = try received(lines.map { $0 + "\r\n" }.joined())
        let names = Set(lines.map { $0.prefix { $0 != ":" }.lowercased() })
        let arrived = fields.lines.filter { names.contains($0.name.lowercased()) }
        #expect(arrived.map { $0.value.isEmpty ? "\($0.name):" : "\($0.name): \($0.value)" } == lines)
    }

    @Test func aResponsesHopByHopFieldsAreRemoved() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: x-a, X-B\r\nX-B: 2\r\nKeep-Alive: timeout=5\r\n"
                + "Proxy-Connection: close\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-C: 3\r\n"
                + "Content-Length: 2\r\n\r\nok")
        let proxy = try Proxy(origin)
        let response = try proxy.get()
        #expect(response.isGood && response.fields["X-C"] == "3")
        for name in ["X-A", "X-B", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Upgrade"] {
            #expect(response.fields[name] == nil, "\(name)")
        }
    }

    /// The origin's connection is the proxy's business; the client's lives on.
    @Test func theOriginsCloseIsNotTheClients() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 {
            let response = try client.get()
            #expect(response.isGood && !response.announcesClose)
        }
        #expect(origin.connections == 3)
    }

    @Test func aResponseCannotNameItsFramingAway() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nok")
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<2 { #expect(try client.get().isGood) }
    }

    @Test func everythingElseOfAResponseArrivesInOrderAndUnchanged() throws {
        let lines = [
            "Server: x", "Set-Cookie: a=b", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "set-cookie: c=d; Path=/",
            "X-E: \u{e9}", "Content-Type: text/plain", "Vary: A", "Vary: B",
        ]
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "Content-Length: 2\r\n\r\nok")
        let proxy = try Proxy(origin)
        let names = Set(lines.map { $0.prefix { $0 != ":" }.lowercased() })
        let arrived = try proxy.get().fields.lines.filter { names.contains($0.name.lowercased()) }
        #expect(arrived.map { "\($0.name): \($0.value)" } == lines)
    }
}
