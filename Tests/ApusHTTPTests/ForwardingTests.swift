import ApusHTTP
import Testing

@Suite struct ForwardingTests {
    @Test func endToEndFieldsArriveAsTheyWere() throws {
        let request =
            "GET /a?b HTTP/1.1\r\nHost: h:1\r\nuSER-agent:  x \r\nKeep-Alive: 5\r\nAccept: */*\r\nVia: 1.1 b\r\n\r\n"
        #expect(
            try forward(request) == """
                GET /a?b HTTP/1.1\r
                Host: h:1\r
                uSER-agent:  x \r
                Accept: */*\r
                Via: 1.1 b\r
                X-Forwarded-For: 10.1.2.3\r
                X-Forwarded-Proto: http\r
                X-Forwarded-Port: 1\r
                X-Forwarded-Host: h:1\r
                Via: 1.1 apus\r
                \r

                """)
    }

    @Test func whatAClientSaysOfItselfIsBelievedOnlyWhenTrusted() throws {
        let request =
            "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=2\r\nX-Real-IP: 3\r\n"
            + "X-Forwarded-Proto: https\r\n\r\n"
        let untrusted = try forward(request)
        #expect(untrusted.contains("X-Forwarded-For: 10.1.2.3\r\n"))
        #expect(untrusted.contains("X-Forwarded-Proto: http\r\n"))
        #expect(
            !untrusted.contains("1.1.1.1") && !untrusted.contains("Forwarded: for") && !untrusted.contains("X-Real"))
        let trusted = try forward(request, isTrusted: true)
        #expect(trusted.contains("X-Forwarded-For: 1.1.1.1, 10.1.2.3\r\n"))
        #expect(trusted.contains("X-Forwarded-Proto: https\r\n") && !trusted.contains("Proto: http\r\n"))
        #expect(trusted.contains("Forwarded: for=2\r\n") && trusted.contains("X-Real-IP: 3\r\n"))
    }

    @Test(arguments: [
        ("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: b\r\n"),
        ("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?q HTTP/1.1\r\nHost: b\r\n"),
        ("OPTIONS http://b:9 HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: b:9\r\n"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"),
    ])
    func theHostIsTheTargets(request: String, start: String) throws {
        #expect(try forward(request).hasPrefix(start))
    }

    @Test func framingIsWrittenAnew() throws {
        let request =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\nTE: trailers, gzip\r\nUpgrade: x\r\n\r\n"
        let forwarded = try forward(request)
        #expect(forwarded.contains("\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n\r\n"))
        #expect(!forwarded.contains("CHUNKED") && !forwarded.contains("gzip") && !forwarded.contains("Upgrade"))
    }

    @Test func aResponseLosesWhatWasMeantForApus() throws {
        let response =
            "HTTP/1.0 200 Fine\r\nA: 1\r\nConnection: B\r\nB: 2\r\nTransfer-X: 3\r\nProxy-Connection: x\r\n\r\n"
        #expect(
            try forwardResponse(response, ForwardedResponse(isChunked: true, connection: .close)) == """
                HTTP/1.1 200 Fine\r
                A: 1\r
                Transfer-X: 3\r
                Transfer-Encoding: chunked\r
                Connection: close\r
                \r

                """)
    }

    @Test func numbersAreWrittenShort() {
        var sink = Collected(input: [])
        for value: UInt64 in [0, 9, 10, 65_535, .max] {
            sink.append(decimal: value)
            sink.append(" ")
            sink.append(hexadecimal: value)
            sink.append("\n")
        }
        #expect(sink.text == "0 0\n9 9\n10 a\n65535 ffff\n18446744073709551615 ffffffffffffffff\n")
    }
}
