import ApusHTTP
import Testing

@Suite struct ResponseHeadTests {
    static let good: [(String, Method, String)] = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .get,
            "http11 200 OK length(5) alive=true|Content-Length=5"
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .head,
            "http11 200 OK none alive=true|Content-Length=5"
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .get, "http11 200 OK none alive=true|Content-Length=0"),
        ("HTTP/1.1 204\r\nContent-Length: 5\r\n\r\n", .get, "http11 204  none alive=true"),
        ("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", .get, "http11 304  none alive=true|Content-Length=5"),
        ("HTTP/1.0 200 OK\r\n\r\n", .get, "http10 200 OK untilClose alive=false"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", .get,
            "http11 200 OK chunked alive=false|Transfer-Encoding=chunked|Connection=close"
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n", .post, "http11 100 Continue none alive=true"),
    ]

    @Test(arguments: good)
    func isReadTheSameHoweverItIsCut(head: String, method: Method, expected: String) {
        let bytes = Array((head + "body").utf8)
        #expect(parseResponse(bytes, method: method) == .complete(expected + " end=\(head.utf8.count)"))
        for count in 0..<bytes.count - 4 {
            #expect(parseResponse(Array(bytes[..<count]), method: method) == .incomplete, "\(count) bytes")
        }
    }

    static let bad: [(String, Reason)] = [
        ("HTTP/2 200 OK\r\n\r\n", .badResponse), ("ICY 200 OK\r\n\r\n", .badResponse),
        ("HTTP/1.1 20 OK\r\n\r\n", .badResponse), ("HTTP/1.1 2000 OK\r\n\r\n", .badResponse),
        ("HTTP/1.1 099 OK\r\n\r\n", .badResponse), ("HTTP/1.1 600 OK\r\n\r\n", .badResponse),
        ("HTTP/1.1  200 OK\r\n\r\n", .badResponse), ("HTTP/1.1 200 O\0K\r\n\r\n", .badFieldValue),
        ("HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLF), ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsoleteLineFolding),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .conflictingContentLength),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentLengthWithTransferEncoding
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .badTransferEncoding),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
    ]

    @Test(arguments: bad)
    func isRefusedTheSameHoweverItIsCut(head: String, reason: Reason) {
        let bytes = Array(head.utf8)
        #expect(parseResponse(bytes) == .refused(reason))
        for count in 0..<bytes.count {
            let outcome = parseResponse(Array(bytes[..<count]))
            #expect(outcome == .incomplete || outcome == .refused(reason), "\(count) bytes")
        }
    }
}
