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
            "post /x?y=1 http11 length(5) host=a alive=true path=/x|Host=a:80|Content-Length=05"
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
                + "|TE=trailers|Expect=100-Continue"
        ),
        (
            "BREW / HTTP/1.1\r\nHost: a\r\nConnection: X-Gone, host\r\nX-Gone: 1\r\nX-Kept: \u{e9}\t2\r\n\r\n",
            "other / http11 none host=a alive=true path=/|Host=a|Connection=X-Gone, host|X-Kept=\u{e9}\t2"
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\nEmpty:\r\n\r\n",
            "post / http11 length(3) host=a alive=true path=/|Host=a|Content-Length=3|Empty="
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
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .badVersion), ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .badVersion),
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
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", .expectationFailed),
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
