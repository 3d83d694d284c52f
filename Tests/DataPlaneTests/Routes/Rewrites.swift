import ApusHTTP
import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// What a route changes of the requests and responses that pass.
@Suite struct Rewrites {
    static func proxy(
        _ origin: Origin, path: PathPattern = .any, configure: (inout Proxy.Configuration) -> Void = { _ in },
        _ change: (inout Route) throws -> Void
    ) throws -> Proxy {
        var route = Route(name: "r", path: path, pool: 0)
        try change(&route)
        return try Proxy(origin) {
            $0.routes = [route]
            configure(&$0)
        }
    }

    static func text(_ text: String) -> TextTemplate { TextTemplate(literal: text) }

    // MARK: The path and the host

    @Test(arguments: [
        ("/v1", "/new", "/v1/a?b", "/new/a?b"), ("/v1", "/new", "/v1", "/new"), ("/v1", "/new/", "/v1/a", "/new/a"),
        ("/v1", "/", "/v1/a/?b", "/a/?b"), ("/v1", "/", "/v1", "/"), ("/v1", "/", "/v1?b", "/?b"),
        ("/v1/", "/", "/v1/", "/"), ("/v1/", "/new", "/v1/a", "/new/a"), ("/", "/new", "/a", "/new/a"),
        ("/v1", "/new", "/v1/x/../a", "/new/a"), ("/v1", "/new", "http://b/v1/a?c", "/new/a?c"),
        ("/", "/new", "http://b?c", "/new/?c"),
    ])
    func prefixesAreReplaced(prefix: String, new: String, sent: String, received: String) throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin, path: .prefix(bytes(prefix))) { $0.rewrite = .prefix(bytes(new)) }
        let client = try proxy.connect()
        for _ in 0..<2 { #expect(try client.get(sent).isGood) }
        #expect(origin.requests.map(\.target) == [received, received])
    }

    @Test func pathsAreMadeOfCaptures() throws {
        let origin = try Origin()
        let pattern = PathPattern.regex(try RegularExpression("^/(?<kind>[a-z]+)s/(?<id>[0-9]+)$"))
        let proxy = try Self.proxy(origin, path: pattern) {
            $0.rewrite = .template(
                TextTemplate([
                    .literal(bytes("/")), .variable(.method), .literal(bytes("/")), .variable(.capture("id")),
                    .literal(bytes("/")), .variable(.capture("kind")),
                ]))
        }
        #expect(try proxy.get("/users/12?x=y").isGood)
        #expect(origin.requests.map(\.target) == ["/GET/12/user?x=y"])
    }

    @Test func theAsteriskIsNoPath() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) { $0.rewrite = .template(Self.text("/new")) }
        #expect(try proxy.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
        #expect(try proxy.exchange("OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
        #expect(origin.requests.map(\.target) == ["*", "/new"])
    }

    @Test(arguments: ["GET /a HTTP/1.1\r\nHost: a:81", "GET http://a:81/a HTTP/1.1\r\nHost: b", "GET /a HTTP/1.0"])
    func theHostIsReplaced(head: String) throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) {
            $0.hostRewrite = TextTemplate([.literal(bytes("in.")), .variable(.host), .literal(bytes(":9"))])
        }
        #expect(try proxy.exchange("\(head)\r\n\r\n").isGood)
        let fields = try #require(origin.requests.first).fields
        #expect(fields["Host"] == (head.hasSuffix("1.0") ? "in.:9" : "in.a:9"))
        // Who was asked for is still to be seen.
        #expect(fields["X-Forwarded-Host"] == (head.hasSuffix("1.0") ? nil : "a:81"))
    }

    @Test(arguments: [
        ("id", "u@evil"), ("id", "a:b:c"), ("id", "["), ("id", "a:99999"), ("id", "a,b"), ("id", ""),
    ])
    func aHostThatAClientCouldNotSendIsNotWritten(capture: String, sent: String) throws {
        let origin = try Origin()
        let pattern = PathPattern.regex(try RegularExpression("^/(?<id>.*)$"))
        let proxy = try Self.proxy(origin, path: pattern) {
            $0.hostRewrite = TextTemplate([.variable(.capture(capture))])
        }
        let response = try proxy.get("/\(sent)")
        #expect(response.status == 400 && response.reason == "bad_rewrite")
        #expect(origin.requests.isEmpty)
        #expect(try proxy.get("/a.test:81").isGood)
    }

    @Test(arguments: [
        ("/files/{id}", "/v/.", false), ("/files/.{id}", "/v/.", true), ("/{id}", "/v//evil", false),
        ("/{id}", "/v/\\evil", true), ("/{id}/x", "/v/..", false), ("/a/{id}", "/v/b", false),
        ("/a/{id}", "/v//b", false), ("/a/.{id}/b", "/v/%2e", true), ("/a/.{id}/b", "/v/.;c", true),
    ])
    func aPathThatRoutesDidNotSeeIsNotWritten(template: String, sent: String, isRefused: Bool) throws {
        let origin = try Origin()
        let pattern = PathPattern.regex(try RegularExpression("^/v/(?<id>.*)$|^/"))
        let parts = template.split(separator: "{id}", omittingEmptySubsequences: false).map(String.init)
        let proxy = try Self.proxy(origin, path: pattern) {
            $0.rewrite = .template(
                TextTemplate([
                    .literal(bytes(parts[0])), .variable(.capture("id")), .literal(bytes(parts[1])),
                ]))
        }
        let response = try proxy.get(sent)
        // Where the routes differ for the readings, that is said before.
        #expect((response.reason == "bad_rewrite" || response.reason == "ambiguous_path") == isRefused)
        #expect(origin.requests.isEmpty == isRefused)
    }

    /// In a request line `//` is a path, and object stores have such.
    @Test func aStrippedPrefixLeavesSlashes() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin, path: .prefix(bytes("/v1"))) { $0.rewrite = .prefix(bytes("/")) }
        #expect(try proxy.get("/v1//key/x").isGood)
        #expect(origin.requests.map(\.target) == ["//key/x"])
    }

    /// A method is a token, and so may have a `#` (RFC 9110 section 5.6.2).
    @Test func aMethodDoesNotCutThePath() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) {
            $0.rewrite = .template(TextTemplate([.literal(bytes("/")), .variable(.method), .literal(bytes("/x"))]))
        }
        #expect(try proxy.exchange("G#T /a HTTP/1.1\r\nHost: a\r\n\r\n").reason == "bad_rewrite")
        #expect(origin.requests.isEmpty)
    }

    @Test func aCaptureAddsNoAttributesToACookie() throws {
        let origin = try Origin()
        let pattern = PathPattern.regex(try RegularExpression("^/(?<id>.*)$"))
        let proxy = try Self.proxy(origin, path: pattern) {
            $0.responseFields = [
                .add(name: "Set-Cookie", TextTemplate([.literal(bytes("id=")), .variable(.capture("id"))]))
            ]
        }
        #expect(try proxy.get("/a").fields["Set-Cookie"] == "id=a")
        #expect(try proxy.get("/a;Domain=test").reason == "bad_rewrite")
    }

    @Test(arguments: [("/v1", "/v1"), ("/v1/", "/v1"), ("/", nil)])
    func theOriginLearnsWhichPrefixWasStripped(prefix: String, told: String?) throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin, path: .prefix(bytes(prefix))) { $0.rewrite = .prefix(bytes("/")) }
        let client = try proxy.connect()
        try client.send("GET /v1/a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Prefix: /evil\r\n\r\n")
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.first?.fields.all("X-Forwarded-Prefix") == (told.map { [$0] } ?? []))
    }

    @Test func aRouteMaySayThePrefixAndThePortItself() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin, path: .prefix(bytes("/v1"))) {
            $0.rewrite = .prefix(bytes("/"))
            $0.requestFields = [
                .set(name: "X-Forwarded-Prefix", Self.text("/x")), .set(name: "x_forwarded_port", Self.text("1")),
            ]
        }
        #expect(try proxy.get("/v1/a").isGood)
        let fields = try #require(origin.requests.first).fields
        #expect(fields.all("X-Forwarded-Prefix") == ["/x"])
        #expect(fields["X-Forwarded-Port"] == nil && fields["x_forwarded_port"] == "1")
    }

    // MARK: Fields

    /// Where a route sets or removes a field, no other spelling of its name goes past it.
    @Test func twinsOfFieldsThatARouteChangesAreRemoved() throws {
        let origin = try Origin()
        let keep: (inout Proxy.Configuration) -> Void = { $0.clientFields.keepsUnderscores = true }
        let proxy = try Self.proxy(origin, configure: keep) {
            $0.requestFields = [.set(name: "X-User", Self.text("u")), .remove(name: "X_Team")]
        }
        let client = try proxy.connect()
        try client.send(
            "GET / HTTP/1.1\r\nHost: a\r\nX_User: 1\r\nX.User: 2\r\nx-user: 3\r\nX-Team: 4\r\nX_TEAM: 5\r\nX_A: 6\r\n\r\n"
        )
        #expect(try client.readResponse().isGood)
        let fields = try #require(origin.requests.first).fields
        #expect(fields.all("X-User") == ["u"] && fields["X_User"] == nil && fields["X.User"] == nil)
        #expect(fields["X-Team"] == nil && fields["X_Team"] == nil && fields["X_A"] == "6")
    }

    @Test(arguments: ["Content_Length", "transfer.encoding", "Keep_Alive"])
    func framingIsNotEditedInAnySpelling(name: String) throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) { $0.requestFields = [.set(name: name, Self.text("7"))] }
        #expect(try proxy.get("/").isGood)
        #expect(origin.requests.first?.fields[name] == nil)
    }

    @Test func fieldsOfRequestsAreSetAddedAndRemoved() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) {
            $0.requestFields = [
                .set(name: "X-Set", TextTemplate([.variable(.client), .literal(bytes(" of ")), .variable(.host)])),
                .add(name: "X-Add", Self.text("two")), .remove(name: "x-REMOVE"), .set(name: "X-New", Self.text("n")),
            ]
        }
        let client = try proxy.connect()
        for _ in 0..<2 {
            try client.send(
                "GET / HTTP/1.1\r\nHost: a\r\nx-set: old\r\nX-Remove: x\r\nX-Keep: k\r\nX-Add: one\r\nX-SET: older\r\n"
                    + "X-Remove: y\r\n\r\n")
            #expect(try client.readResponse().isGood)
        }
        for request in origin.requests {
            #expect(request.fields.all("X-Set") == ["127.0.0.1 of a"] && request.fields.all("X-Remove") == [])
            #expect(request.fields.all("X-Add") == ["one", "two"] && request.fields["X-New"] == "n")
            #expect(request.fields["X-Keep"] == "k" && request.fields["X-Forwarded-For"] == "127.0.0.1")
        }
    }

    @Test func theFieldsThatApusAddsCanBeReplaced() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) {
            $0.requestFields = [
                .set(name: "X-Forwarded-Proto", Self.text("https")), .remove(name: "X-Forwarded-Host"),
                .set(name: "X-Forwarded-For", TextTemplate([.variable(.client)])), .remove(name: "Via"),
            ]
        }
        #expect(try proxy.get().isGood)
        let fields = try #require(origin.requests.first).fields
        #expect(fields.all("X-Forwarded-Proto") == ["https"] && fields.all("X-Forwarded-Host") == [])
        #expect(fields.all("X-Forwarded-For") == ["127.0.0.1"])
        #expect(fields.all("Via") == [] && fields.all("Apus-Loop").count == 1)
    }

    /// What frames a message is not a route's to change.
    @Test func framingCannotBeEdited() throws {
        let origin = try Origin()
        let edits: [FieldEdit] = [
            .set(name: "Content-Length", Self.text("3")), .remove(name: "Transfer-Encoding"),
            .add(name: "Connection", Self.text("close")), .set(name: "Host", Self.text("b")),
        ]
        let proxy = try Self.proxy(origin) {
            $0.requestFields = edits
            $0.responseFields = edits
        }
        let client = try proxy.connect()
        for _ in 0..<2 {
            try client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            let response = try client.readResponse(to: "POST")
            #expect(response.isGood && !response.announcesClose)
        }
        #expect(origin.requests.map(\.text) == ["hello", "hello"] && origin.requests[0].fields["Host"] == "a")
    }

    @Test func fieldsOfResponsesAreSetAddedAndRemoved() throws {
        let origin = try Origin(
            answer: "HTTP/1.1 103 Early Hints\r\nServer: x\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nserver: x\r\nSet-Cookie: a\r\nX-Frame: y\r\nContent-Length: 2\r\n\r\nok")
        let proxy = try Self.proxy(origin) {
            $0.responseFields = [
                .remove(name: "Server"),
                .set(name: "X-Frame", TextTemplate([.literal(bytes("at ")), .variable(.path)])),
                .add(name: "Set-Cookie", Self.text("b")),
            ]
        }
        let client = try proxy.connect()
        // The request is long gone when its path is asked for, and others have come.
        for number in 0..<3 {
            try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\nGET /x\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
            for path in ["/\(number)", "/x\(number)"] {
                var response = try client.readResponse()
                if response.status == 103 { response = try client.readResponse() }
                #expect(response.fields["X-Frame"] == "at \(path)" && response.fields["Server"] == nil)
                #expect(response.fields.all("Set-Cookie") == ["a", "b"] && response.text == "ok")
            }
        }
    }

    /// Apus's own answers are not an origin's.
    @Test func refusalsAreLeftAlone() throws {
        let proxy = try Proxy(try RefusingPort()) {
            var route = Route(name: "r", pool: 0)
            route.responseFields = [
                .set(name: "X-A", Self.text("b")), .set(name: "X-P", TextTemplate([.variable(.path)])),
            ]
            $0.routes = [route]
        }
        let client = try proxy.connect()
        for _ in 0..<3 {
            let response = try client.get()
            expectMade(response, [.connectFailed])
            #expect(response.fields["X-A"] == nil)
        }
    }

    @Test func aRewriteThatWouldBeTooLargeIsRefused() throws {
        let origin = try Origin()
        let proxy = try Self.proxy(origin) {
            $0.requestFields = (0..<40).map { .add(name: "X-\($0)", TextTemplate([.variable(.path)])) }
        }
        let client = try proxy.connect()
        let response = try client.get("/" + String(repeating: "a", count: 5000))
        expectMade(response, [.headTooLarge])
        #expect(response.announcesClose)
        #expect(try proxy.get("/a").isGood)
        #expect(origin.requests.count == 1)
    }

    /// What was rewritten is what is sent again, with its body.
    @Test(arguments: ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"])
    func aRetrySendsWhatWasRewritten(body: String) throws {
        let busy = try Origin(answer: Retries.unavailable)
        let fine = try Origin()
        let proxy = try Proxy(busy, fine) {
            var route = Route(name: "r", path: .prefix(bytes("/v1")), pool: 0)
            route.rewrite = .prefix(bytes("/"))
            route.requestFields = [.set(name: "X-A", TextTemplate([.variable(.path)]))]
            route.responseFields = [.set(name: "X-B", TextTemplate([.variable(.rest)]))]
            $0.routes = [route]
            $0.pool = { pool, _ in
                Retries.freely(&pool.retries)
                pool.retries.statuses = [503]
            }
        }
        let client = try proxy.connect()
        for _ in 0..<4 {
            try client.send("PUT /v1/a HTTP/1.1\r\nHost: a\r\n\(body)")
            let response = try client.readResponse(to: "PUT")
            #expect(response.isGood && response.fields["X-B"] == "/a")
        }
        for request in busy.requests + fine.requests {
            #expect(request.target == "/a" && request.fields["X-A"] == "/v1/a" && request.text == "hello")
        }
        #expect(busy.requests.count == 4)
    }
}
