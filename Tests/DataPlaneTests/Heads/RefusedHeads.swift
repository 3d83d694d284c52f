import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Request heads that RFC 9112 sections 2 to 5 do not allow.
@Suite struct RefusedHeads {
    static let lineEnds = [
        BadInput("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLF),
        BadInput("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLF),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLF),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nX: b\n\n", .bareLF),
        BadInput("GET / HTTP/1.1\nHost: a\n\n", .bareLF),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n", .bareLF),
        BadInput("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLF, .badMethod, .badRequestLine),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", .bareCR),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", .bareCR),
        BadInput("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .bareCR),
        BadInput("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCR),
        BadInput("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", .bareCR),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\n\r\rX", .bareCR),
        BadInput("GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n", .bareCR),
        BadInput("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCR, .badMethod, .badRequestLine),
    ]

    @Test(arguments: lineEnds, Delivery.allCases)
    func linesEndInCRLFAndNothingElse(input: BadInput, delivery: Delivery) throws {
        try expectRefused(input, delivery)
    }

    static let fields = [
        BadInput("X: a\r\n b", .obsoleteLineFolding),
        BadInput("X: a\r\n\tb", .obsoleteLineFolding),
        BadInput("X: a\r\n Transfer-Encoding: chunked", .obsoleteLineFolding),
        BadInput("X: a\r\n ", .obsoleteLineFolding),
        BadInput("X : a", .spaceBeforeColon),
        BadInput("X\t: a", .spaceBeforeColon),
        BadInput("Content-Length : 5", .spaceBeforeColon),
        BadInput("Transfer-Encoding : chunked", .spaceBeforeColon),
        BadInput(": a", .badFieldName),
        BadInput("X", .badFieldName),
        BadInput("X Y: a", .badFieldName, .spaceBeforeColon),
        BadInput("X(: a", .badFieldName),
        BadInput("X@Y: a", .badFieldName),
        BadInput("X/Y: a", .badFieldName),
        BadInput("\"X\": a", .badFieldName),
        BadInput("X\u{0}: a", .badFieldName),
        BadInput("X\u{1}: a", .badFieldName),
        BadInput("X\u{7f}: a", .badFieldName),
        BadInput("X\u{80}: a", .badFieldName),
        BadInput("X\u{ff}: a", .badFieldName),
        BadInput("Transfer-Encoding\u{0}: chunked", .badFieldName),
        BadInput("X: a\u{0}", .badFieldValue),
        BadInput("X: a\u{0}b", .badFieldValue),
        BadInput("X: \u{1}", .badFieldValue),
        BadInput("X: a\u{8}b", .badFieldValue),
        BadInput("X: a\u{b}b", .badFieldValue),
        BadInput("X: a\u{c}b", .badFieldValue),
        BadInput("X: a\u{1f}b", .badFieldValue),
        BadInput("X: a\u{7f}b", .badFieldValue),
        BadInput("Transfer-Encoding: \u{b}chunked", .badFieldValue),
        BadInput("Transfer-Encoding: chunked\u{0}", .badFieldValue),
    ]

    @Test(arguments: fields, Delivery.allCases)
    func fieldLinesAreTakenByTheLetter(line: BadInput, delivery: Delivery) throws {
        var input = line
        input.text = "GET / HTTP/1.1\r\nHost: a\r\n" + line.text + "\r\nY: c\r\n\r\n"
        try expectRefused(input, delivery)
    }

    /// RFC 9112 section 2.2: whitespace between the start line and the first field.
    @Test(arguments: [" Host: a", "\tHost: a", " \r\nHost: a"])
    func theFirstFieldLineIsNotFolded(line: String) throws {
        try expectRefused(
            BadInput("GET / HTTP/1.1\r\n\(line)\r\n\r\n", .obsoleteLineFolding, .badFieldName, .badRequestLine))
    }

    static let requestLines = [
        BadInput("GET  / HTTP/1.1", .badRequestLine, .badTarget, .badVersion),
        BadInput("GET /  HTTP/1.1", .badRequestLine, .badTarget, .badVersion),
        BadInput("GET\t/ HTTP/1.1", .badRequestLine, .badMethod),
        BadInput("GET /\tHTTP/1.1", .badRequestLine, .badTarget, .badVersion),
        BadInput("GET / HTTP/1.1 ", .badRequestLine, .badVersion),
        BadInput("GET / HTTP/1.1\t", .badRequestLine, .badVersion),
        BadInput("GET /a b HTTP/1.1", .badRequestLine, .badTarget, .badVersion),
        BadInput(" GET / HTTP/1.1", .badRequestLine, .badMethod),
        BadInput(" / HTTP/1.1", .badRequestLine, .badMethod),
        BadInput("/ HTTP/1.1", .badRequestLine, .badMethod, .badTarget),
        BadInput("GET HTTP/1.1", .badRequestLine, .badTarget),
        BadInput("GET", .badRequestLine, .badMethod),
        BadInput("GET /", .badRequestLine, .badVersion),
        BadInput("GET / ", .badRequestLine, .badVersion),
        BadInput("G\u{0}T / HTTP/1.1", .badMethod, .badRequestLine),
        BadInput("G@T / HTTP/1.1", .badMethod, .badRequestLine),
        BadInput("G\u{e9}T / HTTP/1.1", .badMethod, .badRequestLine),
        BadInput("GET: / HTTP/1.1", .badMethod, .badRequestLine),
        BadInput("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}", .tlsOnPlainHTTP),
        BadInput("\u{16}GET / HTTP/1.1", .badMethod, .badRequestLine),
    ]

    @Test(arguments: requestLines, Delivery.allCases)
    func requestLinesAreTakenByTheLetter(line: BadInput, delivery: Delivery) throws {
        var input = line
        input.text += "\r\nHost: a\r\n\r\n"
        try expectRefused(input, delivery)
    }

    static let versions = [
        BadInput("HTTP/2.0", .badVersion),
        BadInput("HTTP/3.0", .badVersion),
        BadInput("HTTP/0.9", .badVersion),
        BadInput("HTTP/2.1", .badVersion),
        BadInput("HTTP/9.9", .badVersion),
        BadInput("http/1.1", .badVersion, .badRequestLine),
        BadInput("Http/1.1", .badVersion, .badRequestLine),
        BadInput("HTTP/1.1x", .badVersion, .badRequestLine),
        BadInput("HTTP/1.10", .badVersion, .badRequestLine),
        BadInput("HTTP/01.1", .badVersion, .badRequestLine),
        BadInput("HTTP/1", .badVersion, .badRequestLine),
        BadInput("HTTP/11", .badVersion, .badRequestLine),
        BadInput("HTTP/1.", .badVersion, .badRequestLine),
        BadInput("HTTP/+1.1", .badVersion, .badRequestLine),
        BadInput("HTTPS/1.1", .badVersion, .badRequestLine),
        BadInput("HTTP-1.1", .badVersion, .badRequestLine),
        BadInput("HTTP/1.\u{0}", .badVersion, .badRequestLine),
        BadInput("ICAP/1.0", .badVersion, .badRequestLine),
    ]

    @Test(arguments: versions, Delivery.allCases)
    func onlyTwoVersionsAreSpoken(version: BadInput, delivery: Delivery) throws {
        var input = version
        input.text = "GET / \(version.text)\r\nHost: a\r\n\r\n"
        try expectRefused(input, delivery)
    }

    @Test func theHTTP2PrefaceIsAnUnknownVersion() throws {
        try expectRefused(BadInput("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .badVersion))
    }

    /// RFC 9112 section 2.2: an empty line before the request line is what some clients send after a body.
    @Test func oneEmptyLineBeforeTheRequestIsLetPass() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().isGood)
        try client.send(
            "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().isGood)
        #expect(try client.readResponse().isGood)
        try client.sendSlowly("\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map(\.target) == ["/1", "/2", "/3", "/4"])
    }

    @Test func whatTheGrammarAllowsIsLetPass() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.clientFields.keepsUnderscores = true }
        let odd = "!#$%&'*+-.^_`|~09azAZ"
        let response = try proxy.exchange(
            "\(odd) / HTTP/1.1\r\nHost:a\r\n\(odd):\t b\tc \u{80}\u{ff}\"(),/:;<=>?@[]{} \t\r\nEmpty:\r\n\r\n")
        #expect(response.isGood)
        let request = try #require(origin.requests.first)
        #expect(request.method == odd)
        #expect(request.fields[odd] == "b\tc \u{80}\u{ff}\"(),/:;<=>?@[]{}")
        #expect(request.fields["Empty"]?.isEmpty == true)
        #expect(request.fields["Host"] == "a")
    }
}
