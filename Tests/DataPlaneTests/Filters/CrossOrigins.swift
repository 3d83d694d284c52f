import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// `cors`: which pages may read a route's responses, and what their browsers are told.
@Suite struct CrossOrigins {
    static let rules = CrossOriginRules(
        origins: [
            .exact(bytes("https://app.test")),
            .parts(OriginParts(scheme: bytes("https"), host: .suffix(bytes(".app.test")))),
        ],
        exposed: ["X-Id"], allowsCredentials: true, maxAge: .seconds(60))

    static func proxy(
        _ pools: [[any Addressed]], rules: CrossOriginRules = rules,
        configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Proxy {
        try Proxy(pools: pools) {
            var route = Route(name: "special", path: .prefix(bytes("/special")), pool: 0)
            route.cors = rules
            $0.routes = [route, Route(name: "*", pool: 0)]
            configure(&$0)
        }
    }

    static func ask(
        _ proxy: Proxy, _ line: String = "GET /special", _ origin: String? = "https://app.test", _ more: String = ""
    ) throws -> Response {
        let named = origin.map { "Origin: \($0)\r\n" } ?? ""
        let method = String(line.prefix { $0 != " " })
        return try proxy.exchange("\(line) HTTP/1.1\r\nHost: a\r\n\(named)\(more)\r\n", method: method)
    }

    static let preflight = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a,x-b\r\n"

    /// The fields that say who may read the response.
    static func said(_ response: Response) -> [String] {
        response.fields.lines.filter { $0.name.lowercased().hasPrefix("access-control-") }
            .map { "\($0.name): \($0.value)" }
    }

    static let allowed = [
        "Access-Control-Allow-Origin: https://app.test", "Access-Control-Allow-Credentials: true",
        "Access-Control-Expose-Headers: X-Id",
    ]

    // MARK: Preflights

    @Test func aPreflightIsAnswered() throws {
        let origin = try Origin()
        let proxy = try Self.proxy([[origin]])
        let client = try proxy.connect()
        for _ in 0..<2 {
            try client.send(
                "OPTIONS /special/x HTTP/1.1\r\nHost: a\r\nOrigin: https://x.app.test\r\n\(Self.preflight)\r\n")
            let response = try client.readResponse(to: "OPTIONS")
            #expect(response.status == 204 && response.phrase == "No Content")
            #expect(response.framing == .none && response.body.isEmpty && response.isComplete)
            #expect(response.reason == nil && response.fields["Date"] != nil)
            #expect(
                Self.said(response) == [
                    "Access-Control-Allow-Origin: https://x.app.test", "Access-Control-Allow-Credentials: true",
                    "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE",
                    "Access-Control-Max-Age: 60", "Access-Control-Allow-Headers: x-a, x-b",
                ])
            #expect(
                response.fields["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        }
        // The connection goes on, and the origin has heard of none of it.
        #expect(try client.get("/special").isGood)
        #expect(origin.requests.map(\.method) == ["GET"])
    }

    @Test(arguments: ["https://evil.test", "null", "https://app.test.evil.test", "HTTPS://APP.TEST"])
    func aRefusedPreflightIsAnsweredToo(stranger: String) throws {
        let origin = try Origin()
        let response = try Self.ask(try Self.proxy([[origin]]), "OPTIONS /special", stranger, Self.preflight)
        #expect(response.status == 204 && Self.said(response) == [])
        #expect(response.fields["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        #expect(origin.requests.isEmpty)
    }

    /// What has a body is answered as well, and what comes behind it is not taken for a part of it.
    @Test(arguments: [
        "Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ])
    func aPreflightWithABody(body: String) throws {
        let proxy = try Self.proxy([[try Origin()]])
        let client = try proxy.connect()
        try client.send(
            "OPTIONS /special HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n\(Self.preflight)\(body)"
                + "GET /special HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse(to: "OPTIONS").status == 204)
        #expect(try client.readResponse().isGood)
    }

    @Test func otherOptionsGoOn() throws {
        let origin = try Origin()
        let proxy = try Self.proxy([[origin]])
        #expect(try Self.ask(proxy, "OPTIONS /special").isGood)
        #expect(try Self.ask(proxy, "OPTIONS /special", nil, Self.preflight).isGood)
        #expect(try Self.ask(proxy, "OPTIONS /", "https://app.test", Self.preflight).isGood)
        #expect(origin.requests.count == 3)
    }

    // MARK: Responses of origins

    @Test func aResponseSaysWhoMayReadIt() throws {
        let origin = try Origin()
        let proxy = try Self.proxy([[origin]])
        let response = try Self.ask(proxy)
        #expect(response.isGood && Self.said(response) == Self.allowed && response.fields["Vary"] == "Origin")
        // The origin hears whom it is for.
        #expect(origin.requests[0].fields["Origin"] == "https://app.test")
        for other in [nil, "https://evil.test", "null"] {
            let response = try Self.ask(proxy, "GET /special", other)
            #expect(response.isGood && Self.said(response) == [] && response.fields["Vary"] == "Origin")
        }
        // Another route says nothing of it.
        let other = try Self.ask(proxy, "GET /")
        #expect(other.isGood && Self.said(other) == [] && other.fields["Vary"] == nil)
    }

    /// A stranger's request goes on: it is the browser that keeps the page from reading.
    @Test func aStrangersRequestGoesOn() throws {
        let origin = try Origin()
        let response = try Self.ask(
            try Self.proxy([[origin]]), "POST /special", "https://evil.test", "Content-Length: 0\r\n")
        #expect(response.isGood && origin.requests.map(\.method) == ["POST"])
    }

    @Test func whatTheOriginSaysOfItIsReplaced() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\naccess-control-allow-credentials: true\r\n"
                + "Access-Control-Allow-Methods: TRACE\r\nAccess-Control-Allow-Headers: *\r\n"
                + "Access-Control-Expose-Headers: Set-Cookie\r\nAccess-Control-Max-Age: 9\r\nX-Id: 7\r\n"
                + "Access_Control_Allow_Origin: b\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nok")
        let proxy = try Self.proxy([[origin]])
        let response = try Self.ask(proxy)
        #expect(response.isGood && Self.said(response) == Self.allowed)
        #expect(response.fields["X-Id"] == "7" && response.fields["Access_Control_Allow_Origin"] == nil)
        #expect(response.fields.all("Vary") == ["Accept", "Origin"])
        for other in [nil, "https://evil.test"] {
            #expect(Self.said(try Self.ask(proxy, "GET /special", other)) == [])
        }
        // Elsewhere it is the origin's own affair.
        #expect(Self.said(try Self.ask(proxy, "GET /")).count == 6)
    }

    @Test(arguments: ["Origin", "accept, origin", "*"]) func varyIsNotSaidTwice(said: String) throws {
        let origin = try Origin(answer: "HTTP/1.1 200 OK\r\nVary: \(said)\r\nContent-Length: 2\r\n\r\nok")
        #expect(try Self.ask(try Self.proxy([[origin]])).fields.all("Vary") == [said])
    }

    @Test func trailersSayNothingOfIt() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                + "Access-Control-Allow-Origin: *\r\nX-T: 1\r\n\r\n")
        let proxy = try Self.proxy([[origin]]) { $0.pool = { pool, _ in pool.passesTrailers = true } }
        let response = try Self.ask(proxy, "GET /special", "https://evil.test")
        #expect(response.text == "ok" && response.trailers.names == ["x-t"])
    }

    @Test func everyOriginIsAStar() throws {
        let proxy = try Self.proxy([[try Origin()]], rules: CrossOriginRules(origins: [.any], exposed: ["X-Id"]))
        for other in ["https://a.test", "null"] {
            let response = try Self.ask(proxy, "GET /special", other)
            #expect(
                Self.said(response) == ["Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: X-Id"])
            #expect(response.fields["Vary"] == "Origin")
        }
        let none = try Self.ask(proxy, "GET /special", nil)
        #expect(Self.said(none) == [] && none.fields["Vary"] == "Origin")
    }

    /// What the route adds to responses, and needs the request for, stands beside it.
    @Test func itStandsBesideTheRoutesOwnFields() throws {
        let proxy = try Self.proxy([[try Origin()]]) {
            $0.routes[0].responseFields = [
                .set(name: "X-Path", TextTemplate([.variable(.path)])),
                .add(name: "Vary", TextTemplate(literal: "Accept")),
            ]
        }
        let response = try Self.ask(proxy, "GET /special/x")
        #expect(Self.said(response) == Self.allowed && response.fields["X-Path"] == "/special/x")
        #expect(response.fields.all("Vary").sorted() == ["Accept", "Origin"])
    }

    // MARK: Answers of Apus's own

    /// A page must be able to read why it got nothing.
    @Test func failuresCanBeRead() throws {
        let proxy = try Self.proxy([[try RefusingPort()]]) {
            $0.limits.bodyBytes = 10
            $0.pool = { pool, _ in pool.retries.attempts = 1 }
        }
        let response = try Self.ask(proxy)
        expectMade(response, [.connectFailed])
        #expect(Self.said(response) == Self.allowed && response.fields["Vary"] == "Origin")
        let large = try Self.ask(proxy, "POST /special", "https://app.test", "Content-Length: 11\r\n")
        expectMade(large, [.bodyTooLarge])
        #expect(Self.said(large) == Self.allowed)
        let stranger = try Self.ask(proxy, "GET /special", "https://evil.test")
        expectMade(stranger, [.connectFailed])
        #expect(Self.said(stranger) == [] && stranger.fields["Vary"] == "Origin")
    }

    @Test func limitsCanBeRead() throws {
        let gate = Gate()
        let origin = try RouteLimits.origin(gate)
        let proxy = try Self.proxy([[origin]]) {
            $0.routes[0].limits.requests = 1
            $0.routes[0].timeouts.responseHead = .seconds(30)
        }
        let held = try proxy.connect()
        try held.send("GET /special/held HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the request") { !$0.requests.isEmpty }
        let response = try Self.ask(proxy)
        expectMade(response, [.routeSaturated])
        #expect(Self.said(response) == Self.allowed)
        // A preflight takes no place.
        #expect(try Self.ask(proxy, "OPTIONS /special", "https://app.test", Self.preflight).status == 204)
        gate.open()
        #expect(try held.readResponse().isGood)
    }

    @Test func lateOriginsCanBeReadOf() throws {
        let proxy = try Self.proxy([[try Origin.silent()]]) { $0.timeouts.responseHead = .milliseconds(100) }
        let response = try Self.ask(proxy)
        expectMade(response, [.responseHeadTimeout])
        #expect(Self.said(response) == Self.allowed)
    }

    @Test func whatTheRouteAnswersCanBeRead() throws {
        let actions: [RouteAction] = [
            .respond(FixedResponse(status: 403, body: bytes("no"))),
            .redirect(Redirect(location: TextTemplate(literal: "/new"))),
        ]
        for action in actions {
            let proxy = try Self.proxy([[try Origin()]]) { $0.routes[0].action = action }
            let response = try Self.ask(proxy)
            #expect([403, 308].contains(response.status))
            #expect(Self.said(response) == Self.allowed && response.fields["Vary"] == "Origin")
            #expect(try Self.ask(proxy, "OPTIONS /special", "https://app.test", Self.preflight).status == 204)
        }
    }

    @Test func fallbacksCanBeRead() throws {
        let proxy = try Self.proxy([[try Origin()]]) {
            $0.weights = [0]
            $0.pool = { pool, _ in pool.fallback = .response(FallbackResponse(status: 503, body: bytes("later"))) }
        }
        let response = try Self.ask(proxy)
        #expect(response.status == 503 && response.text == "later" && Self.said(response) == Self.allowed)
    }

    // MARK: Over and over

    /// Buffers come back: more requests than there is memory for at once.
    @Test func nothingIsKept() throws {
        let proxy = try Self.proxy([[try Origin()]]) { $0.limits.bufferBytesPerWorker = 1 << 20 }
        let client = try proxy.connect()
        for number in 0..<3_000 {
            let origin = number % 3 == 0 ? "https://evil.test" : "https://app.test"
            try client.send("GET /special HTTP/1.1\r\nHost: a\r\nOrigin: \(origin)\r\n\r\n")
            #expect(try client.readResponse().isGood)
        }
    }

    /// What was said when the request came holds for its response, whatever a reload says meanwhile.
    @Test(.onOwnThreads) func aReloadBetweenRequestAndResponse() async throws {
        let gate = Gate()
        let origin = try RouteLimits.origin(gate)
        let proxy = try Self.proxy([[origin]])
        let held = try proxy.connect()
        try held.send("GET /special/held HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n\r\n")
        try origin.wait(for: "the request") { !$0.requests.isEmpty }
        try await proxy.reload { $0.listeners[0].routes[0].cors = nil }
        gate.open()
        let response = try held.readResponse()
        #expect(response.isGood && Self.said(response) == Self.allowed && response.fields["Vary"] == "Origin")
        #expect(Self.said(try Self.ask(proxy)) == [])
    }
}
