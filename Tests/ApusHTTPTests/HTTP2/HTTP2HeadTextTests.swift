import Testing

@testable import ApusHTTP

/// What a client of HTTP/2 can say, as HTTP/1.1: and what it cannot say that way.
@Suite struct HTTP2HeadTextTests {
    typealias Fault = HTTP2HeadText.Fault

    /// `name: value` on each line; a name may begin with a colon.
    static func text(
        _ lines: String, kind: HTTP2HeadText.Kind = .request, isTrailer: Bool = false, endsStream: Bool = true,
        _ limits: HTTP2HeadText.Limits = .init()
    ) throws(Fault) -> String {
        var head = HTTP2HeadText(kind, limits)
        head.begin(isTrailer: isTrailer)
        for line in lines.split(separator: "\n") {
            let colon = line.dropFirst().firstIndex(of: ":")!
            let name = Array(line[..<colon].utf8)
            // A value may begin or end with blanks, and have a line's end in it, by other characters.
            let value = String(line[line.index(after: colon)...].dropFirst()).replacing("␍", with: "\r")
                .replacing("␊", with: "\n").replacing("␀", with: "\0").replacing("␠", with: " ").replacing(
                    "␉", with: "\t")
            head.receive(name: name.span, value: Array(value.utf8).span, isSecret: false)
        }
        let count = try head.finish(endsStream: endsStream)
        let bytes = head.written
        #expect(bytes.count == count)
        return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }

    static let usual = ":method: GET\n:scheme: https\n:authority: a.test\n:path: /x?y\n"

    static let said: [(String, String)] = [
        (usual, "GET /x?y HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        // In any order, and with what HTTP/1 has no place for left out.
        (
            ":path: /\n:authority: a\n:method: POST\n:scheme: http\naccept: */*\n",
            "POST / HTTP/1.1\r\nhost: a\r\naccept: */*\r\n\r\n"
        ),
        // Without an authority there is the field.
        (":method: GET\n:scheme: http\n:path: /\nhost: b\n", "GET / HTTP/1.1\r\nhost: b\r\n\r\n"),
        (usual + "host: A.test\n", "GET /x?y HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        (":method: OPTIONS\n:scheme: http\n:authority: a\n:path: *\n", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"),
        (
            usual + "cookie: a=1\nx: y\ncookie: b=2\n",
            "GET /x?y HTTP/1.1\r\nhost: a.test\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n"
        ),
        (usual + "te: trailers\n", "GET /x?y HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\n\r\n"),
        (usual + "x: \n", "GET /x?y HTTP/1.1\r\nhost: a.test\r\nx: \r\n\r\n"),
        (usual + "x: é\n", "GET /x?y HTTP/1.1\r\nhost: a.test\r\nx: é\r\n\r\n"),
        (":method: CONNECT\n:authority: a:443\n", "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"),
    ]

    @Test(arguments: said)
    func whatBothCanSayIsSaid(_ fields: String, _ expected: String) throws {
        #expect(try Self.text(fields) == expected)
    }

    static let refused: [(String, Fault)] = [
        // Missing, twice, unknown, of a response, empty, late.
        ("", Fault.badPseudoField), (":method: GET\n:path: /\n", .badPseudoField),
        (":scheme: http\n:path: /\n", .badPseudoField),
        (":method: GET\n:scheme: http\n", .badPseudoField), (usual + ":path: /\n", .badPseudoField),
        (usual + ":status: 200\n", .badPseudoField), (usual + ":x: y\n", .badPseudoField),
        (":method: GET\n:scheme: http\n:path: \n", .badPseudoField), (usual + "x: y\n:method: GET\n", .badPseudoField),
        (":method: \n:scheme: http\n:path: /\n", .badPseudoField), (usual + ":protocol: websocket\n", .badPseudoField),
        (":METHOD: GET\n:scheme: http\n:path: /\n", .badPseudoField),
        // A line within a line, in every place that there is.
        (":method: GET / HTTP/1.1␍␊x: y␍␊\n:scheme: http\n:path: /\n", .badMethod),
        (":method: GE T\n:scheme: http\n:path: /\n", .badMethod),
        (":method: GET␀\n:scheme: http\n:path: /\n", .badMethod),
        (":method: GET\n:scheme: http\n:path: / HTTP/1.1␍␊x: y\n", .badTarget),
        (":method: GET\n:scheme: http\n:path: /a b\n", .badTarget),
        (":method: GET\n:scheme: http\n:path: /a#b\n", .badTarget),
        (":method: GET\n:scheme: http\n:path: /a␀\n", .badTarget),
        (":method: GET\n:scheme: http\n:path: http://b/\n", .badTarget),
        (":method: GET\n:scheme: http\n:path: *\n", .badTarget),
        (":method: GET\n:scheme: http\n:path: a\n", .badTarget),
        (":method: GET\n:scheme: http\n:authority: a␍␊x: y\n:path: /\n", .badTarget),
        (":method: GET\n:scheme: http\n:authority: a b\n:path: /\n", .badTarget),
        (":method: GET\n:scheme: file\n:path: /\n", .badScheme),
        (":method: GET\n:scheme: http://x/\n:path: /\n", .badScheme),
        (usual + "x: a␍␊y: b\n", .badFieldValue), (usual + "x: a␊\n", .badFieldValue),
        (usual + "x: a␍b\n", .badFieldValue),
        (usual + "x: a␀b\n", .badFieldValue), (usual + "x: ␠a\n", .badFieldValue), (usual + "x: a␠\n", .badFieldValue),
        (usual + "x: a␉\n", .badFieldValue), (usual + "cookie: a␍␊b: c\n", .badFieldValue),
        // Names that are none, or that others take for one that is.
        (usual + "X: y\n", .badFieldName), (usual + "xZ: y\n", .badFieldName), (usual + "Cookie: y\n", .badFieldName),
        (usual + "cOokie: y\n", .badFieldName),
        (usual + "Host: a.test\n", .badFieldName), (usual + "x y: z\n", .badFieldName),
        (usual + "transfer-encoding : chunked\n", .badFieldName),
        (usual + "content\u{e9}: y\n", .badFieldName), (usual + " x: y\n", .badFieldName),
        // What is about the connection.
        (usual + "connection: close\n", .connectionField), (usual + "keep-alive: timeout=5\n", .connectionField),
        (usual + "proxy-connection: close\n", .connectionField),
        (usual + "transfer-encoding: chunked\n", .connectionField),
        (usual + "transfer-encoding: identity\n", .connectionField), (usual + "upgrade: h2c\n", .connectionField),
        (usual + "te: gzip\n", .connectionField), (usual + "te: trailers, gzip\n", .connectionField),
        (usual + "http2-settings: AAA\n", .connectionField),
        // Two hosts.
        (usual + "host: b.test\n", .twoHosts), (usual + "host: a.test:443\n", .twoHosts),
        (usual + "host: \n", .twoHosts),
        (":method: GET\n:scheme: http\n:authority: u@a\n:path: /\n", .userInformation),
        // CONNECT with what does not belong to it.
        (":method: CONNECT\n:scheme: http\n:authority: a:1\n:path: /\n", .badMethod),
        (":method: CONNECT\n", .badMethod),
        (":method: CONNECT\n:authority: \n", .badMethod),
    ]

    @Test(arguments: refused)
    func whatOnlyOneCanSayIsRefused(_ fields: String, _ fault: Fault) {
        #expect(throws: fault) { try Self.text(fields) }
    }

    static let responses: [(String, Result<String, Fault>)] = [
        (":status: 200\ncontent-type: a\n", Result<String, Fault>.success("HTTP/1.1 200 \r\ncontent-type: a\r\n\r\n")),
        (
            ":status: 200\nset-cookie: a\nset-cookie: b\ncookie: c\n",
            .success("HTTP/1.1 200 \r\nset-cookie: a\r\nset-cookie: b\r\ncookie: c\r\n\r\n")
        ),
        ("x: y\n", .failure(.badPseudoField)), (":status: 20\n", .failure(.badStatus)),
        (":status: 101\n", .failure(.badStatus)),
        (":status: 099\n", .failure(.badStatus)),
        (":status: 2000\n", .failure(.badStatus)), (":status: 200 OK\n", .failure(.badStatus)),
        (":status: 200\n:status: 200\n", .failure(.badPseudoField)),
        (":status: 200\n:path: /\n", .failure(.badPseudoField)),
        (":status: 200\nconnection: close\n", .failure(.connectionField)),
    ]

    @Test(arguments: responses)
    func responsesAreHeadsAsWell(_ fields: String, _ expected: Result<String, Fault>) {
        #expect(Result { () throws(Fault) in try Self.text(fields, kind: .response) } == expected)
    }

    /// A protocol that was not announced is no field at all; one that was has a name.
    @Test func connectNamesAProtocolWhereItMay() throws {
        let fields = ":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /chat\n:authority: a\n"
        #expect(throws: Fault.badPseudoField) { try Self.text(fields) }
        let limits = HTTP2HeadText.Limits(allowsProtocol: true)
        #expect(try Self.text(fields, limits) == "CONNECT /chat HTTP/1.1\r\nhost: a\r\n\r\n")
        #expect(throws: Fault.badPseudoField) {
            try Self.text(fields.replacing("websocket", with: "web socket␍␊"), limits)
        }
    }

    /// A body that has no length is one of chunks in HTTP/1, where it would be the next request otherwise.
    @Test func whatIsFollowedByABodySaysSo() throws {
        let post = Self.usual.replacing("GET", with: "POST")
        #expect(try Self.text(post, endsStream: false).hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        #expect(!(try Self.text(post + "content-length: 3\n", endsStream: false)).contains("chunked"))
        #expect(!(try Self.text(post)).contains("chunked"))
    }

    @Test func trailersHaveFieldsAlone() throws {
        #expect(try Self.text("grpc-status: 0\n", isTrailer: true) == "grpc-status: 0\r\n\r\n")
        #expect(throws: Fault.badPseudoField) { try Self.text(":path: /\n", isTrailer: true) }
        #expect(throws: Fault.connectionField) { try Self.text("transfer-encoding: chunked\n", isTrailer: true) }
    }

    @Test func whatIsTooLargeIsRefusedBeforeItTakesMemory() throws {
        let limits = HTTP2HeadText.Limits(bytes: 200, fields: 3, crumbs: 4)
        let field = "x: y\n"
        #expect(try Self.text(Self.usual + field + field + field, limits).count > 0)
        #expect(throws: Fault.tooManyFields) { try Self.text(Self.usual + field + field + field + field, limits) }
        #expect(throws: Fault.tooLarge) {
            try Self.text(Self.usual + "x: \(String(repeating: "y", count: 200))\n", limits)
        }
        #expect(throws: Fault.tooLarge) {
            try Self.text(":method: GET\n:scheme: http\n:path: /\(String(repeating: "y", count: 200))\n", limits)
        }
        // Pieces of cookies have a number of their own.
        let crumbs = String(repeating: "cookie: a=b\n", count: 4)
        #expect(
            try Self.text(Self.usual + field + field + field + crumbs, limits).hasSuffix("a=b; a=b; a=b; a=b\r\n\r\n"))
        #expect(throws: Fault.tooManyFields) { try Self.text(Self.usual + crumbs + "cookie: a=b\n", limits) }
        for count in 0..<120 {
            let fields =
                Self.usual
                + "cookie: \(String(repeating: "c", count: count))\nx: \(String(repeating: "y", count: 60))\n"
            let text = try? Self.text(fields, limits)
            #expect(text.map { $0.utf8.count <= 200 } ?? true)
        }
    }

    /// One after the other says the same as each by itself.
    @Test func aHeadLeavesNothingToTheNext() throws {
        var head = HTTP2HeadText(.request)
        for lines in [Self.usual + "cookie: a\n", Self.usual + "X: bad\n", Self.usual] {
            head.begin(isTrailer: false)
            for line in lines.split(separator: "\n") {
                let colon = line.dropFirst().firstIndex(of: ":")!
                head.receive(
                    name: Array(line[..<colon].utf8).span, value: Array(line[colon...].dropFirst(2).utf8).span,
                    isSecret: false)
            }
            let text = try? head.finish(endsStream: true)
            #expect((text == nil) == lines.contains("X"))
        }
        #expect(head.written.count == "GET /x?y HTTP/1.1\r\nhost: a.test\r\n\r\n".utf8.count)
    }

    /// Whatever is given, a text that comes out is one head to the parser of HTTP/1, and has no more lines than it was given fields.
    @Test func whatComesOutIsOneHead() throws {
        var generator = SystemRandomNumberGenerator()
        let names = [
            ":method", ":path", ":scheme", ":authority", "host", "cookie", "x", "content-length", "te", "connection",
            ":x", "X",
        ]
        let values = ["GET", "/", "https", "a", "a.test", "1", "", "trailers", "a\r\nb: c", "POST", "*", "http"]
        var texts = 0
        for _ in 0..<20_000 {
            var head = HTTP2HeadText(.request)
            head.begin(isTrailer: false)
            let usual = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]
            let odd = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                (names.randomElement(using: &generator)!, values.randomElement(using: &generator)!)
            }
            let fields = usual.filter { _ in Int.random(in: 0..<12, using: &generator) > 0 } + odd
            for (name, value) in fields {
                head.receive(name: Array(name.utf8).span, value: Array(value.utf8).span, isSecret: false)
            }
            guard let count = try? head.finish(endsStream: true) else { continue }
            texts += 1
            var table = FieldTable()
            let bytes = head.written
            do throws(Reason) {
                let parsed = try RequestHead.parse(bytes, limits: HeadLimits(), into: &table)
                #expect(parsed?.end == count)
                #expect(table.count <= fields.count)
            } catch {
                #expect(
                    [
                        .missingHost, .repeatedHost, .badHost, .badContentLength, .conflictingContentLength,
                        .methodNotAllowed,
                    ].contains(error))
            }
        }
        #expect(texts > 2_000)
    }
}
