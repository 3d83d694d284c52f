import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import Testing

/// What `cors` says of a request, and which lines go with which response.
@Suite struct CrossOriginPolicyTests {
    static let app = OriginPattern.exact(Array("https://app.test".utf8))
    static let below = OriginPattern.parts(
        OriginParts(scheme: Array("https".utf8), host: .suffix(Array(".app.test".utf8))))

    /// What is said of a request, and the lines that are written for it.
    static func said(
        _ rules: CrossOriginRules, _ request: String
    ) throws -> (answer: CrossOriginAnswer, lines: [String]) {
        var planned = try PlannedRequest(request, routes: [Route(name: "r", pool: 0)])
        let policy = CrossOriginPolicy(rules)
        let bytes = planned.desk.head
        let answer = policy.answer(to: &planned.hand, bytes.span)
        planned.desk.beginWriting()
        if answer.isPreflight {
            policy.writePreflight(answer, to: &planned.desk, of: &planned.hand)
        } else {
            policy.write(answer, to: &planned.desk, from: .head)
        }
        let written = String(decoding: planned.desk.written, as: UTF8.self)
        #expect(written.isEmpty || written.hasSuffix("\r\n"))
        return (answer, written.split(separator: "\r\n").map(String.init))
    }

    static let vary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

    // MARK: Requests

    @Test func anAllowedOriginIsNamed() throws {
        let said = try Self.said(CrossOriginRules(origins: [Self.app]), "GET /\nOrigin: https://app.test")
        #expect(said.answer.isAllowed && !said.answer.isPreflight)
        #expect(said.lines == ["Access-Control-Allow-Origin: https://app.test"])
    }

    @Test func everythingThatMayBeSaid() throws {
        let rules = CrossOriginRules(
            origins: [Self.app, Self.below], methods: ["GET", "PUT"], headers: .these(["Content-Type", "X-A"]),
            exposed: ["X-Id", "ETag"], allowsCredentials: true, maxAge: .seconds(600))
        #expect(
            try Self.said(rules, "GET /\nOrigin: https://x.app.test").lines == [
                "Access-Control-Allow-Origin: https://x.app.test", "Access-Control-Allow-Credentials: true",
                "Access-Control-Expose-Headers: X-Id, ETag",
            ])
        #expect(
            try Self.said(rules, "OPTIONS /\nOrigin: https://x.app.test\nAccess-Control-Request-Method: PUT").lines == [
                "Access-Control-Allow-Origin: https://x.app.test", "Access-Control-Allow-Credentials: true",
                "Access-Control-Allow-Methods: GET, PUT", "Access-Control-Allow-Headers: Content-Type, X-A",
                "Access-Control-Max-Age: 600", Self.vary,
            ])
    }

    @Test(arguments: [
        "", "\nOrigin: null", "\nOrigin: https://evil.test", "\nOrigin: https://app.test\nOrigin: https://app.test",
        "\nOrigin: https://app.test\norigin: https://evil.test", "\nOrigin:", "\nOrigin: https://app.test/",
        "\nOrigin: https://app.test, https://app.test", "\nConnection: Origin\nOrigin: https://app.test",
    ])
    func nobodyElseIsNamed(fields: String) throws {
        let said = try Self.said(CrossOriginRules(origins: [Self.app, Self.below]), "GET /\(fields)")
        #expect(!said.answer.isAllowed && said.lines.isEmpty)
    }

    /// With credentials, `*` would let every page read what its user sees who is logged in.
    @Test func credentialsNeverGoWithEveryOrigin() throws {
        let open = CrossOriginRules(origins: [.any], allowsCredentials: true)
        for request in ["GET /\nOrigin: https://a.test", "GET /\nOrigin: null"] {
            #expect(try Self.said(open, request).lines == ["Access-Control-Allow-Origin: *"])
        }
        let preflight = try Self.said(open, "OPTIONS /\nOrigin: https://a.test\nAccess-Control-Request-Method: PUT")
        #expect(!preflight.lines.contains { $0.contains("Credentials") })
    }

    // MARK: Preflights

    /// A preflight is OPTIONS with an origin and the method that is meant; all else goes on.
    @Test(arguments: [
        ("OPTIONS /\nOrigin: https://app.test\nAccess-Control-Request-Method: GET", true),
        ("OPTIONS *\nOrigin: https://app.test\nAccess-Control-Request-Method: GET", true),
        ("OPTIONS /\nOrigin: https://evil.test\nAccess-Control-Request-Method: PUT", true),
        ("OPTIONS /\nOrigin: null\nAccess-Control-Request-Method: PUT", true),
        ("OPTIONS /\nOrigin: a\nOrigin: b\nAccess-Control-Request-Method: PUT", true),
        ("OPTIONS /\nOrigin: https://app.test\naccess-control-request-method:", true),
        ("OPTIONS /\nOrigin: https://app.test", false), ("OPTIONS /\nAccess-Control-Request-Method: PUT", false),
        ("GET /\nOrigin: https://app.test\nAccess-Control-Request-Method: PUT", false),
        ("POST /\nOrigin: https://app.test\nAccess-Control-Request-Method: PUT", false), ("OPTIONS /", false),
    ])
    func preflights(request: String, isOne: Bool) throws {
        #expect(try Self.said(CrossOriginRules(origins: [Self.app]), request).answer.isPreflight == isOne)
    }

    @Test func arefusedPreflightSaysNothingButWhatItVariesWith() throws {
        let said = try Self.said(
            CrossOriginRules(origins: [Self.app], allowsCredentials: true),
            "OPTIONS /\nOrigin: https://evil.test\nAccess-Control-Request-Method: PUT\nAccess-Control-Request-Headers: x-a"
        )
        #expect(said.lines == [Self.vary])
    }

    static func allowed(_ asked: String) throws -> String? {
        let lines = try said(
            CrossOriginRules(origins: [app]),
            "OPTIONS /\nOrigin: https://app.test\nAccess-Control-Request-Method: PUT\n\(asked)"
        ).lines
        #expect(lines.first == "Access-Control-Allow-Origin: https://app.test" && lines.last == vary)
        let all = lines.filter { $0.hasPrefix("Access-Control-Allow-Headers: ") }
        #expect(all.count <= 1)
        return all.first.map { String($0.dropFirst("Access-Control-Allow-Headers: ".count)) }
    }

    @Test func headersThatAreAskedForAreNamedOneByOne() throws {
        #expect(try Self.allowed("Access-Control-Request-Headers: content-type,x-a") == "content-type, x-a")
        #expect(try Self.allowed("Access-Control-Request-Headers:  a ,, b,\t") == "a, b")
        #expect(
            try Self.allowed("Access-Control-Request-Headers: a\nAccess-Control-Request-Headers: b") == "a, b")
        #expect(try Self.allowed("X-A: b") == nil)
        #expect(try Self.allowed("Access-Control-Request-Headers:") == nil)
        #expect(try Self.allowed("Access-Control-Request-Headers: ,, ,") == nil)
    }

    @Test func whatIsNotANameIsNotReflected() throws {
        for odd in ["a b", "a;b", "\"a\"", "a:b", "<script>", "a, (b)", "é", "a=b", "a/b"] {
            #expect(try Self.allowed("Access-Control-Request-Headers: x, \(odd)") == nil, "\(odd)")
        }
    }

    @Test func whatIsAskedForIsBounded() throws {
        let names = (0..<400).map { "x-\($0 + 1_000)" }
        #expect(try Self.allowed("Access-Control-Request-Headers: \(names.joined(separator: ","))") != nil)
        let more = (0..<600).map { "x-\($0 + 1_000)" }
        #expect(try Self.allowed("Access-Control-Request-Headers: \(more.joined(separator: ","))") == nil)
    }

    // MARK: Vary

    @Test(arguments: [
        ("", false), ("Vary: Accept-Encoding\r\n", false), ("Vary: Origin\r\n", true), ("vary: a, ORIGIN ,b\r\n", true),
        ("Vary: *\r\n", true), ("Vary: Accept\r\nVary: Origin\r\n", true), ("Vary: X-Origin, Originator\r\n", false),
        ("X-Vary: Origin\r\n", false), ("Connection: vary\r\nVary: Origin\r\n", false),
    ])
    func whatVariesAlready(fields: String, varies: Bool) throws {
        var table = FieldTable()
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\(fields)\r\n".utf8)
        let limits = HeadLimits(bytes: 65_536, fields: 100)
        _ = try #require(try ResponseHead.parse(head.span, method: .get, limits: limits, into: &table))
        #expect(table.variesWithOrigin(in: head.span) == varies)
    }

    /// A rule that is added cannot be forgotten: such a route is not plain.
    @Test func aRouteWithItIsNotPlain() {
        var route = Route(name: "r", pool: 0)
        #expect(route.isPlain)
        route.cors = CrossOriginRules(origins: [Self.app])
        #expect(!route.isPlain)
        let snapshot = Snapshot(workers: 1, listeners: [], routes: [route], pools: [], endpoints: [])
        #expect(!RequestRules(snapshot).routes[0].isPlain)
        #expect(RequestRules(snapshot).crossOrigin(of: 0) != nil)
    }
}
