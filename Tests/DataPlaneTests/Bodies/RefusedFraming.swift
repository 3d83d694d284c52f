import ApusHTTP
import ApusTestKit
import Testing

/// Requests whose body could end in two places (RFC 9112 sections 6.1 to 6.3), and what they try to smuggle.
@Suite struct RefusedFraming {
    /// What a peer that believes the other framing would take for the next request.
    static let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    static let both = [
        BadInput("Content-Length: 5\r\nTransfer-Encoding: chunked", .contentLengthWithTransferEncoding),
        BadInput("Transfer-Encoding: chunked\r\nContent-Length: 5", .contentLengthWithTransferEncoding),
        BadInput("Transfer-Encoding: chunked\r\nContent-Length: 0", .contentLengthWithTransferEncoding),
        BadInput("content-length: 5\r\nX: y\r\ntRANSFER-eNCODING: cHUNKED", .contentLengthWithTransferEncoding),
        BadInput(
            "Content-Length: 5\r\nTransfer-Encoding: identity", .contentLengthWithTransferEncoding,
            .badTransferEncoding, .unsupportedTransferCoding),
        BadInput(
            "Content-Length: 5\r\nTransfer-Encoding: xchunked", .contentLengthWithTransferEncoding,
            .badTransferEncoding, .unsupportedTransferCoding),
    ]

    @Test(arguments: both, Delivery.allCases)
    func oneFramingNotTwo(fields: BadInput, delivery: Delivery) throws {
        try expectFramingRefused(fields, delivery)
    }

    static let lengths = [
        BadInput("Content-Length: 5\r\nContent-Length: 6", .conflictingContentLength),
        BadInput("Content-Length: 6\r\nX: y\r\ncontent-length: 5", .conflictingContentLength),
        BadInput("Content-Length: 0\r\nContent-Length: 5", .conflictingContentLength),
        BadInput("Content-Length: 5\r\nContent-Length: 5x", .conflictingContentLength, .badContentLength),
        BadInput("Content-Length: 5, 5", .badContentLength),
        BadInput("Content-Length: 0\r\nContent-Length: 05", .conflictingContentLength),
        BadInput("Content-Length: 5, 6", .conflictingContentLength, .badContentLength),
        BadInput("Content-Length:", .badContentLength),
        BadInput("Content-Length: +5", .badContentLength),
        BadInput("Content-Length: -5", .badContentLength),
        BadInput("Content-Length: -0", .badContentLength),
        BadInput("Content-Length: 5 5", .badContentLength),
        BadInput("Content-Length: 5,", .badContentLength),
        BadInput("Content-Length: ,5", .badContentLength),
        BadInput("Content-Length: 5;", .badContentLength),
        BadInput("Content-Length: 0x5", .badContentLength),
        BadInput("Content-Length: 5a", .badContentLength),
        BadInput("Content-Length: a", .badContentLength),
        BadInput("Content-Length: 5.0", .badContentLength),
        BadInput("Content-Length: 1e1", .badContentLength),
        BadInput("Content-Length: \"5\"", .badContentLength),
        BadInput("Content-Length: 1_0", .badContentLength),
        BadInput("Content-Length: \u{b2}", .badContentLength),
        BadInput("Content-Length: 9223372036854775808", .badContentLength),
        BadInput("Content-Length: 18446744073709551615", .badContentLength),
        BadInput("Content-Length: 18446744073709551616", .badContentLength),
        BadInput("Content-Length: 18446744073709551621", .badContentLength),
        BadInput("Content-Length: " + String(repeating: "9", count: 300), .badContentLength),
    ]

    @Test(arguments: lengths, Delivery.allCases)
    func aContentLengthIsOneNumber(fields: BadInput, delivery: Delivery) throws {
        try expectFramingRefused(fields, delivery)
    }

    static let codings = [
        BadInput("Transfer-Encoding: identity", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: gzip", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: xchunked", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chunkedx", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chunked-x", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: \"chunked\"", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chun ked", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chunked;a=b", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding:", .badTransferEncoding),
        BadInput("Transfer-Encoding: ,", .badTransferEncoding),
        BadInput("Transfer-Encoding: ,chunked", .badTransferEncoding),
        BadInput("Transfer-Encoding: chunked,", .badTransferEncoding),
        BadInput("Transfer-Encoding: chunked\r\nTransfer-Encoding:", .badTransferEncoding),
        BadInput("Transfer-Encoding: chunked, chunked", .badTransferEncoding),
        BadInput("Transfer-Encoding: chunked, identity", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chunked, gzip", .badTransferEncoding),
        BadInput("Transfer-Encoding: chunked gzip", .badTransferEncoding, .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .badTransferEncoding),
        BadInput(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .badTransferEncoding,
            .unsupportedTransferCoding),
        BadInput(
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", .badTransferEncoding,
            .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: chunked\r\nX: y\r\ntransfer-encoding: x", .badTransferEncoding),
        BadInput("Transfer-Encoding: gzip, chunked", .unsupportedTransferCoding),
        BadInput("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .unsupportedTransferCoding),
    ]

    @Test(arguments: codings, Delivery.allCases)
    func chunkedIsTheOnlyCodingAndTheLast(fields: BadInput, delivery: Delivery) throws {
        try expectFramingRefused(fields, delivery)
    }

    static let hidden = [
        BadInput("Content-Length: 5\r\nTransfer-Encoding : chunked", .spaceBeforeColon),
        BadInput("Content-Length: 5\r\nTransfer-Encoding\t: chunked", .spaceBeforeColon),
        BadInput("Content-Length: 5\r\n Transfer-Encoding: chunked", .obsoleteLineFolding),
        BadInput("Content-Length: 5\r\nTransfer-Encoding:\r\n chunked", .obsoleteLineFolding),
        BadInput("Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked", .bareLF),
        BadInput("Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked", .bareCR),
        BadInput("Content-Length: 5\r\nTransfer-Encoding: \u{b}chunked", .badFieldValue),
        BadInput("Content-Length: 5\r\nTransfer-Encoding\u{0}: chunked", .badFieldName),
        BadInput("Transfer-Encoding: chunked\r\nContent-Length\u{0}: 5", .badFieldName),
        BadInput("Transfer-Encoding: chunked\r\nContent-Length : 5", .spaceBeforeColon),
    ]

    @Test(arguments: hidden, Delivery.allCases)
    func aHiddenFramingIsFound(fields: BadInput, delivery: Delivery) throws {
        try expectFramingRefused(fields, delivery)
    }

    private func expectFramingRefused(_ fields: BadInput, _ delivery: Delivery) throws {
        var input = fields
        input.text = "POST / HTTP/1.1\r\nHost: a\r\n\(fields.text)\r\n\r\n\(Self.smuggled)"
        try expectRefused(input, delivery)
    }

    @Test func transferEncodingHasNoPlaceInHTTP10() throws {
        try expectRefused(
            BadInput(
                "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(Self.smuggled)",
                .transferEncodingInHTTP10))
        try expectRefused(
            BadInput(
                "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n\(Self.smuggled)",
                .transferEncodingInHTTP10, .contentLengthWithTransferEncoding))
    }

    /// RFC 9112 section 6.3: the same length twice may be refused or merged; it is never forwarded twice.
    @Test func aLengthThatIsRepeatedIsForwardedOnceIfAtAll() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let response = try proxy.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
        if response.status == 200 {
            #expect(origin.requests.map { $0.fields.all("Content-Length") } == [["2"]])
        } else {
            expectRefusal(response, [.conflictingContentLength, .badContentLength])
            #expect(origin.connections == 0)
        }
    }

    /// 010 is 8 to those who read octal numbers.
    @Test(arguments: [("010", 10), ("0010", 10), ("000", 0), ("00", 0), ("08", 8)])
    func aLengthIsForwardedInItsShortestForm(value: String, count: Int) throws {
        let body = String(repeating: "x", count: count)
        let answer = "HTTP/1.1 200 OK\r\nContent-Length:\(value)\r\n\r\n\(body)"
        let origin = try Origin(answer: answer)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for name in ["Content-Length", "content-length"] {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(name): \(value)\r\n\(name):0\(value)\r\n\r\n\(body)")
            let response = try client.readResponse()
            #expect(response.fields.all("Content-Length") == ["\(count)"] && response.text == body)
        }
        #expect(origin.requests.map { $0.fields.all("Content-Length") } == [["\(count)"], ["\(count)"]])
        #expect(origin.requests.map(\.text) == [body, body])
    }

    /// A name that some origins take for Transfer-Encoding is an ordinary field here: the framing stays as it was.
    @Test func aLookalikeDoesNotFrame() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nXTransfer-Encoding: chunked\r\n\r\nok")
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map(\.text) == ["ok"])
    }
}
