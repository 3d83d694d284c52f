import ApusHTTP
import Testing

@Suite struct RequestHeadTests {
    static let good: [(String, String)] = [
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "get / http11 none host=a alive=true path=/|Host=a"
        ),
        (
            "\r\nPOST /x?y=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 05\r\n\r\n",
            "post /x?y=1 http11 length(5) host=a alive=true path=/x|Host=a:80|Content-Length=5"
        ),
        (
            "GET http://b:1/p HTTP/1.1\r\nHost: a\r\n\r\n",
            "get /p http11 none host=b alive=true path=/p|Host=a"
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n",
            "options * http11 none host=[::1] alive=false path=*|Host=[::1]:8080|Connection=close"
        ),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "get / http10 none host= alive=true path=/|Connection=keep-alive"
        ),
        (
            "PUT / HTTP/1.1\r\nhost:a\r\nTRANSFER-ENCODING: \tChunked \r\nTE: trailers\r\nExpect: 100-Continue\r\n\r\n",
            "put / http11 chunked host=a alive=true path=/ expects trailers|host=a|TRANSFER-ENCODING=Chunked"
                + "|TE=trailers"
        ),
        (
            "BREW / HTTP/1.1\r\nHost: a\r\nConnection: X-Gone, host\r\nX-Gone: 1\r\nX-Kept: \u{e9}\t2\r\n\r\n",
            "other / http11 none host=a alive=true path=/ names|Host=a|Connection=X-Gone, host|X-Kept=\u{e9}\t2"
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\nEmpty:\r\n\r\n",
            "post / http11 length(3) host=a alive=true path=/|Host=a|Content-Length=3|Empty="
        ),
        // A later minor version is read as 1.1 (RFC 9110 section 2.5).
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "get / http11 none host=a alive=true path=/|Host=a"),
        ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", "get / http11 none host=a alive=true path=/|Host=a"),
        // Empty lists, and empty elements of lists (RFC 9110 section 5.6.1).
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\nTE: ,\r\nExpect:\r\nVia:\r\n\r\n",
            "get / http11 none host=a alive=true path=/|Host=a|Connection=|TE=,|Via="
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: ,, te ,upgrade,\r\nTE: , trailers\r\nExpect: , ,\r\n\r\n",
            "get / http11 none host=a alive=true path=/ trailers|Host=a|Connection=,, te ,upgrade,"
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: ,100-continue, 100-Continue\r\n\r\n",
            "get / http11 none host=a alive=true path=/ expects|Host=a"
        ),
    ]

    @Test(arguments: good)
    func isReadTheSameHoweverItIsCut(head: String, expected: String) {
        let bytes = Array((head + "GET").utf8)
        #expect(parseRequest(bytes) == .complete(expected + " end=\(head.utf8.count)"))
        for count in 0..<bytes.count - 3 {
            #expect(parseRequest(Array(bytes[..<count])) == .incomplete, "\(count) bytes")
        }
    }

    static let bad: [(String, Reason)] = [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLF), ("\nGET / HTTP/1.1\r\n", .bareLF),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCR), ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .bareCR),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .obsoleteLineFolding),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .spaceBeforeColon), ("GET / HTTP/1.1\r\n: a\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHo(st: a\r\n\r\n", .badFieldName), ("GET / HTTP/1.1\r\nHost\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", .badFieldValue),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: 12345678\u{7f}\r\n\r\n", .badFieldValue),
        ("GET / HTTP/1.1\r\n\r\n", .missingHost), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost), ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .badHost), ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .badHost), ("GET / HTTP/1.1\r\nHost: [a\r\n\r\n", .badHost),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine), ("GET /\r\n", .badRequestLine),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badRequestLine), ("GET / http/1.1\r\n", .badRequestLine),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .badVersion), ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .badVersion),
        ("GET / HTTP/3.1\r\nHost: a\r\n\r\n", .badVersion), ("GET / HTTP/1.10\r\n", .badRequestLine),
        ("G@T / HTTP/1.1\r\n", .badMethod), (" GET / HTTP/1.1\r\n", .badMethod),
        ("GET /# HTTP/1.1\r\n", .badTarget), ("GET /\u{e9} HTTP/1.1\r\n", .badTarget),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget), ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET http://u@h/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET ftp://h/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotAllowed),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .badContentLength),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", .badContentLength),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", .badContentLength),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .conflictingContentLength),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentLengthWithTransferEncoding
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", .badTransferEncoding),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", .badTransferEncoding),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .badTransferEncoding),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", .badTransferEncoding),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n", .badTransferEncoding),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", .badTransferEncoding),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,\r\n\r\n", .badTransferEncoding),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .badTransferEncoding
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n",
            .badTransferEncoding
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", .expectationFailed),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, tea\r\n\r\n", .expectationFailed),
    ]

    /// The answer comes from the first defect in the order of the bytes, and no prefix gives another.
    @Test(arguments: bad)
    func isRefusedTheSameHoweverItIsCut(head: String, reason: Reason) {
        let bytes = Array(head.utf8)
        #expect(parseRequest(bytes) == .refused(reason))
        var wasRefused = false
        for count in 0..<bytes.count {
            let outcome = parseRequest(Array(bytes[..<count]))
            if wasRefused || outcome != .incomplete {
                #expect(outcome == .refused(reason), "\(count) bytes")
                wasRefused = true
            }
        }
    }

    static let hosts = [
        "a", "a:", "a:0", "a:80", "a:65535", "a_b", "a.b.", "-", "~!$&'()*+;=", "a%c3%A4b", "a%20b", "%e2%82%ac:80",
        "127.0.0.1", "1.2.3", "[::]", "[::1]", "[::1]:", "[::1]:80", "[1:2:3:4:5:6:7:8]", "[1::8]", "[1:2:3:4:5:6:7::]",
        "[::2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[::1.2.3.4]", "[FE80::abcd]",
    ]

    @Test(arguments: hosts)
    func hostsFollowTheirGrammar(host: String) {
        guard case .complete = parseRequest(Array("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8)) else {
            Issue.record("\(host) is refused")
            return
        }
        guard case .complete = parseRequest(Array("GET http://\(host)/ HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) else {
            Issue.record("\(host) is refused in a target")
            return
        }
    }

    /// What RFC 3986 section 3.2 does not allow, and what would name another host to a reader that decodes it.
    static let noHosts = [
        "a%zz", "a%", "a%a", "%", "%%", "a%2", "a%g0", "a%0g", "a%2%65", "a%00", "a%0d%0a", "a%7f", "a%2fb", "a%2Fb",
        "a%40b", "a%3a80", "a%3fb", "a%23b", "a%5bb", "a%5cb", "a%5d", "a%2cb", "a%25", "a%2eb", "a%2Eb", "%61", "%5A",
        "a%2db", "a%5fb", "a%7eb", "a%30", ":", ":80", "a:080", "a:00", "a:65536", "a:99999", "a:100000", "a:+8", "a::",
        "a:80:", "a:8%30", "[]", "[", "]", "[:]", "[:::]", "[::1", "[1::2::3]", "[::1::]", "[1:2:3:4:5:6:7]", "[1]",
        "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[::1:2:3:4:5:6:7:8]", "[12345::]", "[::g]", "[1:]", "[:1]",
        "[1:2:3:4:5:6:7:]", "[1.2.3.4]", "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.]",
        "[::1..3.4]", "[::1.2.3.4:5]", "[1:2:3:4:5:6:7:1.2.3.4]", "[::a.2.3.4]", "[fe80::1%25eth0]", "[fe80::1%eth0]",
        "[v1.a]", "[::1]]", "[[::1]]", "[::1]80", "[::1]:x", "[::1]a",
    ]

    @Test(arguments: noHosts)
    func noOtherHostIsTaken(host: String) {
        #expect(parseRequest(Array("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8)) == .refused(.badHost))
        let target = parseRequest(Array("GET http://\(host)/ HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(target == .refused(.badTarget))
    }

    @Test func isBoundedInEveryDirection() {
        let limits = HeadLimits(bytes: 100, fields: 3, targetBytes: 10)
        func outcome(_ text: String) -> Outcome { parseRequest(Array(text.utf8), limits: limits) }
        #expect(outcome("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n") != .refused(.targetTooLong))
        #expect(outcome("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n") == .refused(.targetTooLong))
        #expect(outcome("GET /1234567890") == .refused(.targetTooLong))
        #expect(outcome("GET / HTTP/1.1\r\nHost: a\r\nA: \r\nB: \r\nC: \r\n\r\n") == .refused(.tooManyFields))
        let long = "GET / HTTP/1.1\r\nHost: a\r\nA: " + String(repeating: "x", count: 200)
        #expect(outcome(long) == .refused(.headTooLarge))
        #expect(outcome(String(decoding: long.utf8.prefix(99), as: UTF8.self)) == .incomplete)
        #expect(outcome(String(decoding: long.utf8.prefix(100), as: UTF8.self)) == .refused(.headTooLarge))
        let exact = "GET / HTTP/1.1\r\nHost: a\r\nA: " + String(repeating: "x", count: 68) + "\r\n\r\n"
        #expect(exact.utf8.count == 100)
        guard case .complete = outcome(exact) else {
            Issue.record("a head of exactly the limit is taken")
            return
        }
    }

    @Test func mayEndIsNeverWrongAboutAHeadThatCan() {
        for (head, _) in Self.good.map({ ($0.0, 0) }) + Self.bad.map({ ($0.0, 0) }) {
            let bytes = Array(head.utf8)
            for cut in 0..<bytes.count {
                let before = parseRequest(Array(bytes[..<cut]))
                guard before == .incomplete, case .complete = parseRequest(bytes) else { continue }
                let mayEnd = headMayEnd(bytes.span, newFrom: cut)
                #expect(mayEnd, "\(head) from \(cut)")
            }
        }
    }
}
