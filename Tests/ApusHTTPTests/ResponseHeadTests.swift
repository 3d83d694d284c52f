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
        // What users bear.
        ("HTTP/1.2 600 OK\r\n\r\n", .get, "http11 600 OK untilClose alive=true"),
        ("HTTP/1.9 999\r\n\r\n", .get, "http11 999  untilClose alive=true"),
        ("\r\nHTTP/1.1 204 OK\r\n\r\n", .get, "http11 204 OK none alive=true"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\ntransfer-encoding: Chunked\r\n\r\n", .get,
            "http11 200 OK chunked alive=false|Transfer-Encoding=chunked|A=b|transfer-encoding=Chunked"
        ),
        ("HTTP/1.1 204 OK\r\nA : b\r\nC \t : d\r\n\r\n", .get, "http11 204 OK none alive=true|A=b|C=d"),
        ("HTTP/1.1 204 OK\r\nA: b\r\n c\r\n\t  d\r\n\r\n", .get, "http11 204 OK none alive=true|A=b   c  \t  d"),
        ("\r\nHTTP/1.1 204 OK\r\nA :\r\n b\r\nC: d\r\n\r\n", .get, "http11 204 OK none alive=true|A=b|C=d"),
        (
            "HTTP/1.1 204 OK\r\nConnection : close\r\nA: b\r\n\r\n", .get,
            "http11 204 OK none alive=false|Connection=close|A=b"
        ),
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
        ("HTTP/1.1 099 OK\r\n\r\n", .badResponse), ("HTTP/1.1 1000 OK\r\n\r\n", .badResponse),
        ("HTTP/2.0 200 OK\r\n\r\n", .badResponse), ("\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", .badResponse),
        ("\nHTTP/1.1 200 OK\r\n\r\n", .badResponse), ("\rHTTP/1.1 200 OK\r\n\r\n", .bareCR),
        ("HTTP/1.1  200 OK\r\n\r\n", .badResponse), ("HTTP/1.1 200 O\0K\r\n\r\n", .badFieldValue),
        ("HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLF), ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nA \r\nB: c\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nA : \0\r\nB c: d\r\n\r\n", .badFieldValue),
        ("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nA : b\r\ntransfer-encoding\t: chunked\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", .obsoleteLineFolding),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\t\r\n\r\n", .obsoleteLineFolding),
        ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", .obsoleteLineFolding),
        ("HTTP/1.1 200 OK\r\nA: b\r\n \t\r\nC: d\r\n\r\n", .obsoleteLineFolding),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\nD: e\r\n\r\n", .obsoleteLineFolding),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\rD\r\n\r\n", .bareCR),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .badTransferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: ,chunked\r\n\r\n", .badTransferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n", .badTransferEncoding),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: ,\r\n\r\n",
            .badTransferEncoding
        ),
        (
            "HTTP/1.1 200 OK\r\n" + (0...256).map { "X-\($0): a\r\n" }.joined() + "\r\n",
            .responseHeadTooLarge
        ),
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
        #expect(parseResponse(bytes, limits: HeadLimits(fields: 256)) == .refused(reason))
        for count in 0..<bytes.count {
            let outcome = parseResponse(Array(bytes[..<count]), limits: HeadLimits(fields: 256))
            #expect(outcome == .incomplete || outcome == .refused(reason), "\(count) bytes")
        }
    }
}
