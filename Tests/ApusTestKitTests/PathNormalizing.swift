import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// One spelling of a path for routes, keys and origins.
@Suite struct PathNormalizing {
    static let routes = [
        Route(name: "/private/*", path: .prefix(bytes("/private")), pool: 1), Route(name: "*", pool: 0),
    ]

    @Test(arguments: [
        "/private/a", "/public/../private/a", "/%70rivate/a", "/./private/a", "/x/y/../../private/a",
        "/x/%2e%2E/private/a",
    ])
    func noOtherSpellingLeadsPastARoute(path: String) throws {
        let origins = (try Origin(), try Origin())
        let proxy = try Proxy(pools: [[origins.0], [origins.1]]) { $0.routes = Self.routes }
        let client = try proxy.connect()
        // Pipelined, and behind each other, so that what was moved about is not what the next one reads.
        try client.send(String(repeating: "GET \(path)?q=\(path) HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n", count: 3))
        for _ in 0..<3 { #expect(try client.readResponse().isGood) }
        #expect(origins.1.requests.map(\.target) == Array(repeating: "/private/a?q=\(path)", count: 3))
        #expect(origins.1.requests.allSatisfy { $0.fields["X-A"] == "b" && $0.fields["Host"] == "a" })
        #expect(origins.0.requests.isEmpty)
    }

    @Test(arguments: ["/..", "/a/../../b", "/%2e%2e/a", "http://a/../b"])
    func aboveTheRootIsNothing(path: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let response = try client.get(path)
        expectMade(response, [.badPath])
        // Where the request ends is known.
        #expect(!response.announcesClose)
        #expect(try client.get("/after").isGood)
        #expect(origin.requests.map(\.target) == ["/after"])
    }

    @Test func itCanBeSwitchedOff() throws {
        let origins = (try Origin(), try Origin())
        let proxy = try Proxy(pools: [[origins.0], [origins.1]]) {
            $0.routes = Self.routes
            $0.normalizesPaths = false
        }
        let client = try proxy.connect()
        for path in ["/../a", "/x/../private", "/%70rivate"] { #expect(try client.get(path).isGood) }
        #expect(origins.0.requests.map(\.target) == ["/../a", "/x/../private", "/%70rivate"])
    }
}
