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
                uSER-agent: x\r
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

    /// However a line came, an origin gets one colon, one space, and no blank after the value (RFC 9112 section 5.1).
    @Test(arguments: [
        ("X:GET /SMUGGLED HTTP/1.1", "X: GET /SMUGGLED HTTP/1.1"), ("X: a", "X: a"), ("X:a", "X: a"), ("X:", "X: "),
        ("X: ", "X: "), ("X:\t \t", "X: "), ("X:\ta", "X: a"), ("X:  a", "X: a"), ("X: \ta", "X: a"),
        ("X: a ", "X: a"), ("X: a\t", "X: a"), ("x:a  b\tc", "x: a  b\tc"), ("X: :a: ", "X: :a:"),
        ("Content-Length: 010", "Content-Length: 10"), ("Content-Length: 000", "Content-Length: 0"),
        ("Content-Length:0000010", "Content-Length: 10"), ("Content-Length: 10 ", "Content-Length: 10"),
        ("Content-Length: 10\r\nContent-Length: 010", "Content-Length: 10"),
        ("Content-Length: 010\r\nContent-Length: 10", "Content-Length: 10"),
    ])
    func fieldsAreWrittenAnew(line: String, written: String) throws {
        for (before, after) in [("", ""), ("A: 1\r\n", ""), ("", "B: 2\r\n"), ("A: 1\r\n", "B:2\r\n")] {
            let fields = "\(before)\(written)\r\n\(after == "B:2\r\n" ? "B: 2\r\n" : after)"
            #expect(
                try forward("POST / HTTP/1.1\r\nHost: h\r\n\(before)\(line)\r\n\(after)\r\n")
                    .hasPrefix("POST / HTTP/1.1\r\nHost: h\r\n\(fields)X-Forwarded-For: "))
            #expect(
                try forwardResponse(
                    "HTTP/1.1 200 OK\r\n\(before)\(line)\r\n\(after)\r\n",
                    ForwardedResponse(isChunked: false, connection: nil))
                    == "HTTP/1.1 200 OK\r\n\(fields)\r\n")
        }
    }

    @Test(arguments: [
        ("Expect:", ""), ("Expect: ,", ""), ("Expect: 100-continue", "Expect: 100-continue\r\n"),
        ("Expect: ,100-CONTINUE ,, 100-continue", "Expect: 100-continue\r\n"),
        ("Expect: 100-continue\r\nExpect: 100-continue", "Expect: 100-continue\r\n"),
    ])
    func anExpectationIsWrittenAnew(line: String, written: String) throws {
        let forwarded = try forward("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\(line)\r\n\r\n")
        #expect(forwarded.hasSuffix("Via: 1.1 apus\r\n\(written)\r\n"))
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
