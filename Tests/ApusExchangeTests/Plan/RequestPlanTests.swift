import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import Testing

@Suite struct RequestPlanTests {
    private static let routes: [Route] = [
        .to("client").with { $0.match.clients = [Network("192.0.2.0/24")].compactMap { $0 } },
        .to("claim").with { $0.match.fields = [ValueCondition(name: "x-forwarded-proto", test: .present)] },
        .to("v1", .prefix("/v1")), .to("exact", .exact("/exact")),
        .to("root", .exact("/")), .to("server", .exact("*")),
    ]

    /// The same head, whoever brings it, on listeners of every rule.
    @Test(arguments: [
        ("GET /v1/x", "v1", "v1", "v1"),
        ("GET /v2", "no_route", "no_route", "no_route"),
        ("GET http://b", "root", "root", "root"),
        ("GET http://b?q", "root", "root", "root"),
        ("OPTIONS http://b", "server", "server", "server"),
        ("OPTIONS *", "server", "server", "server"),
        ("GET /%76%31/x", "v1", "v1", "no_route"),
        ("GET /v1/./x", "v1", "ambiguous_path", "v1"),
        ("GET /v1/../exact", "ambiguous_path", "ambiguous_path", "v1"),
        ("GET /../v1", "bad_path", "bad_path", "no_route"),
        ("GET /v1%2fx", "ambiguous_path", "ambiguous_path", "no_route"),
        ("GET //v1", "ambiguous_path", "ambiguous_path", "no_route"),
        ("GET /v1/a//b", "v1", "ambiguous_path", "v1"),
        ("GET /v1/%00", "bad_path", "bad_path", "bad_path"),
        // More readings than are compared.
        ("GET /v1/a//b;c\\d%2f%5c%3b./x", "ambiguous_path", "ambiguous_path", "v1"),
        // Asked before anything else.
        ("TRACE /../v1\nMax-Forwards: 0", "last", "last", "last"),
        ("OPTIONS *\nMax-Forwards: 0", "last", "last", "last"),
        ("GET /v1\nMax-Forwards: 0", "v1", "v1", "v1"),
        ("TRACE /v1\nMax-Forwards: 1", "v1", "v1", "v1"),
        // What anybody can say decides nothing.
        ("GET /v1\nX-Forwarded-Proto: https\nX-Forwarded-For: 192.0.2.1", "v1", "v1", "v1"),
    ])
    func plansFollowFromHeads(head: String, safe: String, strict: String, literal: String) throws {
        for (rule, expected) in [(PathRule.safe, safe), (.strict, strict), (.literal, literal)] {
            var request = try PlannedRequest(head, routes: Self.routes, paths: rule)
            #expect(request.planned() == expected, "\(head) with \(rule)")
        }
    }

    @Test(arguments: [
        ("GET /v1\nX-Forwarded-For: 192.0.2.1", "client"),
        ("GET /v1\nX-Forwarded-For: 192.0.2.1, 10.1.1.1", "client"),
        ("GET /v1\nX-Forwarded-For: 192.0.2.1, 198.51.100.1", "v1"),
        ("GET /v1\nX-Forwarded-Proto: http", "claim"),
    ])
    func trustedProxiesAreBelieved(head: String, expected: String) throws {
        var request = try PlannedRequest(head, routes: Self.routes, isTrusted: true)
        #expect(request.planned() == expected)
    }

    /// A listener whose routes ask nothing of paths refuses only what no server may read.
    @Test(arguments: [("GET //a/../b;c", "all"), ("GET /%2e%2e", "bad_path"), ("GET /a%00", "bad_path")])
    func readingsMatterWhereRoutesLookAtPaths(head: String, expected: String) throws {
        var request = try PlannedRequest(head, routes: [.to("all").with { $0.match.methods = ["GET"] }])
        #expect(request.planned() == expected)
    }

    @Test func aPlanAsksOnlyOnce() throws {
        var request = try PlannedRequest("GET /v1/./x", routes: Self.routes)
        let first = request.plan()
        #expect(request.plan() == first)
    }

    @Test func bodiesHaveTheLimitOfTheirRoute() throws {
        let route = Route.to("all").with { $0.limits.bodyBytes = 5 }
        for (field, isTaken) in [
            ("X: 1", true), ("Content-Length: 5", true), ("Content-Length: 6", false),
            ("Content-Length: 1000000000000", false), ("Transfer-Encoding: chunked", true),
        ] {
            let request = try PlannedRequest("POST /\n\(field)", routes: [route])
            #expect(request.rules.routes[0].takes(request.hand.head.framing) == isTaken, "\(field)")
        }
    }
}

@Suite struct HeadKeyTests {
    @Test(
        arguments: [
            (HashRules.Key.header("X-User"), "GET /\nx-user: me", "me"), (.header("X-User"), "GET /", nil),
            (.cookie("id"), "GET /\nCookie: a=b; id=7", "7"), (.cookie("id"), "GET /\nCookie: a=b", nil),
            (.query("q"), "GET /?p&q=x%20y", "x%20y"), (.query("q"), "GET /?p", nil), (.query("q"), "GET /?q", ""),
            (.path, "GET /a/../b?c", "/a/../b"), (.path, "GET http://b", "/"), (.path, "OPTIONS http://b", "*"),
        ] as [(HashRules.Key, String, String?)])
    func whatAKeyNamesIsHashed(key: HashRules.Key, head: String, text: String?) throws {
        var request = try PlannedRequest(head, routes: [.to("all")])
        let hash = request.hash(key)
        #expect(hash == text.map { KeyHash.of(Array($0.utf8).span) })
    }

    @Test func clientsAreHashedByTheirNetworks() throws {
        func hash(_ address: String, isTrusted: Bool = true) throws -> UInt64? {
            var request = try PlannedRequest(
                "GET /\nX-Forwarded-For: \(address)", routes: [.to("all")], isTrusted: isTrusted)
            return request.hash(.client(ipv4Prefix: 24, ipv6Prefix: 64))
        }
        #expect(try hash("192.0.2.1") == hash("192.0.2.255"))
        #expect(try hash("192.0.2.1") != hash("192.0.3.1"))
        #expect(try hash("192.0.2.1", isTrusted: false) == hash("192.0.3.1", isTrusted: false))
    }

    @Test func withoutAKeyNothingIsHashed() throws {
        var request = try PlannedRequest("GET /", routes: [.to("all")])
        let hash = request.hash(nil)
        #expect(hash == nil)
    }
}
