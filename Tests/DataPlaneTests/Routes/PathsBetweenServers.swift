import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// Paths go to the origin as they came, and only where every usual reading of them goes.
@Suite struct PathsBetweenServers {
    static let routes = [
        Route(name: "/private/*", path: .prefix(bytes("/private")), pool: 1), Route(name: "*", pool: 0),
    ]

    private struct Split {
        let open: Origin
        let closed: Origin
        let proxy: Proxy

        init(_ routes: [Route] = PathsBetweenServers.routes, _ paths: PathRule = .safe) throws {
            (open, closed) = (try Origin(), try Origin())
            proxy = try Proxy(pools: [[open], [closed]]) {
                $0.routes = routes
                $0.paths = paths
            }
        }
    }

    // MARK: What goes through

    /// Pipelined, so that what was written beside one request is not what the next one reads.
    @Test(arguments: [
        "/", "/a//b//", "//a", "/%7e%2D%41/%c3%a9", "/a%2fb", "/@scope%2fname", "/a\\b%5cc", "/a;b=c/d;e", "/a/./b",
        "/a/../b/", "/%2e%2e%2e", "/a%252fb", "/%zz%", "/a%20b", "/a/b;/..%2f..", "/..;/%5c\\%3b",
    ])
    func aPathIsForwardedByteForByte(path: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(String(repeating: "GET \(path)?q=/../%41 HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n", count: 3))
        for _ in 0..<3 { #expect(try client.readResponse().isGood) }
        #expect(origin.requests.map(\.target) == Array(repeating: "\(path)?q=/../%41", count: 3))
        #expect(origin.requests.allSatisfy { $0.fields["X-A"] == "b" && $0.fields["Host"] == "a" })
    }

    @Test(arguments: [
        "/private/a", "/%70rivate/a", "/private//a", "/private/a%2fb", "/private/x;y/z", "/private/a\\b",
        "/private/./a",
        "/private/a/../b", "/private/%2E%2e%2e",
    ])
    func readingsThatAgreeAreForwardedAsTheyCame(path: String) throws {
        let split = try Split()
        #expect(try split.proxy.connect().get(path).isGood)
        #expect(split.closed.requests.map(\.target) == [path])
        #expect(split.open.requests.isEmpty)
    }

    /// Routes that ask for nothing of paths cannot disagree about one.
    @Test func hostsAloneAreNotAskedTwice() throws {
        let routes = [
            Route(name: "b", host: .exact(bytes("b.test")), pool: 1), Route(name: "*", pool: 0),
            Route(name: "/never", path: .exact(bytes("/never")), pool: 1),
        ]
        let split = try Split(routes)
        let path = "/a/..;/%2f\\%5c;//%3b/../" + String(repeating: "x", count: 4000)
        #expect(try split.proxy.connect().get(path).isGood)
        #expect(split.open.requests.map(\.target) == [path])
    }

    // MARK: What does not

    @Test(arguments: [
        "//private/a", "/private%2fa", "/private%2Fa", "/private;x/a", "/private%3bx/a", "/private%5ca", "/private\\a",
        "/\\private/a", "/%5cprivate", "/x%2f..%2fprivate", "/x%2f../private", "/x/..%2fprivate", "/x;/../private",
        "/x;y/%2e%2e/private/a", "/.//private", "/;/private", "/x/..;/private/a", "/..;/private", "/x/../private",
        "/private/../x", "/private/..;/x", "/private%2f..%2fx", "/private/%2e%2e%2fx", "/a%5c..%5cprivate",
        "/x%5cy%2f..%2fprivate/a", "/private%2fx%5c..%5c..%5cy", "/x;a%2fb/..%2fprivate", "/private/..%5cx",
        "/private/a/..;/..;/b", "/a/..%2f..%2fb", "/./private%2f", "/private;", "/private%3b/..%2f",
    ])
    func readingsThatDisagreeAreRefused(path: String) throws {
        let split = try Split()
        let client = try split.proxy.connect()
        for target in [path, "http://a\(path)?q"] {
            let response = try client.get(target)
            expectMade(response, [.ambiguousPath])
            // Where the request ends is known.
            #expect(!response.announcesClose)
        }
        #expect(try client.get("/after").isGood)
        #expect(split.open.requests.map(\.target) == ["/after"])
        #expect(split.closed.requests.isEmpty)
        try split.proxy.eventually("the refusals to be counted") {
            split.proxy.dataPlane.total(split.proxy.layout.reason(.ambiguousPath, listener: 0)) == 2
        }
    }

    /// More readings than are compared, in kinds or in bytes.
    @Test(arguments: [
        "/public/a//b;c%2fd\\e/./f", "/public//" + String(repeating: "a/./", count: 4000 / 4 * 3) + "%2f",
    ])
    func tooManyReadingsAreRefused(path: String) throws {
        let split = try Split([Route(name: "/public/*", path: .prefix(bytes("/public")), pool: 1)])
        let limited = try Proxy(pools: [[split.open], [split.closed]]) {
            $0.routes = [Route(name: "/public/*", path: .prefix(bytes("/public")), pool: 1)]
            $0.limits.targetBytes = 16 << 10
        }
        expectMade(try limited.connect().get(path), [.ambiguousPath])
        #expect(split.closed.requests.isEmpty)
    }

    @Test(arguments: ["/..", "/a/../../b", "/%2e%2e/a", "http://a/../b"])
    func aboveTheRootIsNothing(path: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let response = try client.get(path)
        expectMade(response, [.badPath])
        #expect(!response.announcesClose)
        #expect(try client.get("/after").isGood)
        #expect(origin.requests.map(\.target) == ["/after"])
    }

    @Test(arguments: [PathRule.safe, .strict, .literal], ["/%00", "/a%0d%0aX:y", "/%1f/b", "/a%7F", "/private/a;%01"])
    func escapedControlCharactersAreRefused(rule: PathRule, path: String) throws {
        let split = try Split(Self.routes, rule)
        let client = try split.proxy.connect()
        expectMade(try client.get(path), [.badPath])
        // In a query they are text like any other.
        #expect(try client.get("/a?text=%0d%0a%00").isGood)
        #expect(split.open.requests.map(\.target) == ["/a?text=%0d%0a%00"])
        #expect(split.closed.requests.isEmpty)
    }

    // MARK: Tighter and looser

    @Test func strictRefusesWhatHasTwoReadings() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.paths = .strict }
        let client = try proxy.connect()
        for path in ["//a", "/a%2fb", "/a;b", "/a\\b", "/a%5cb", "/a%3bb", "/a/./b", "/a/../b", "/a//"] {
            expectMade(try client.get(path), [.ambiguousPath])
        }
        expectMade(try client.get("/../a"), [.badPath])
        let read = ["/a/", "/%7ea", "/a%20b", "/%c3%a9", "/a%252fb", "/.a/..b/c."]
        for path in read { #expect(try client.get(path).isGood) }
        #expect(origin.requests.map(\.target) == read)
    }

    @Test func literalPathsMeanWhatTheySay() throws {
        let split = try Split(Self.routes, .literal)
        let client = try split.proxy.connect()
        let open = ["/../a", "/x/../private", "/%70rivate", "//private", "/private%2fx", "/private;x"]
        for path in open { #expect(try client.get(path).isGood) }
        #expect(try client.get("/private/../a").isGood)
        #expect(split.open.requests.map(\.target) == open)
        #expect(split.closed.requests.map(\.target) == ["/private/../a"])
    }

    @Test(.onOwnThreads) func aReloadChangesTheRule() async throws {
        let split = try Split()
        let client = try split.proxy.connect()
        expectMade(try client.get("//private"), [.ambiguousPath])
        try await split.proxy.reload { $0.listeners[0].listener.paths = .literal }
        #expect(try client.get("//private").isGood)
        try await split.proxy.reload { $0.listeners[0].listener.paths = .strict }
        expectMade(try client.get("/private//a"), [.ambiguousPath])
        #expect(split.open.requests.map(\.target) == ["//private"])
    }

    // MARK: What routes write

    static func rewriting(_ rewrite: PathRewrite, _ path: PathPattern = .prefix(bytes("/v1"))) -> Route {
        var route = Route(name: "r", path: path, pool: 0)
        route.rewrite = rewrite
        route.requestFields = [.set(name: "X-Path", TextTemplate([.variable(.path)]))]
        return route
    }

    @Test(arguments: [
        ("/v1/%61//b", "/a//b", "/v1/a//b"), ("/%761/x%2fy", "/x%2Fy", "/v1/x%2Fy"),
        ("/v1/a;b/c", "/a;b/c", "/v1/a;b/c"),
        ("/v1//evil.test/x", "//evil.test/x", "/v1//evil.test/x"), ("/v1/a/../b", "/b", "/v1/b"),
    ])
    func templatesAreFilledFromTheNormalForm(path: String, target: String, field: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.routes = [Self.rewriting(.prefix(bytes("/")))] }
        #expect(try proxy.connect().get(path + "?%61").isGood)
        #expect(origin.requests.map(\.target) == [target + "?%61"])
        #expect(origin.requests.map { $0.fields["X-Path"] } == [field])
    }

    /// A route whose fields are filled from the path leaves the path itself alone.
    @Test func fieldsAreFilledBesideAPathThatStays() throws {
        let origin = try Origin()
        var route = Route(name: "r", pool: 0)
        route.requestFields = [.set(name: "X-Path", TextTemplate([.variable(.path)]))]
        let proxy = try Proxy(origin) { $0.routes = [route] }
        #expect(try proxy.connect().get("/%61/../b%2f?c").isGood)
        #expect(origin.requests.map(\.target) == ["/%61/../b%2f?c"])
        #expect(origin.requests.map { $0.fields["X-Path"] } == ["/b%2F"])
    }

    /// All readings have this route, but what it makes of them would lead out of where it sends them.
    @Test(arguments: ["/v1/..%2fv1/x", "/v1/..;/v1/x", "/v1/..\\v1\\x", "/v1/a%2f..%5cb"])
    func aRewrittenPathKeepsNoHiddenDots(path: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.routes = [Self.rewriting(.prefix(bytes("/new")))] }
        expectMade(try proxy.connect().get(path), [.badRewrite])
        #expect(origin.requests.isEmpty)
    }

    /// What a regular expression took of a segment becomes a whole one.
    @Test func aCaptureMakesNoDotSegment() throws {
        let origin = try Origin()
        let pattern = PathPattern.regex(try RegularExpression("^/x(?<end>.*)$"))
        let whole = PathRewrite.template(TextTemplate([.literal(bytes("/in/")), .variable(.capture("end"))]))
        let proxy = try Proxy(origin) { $0.routes = [Self.rewriting(whole, pattern)] }
        for path in ["/x..", "/x../admin", "/x.", "/x%2e%2e", "/x..%2fadmin", "/x..;a"] {
            expectMade(try proxy.connect().get(path), [.badRewrite])
        }
        #expect(try proxy.connect().get("/x..a").isGood)
        #expect(origin.requests.map(\.target) == ["/in/..a"])
    }
}
