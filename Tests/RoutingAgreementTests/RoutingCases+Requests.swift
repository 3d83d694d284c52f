import ApusConfig

/// What a request is, rather than where it goes: its host, its fields, who sent it.
extension RoutingTable {
    // MARK: Hosts

    static let hosts = RoutingTable(
        description: "hosts",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: deep, host: "*.deep.example.com", pool: next }
                  - { name: below, host: "*.example.com", path: /x/*, pool: api }
                  - { name: own, host: [example.com, "[::1]", 10.0.0.1], pool: web, rewrite: { host: "{host}" } }
                  - { name: rest, path: /x, pool: next }
            """,
        cases: [
            .init("GET http://example.com/", is: "own: web gets GET / at example.com"),
            .init("GET http://EXAMPLE.com:8080/", is: "own: web gets GET / at EXAMPLE.com"),
            .init("GET http://example.com./", is: "own: web gets GET / at example.com."),
            .init("GET http://example.com.:80/", is: "own: web gets GET / at example.com."),
            .init("GET http://example.com:/", is: "own: web gets GET / at example.com"),
            .init("GET http://example.com../", is: "none: 404 no_route"),
            .init("GET http://[::1]:443/", is: "own: web gets GET / at [::1]"),
            .init("GET http://[::1]/", is: "own: web gets GET / at [::1]"),
            .init("GET http://[::2]/x", is: "rest: next gets GET /x at [::2]"),
            .init("GET http://10.0.0.1:1/", is: "own: web gets GET / at 10.0.0.1"),
            .init("GET http://a.example.com/x", is: "below: api gets GET /x at a.example.com"),
            .init("GET http://A.B.Example.COM:9/x/y", is: "below: api gets GET /x/y at A.B.Example.COM:9"),
            .init("GET http://.example.com/x", is: "rest: next gets GET /x at .example.com"),
            .init("GET http://aexample.com/x", is: "rest: next gets GET /x at aexample.com"),
            .init("GET http://a.example.com/", is: "none: 404 no_route"),
            .init("GET http://a.deep.example.com/x", is: "deep: next gets GET /x at a.deep.example.com"),
            .init("GET http://deep.example.com/x", is: "below: api gets GET /x at deep.example.com"),
            .init("GET http://a.test/x", "Host: example.com", is: "own: web gets GET /x at example.com"),
            .init("GET http://u@example.com/", is: "none: 400 bad_host"),
            .init("GET http://example.com:99999/", is: "none: 400 bad_host"),
            .init("GET http://a,b/x", is: "none: 400 bad_host"),
            .init("GET /x", "Host: a", "Host: a", is: "none: 400 repeated_host"),
            .init("GET /x", "Host:", is: "none: 400 bad_host"),
        ])

    // MARK: Conditions

    static let conditions = RoutingTable(
        description: "conditions",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: writes, method: [POST, PURGE], pool: api }
                  - { name: debug, header: { X-Debug: { present: true } }, pool: next }
                  - { name: list, header: { X-List: b }, pool: next }
                  - { name: version, header: { X-Version: { prefix: "2." } }, pool: api }
                  - { name: beta, query: { beta: "1" }, pool: next }
                  - { name: blank, query: { name: "a b" }, pool: api }
                  - { name: like, query: { like: { regex: "a+b" } }, pool: next }
                  - { name: start, query: { start: { prefix: "a b" } }, pool: api }
                  - { name: flag, query: { flag: { present: true } }, pool: api }
                  - { name: canary, cookie: { group: canary }, pool: next }
                  - { name: user, cookie: { user: { regex: "a+" } }, pool: api }
                  - { name: test, header: { X-Env: { not: test } }, pool: web }
            """,
        cases: [
            .init("POST http://a/", is: "writes: api gets POST / at a"),
            .init("PURGE http://a/", is: "writes: api gets PURGE / at a"),
            .init("brew http://a/", is: "test: web gets brew / at a"),
            .init("post http://a/", is: "none: 400 bad_method"),
            .init("GET http://a/", "x-debug:", is: "debug: next gets GET / at a"),
            .init("GET http://a/", "X-List: a, b", is: "test: web gets GET / at a"),
            .init("GET http://a/", "X-List: a", "x-list: b", is: "list: next gets GET / at a"),
            .init("GET http://a/", "X-List:  b ", is: "list: next gets GET / at a"),
            .init("GET http://a/", "X-Version: 2.1", is: "version: api gets GET / at a"),
            .init("GET http://a/?beta=1", is: "beta: next gets GET /?beta=1 at a"),
            .init("GET http://a?beta=1", is: "beta: next gets GET /?beta=1 at a"),
            .init("GET http://a/?beta=0&beta=1", is: "beta: next gets GET /?beta=0&beta=1 at a"),
            .init("GET http://a/?beta=%31", is: "beta: next gets GET /?beta=%31 at a"),
            .init("GET http://a/?%62eta=1", is: "beta: next gets GET /?%62eta=1 at a"),
            .init("GET http://a/?beta=%2531", is: "test: web gets GET /?beta=%2531 at a"),
            .init("GET http://a/?beta=0&bet%61=%31", is: "beta: next gets GET /?beta=0&bet%61=%31 at a"),
            .init("GET http://a/?name=a%20b", is: "blank: api gets GET /?name=a%20b at a"),
            .init("GET http://a/?name=a+b", is: "blank: api gets GET /?name=a+b at a"),
            .init("GET http://a/?name=a%2bb", is: "test: web gets GET /?name=a%2bb at a"),
            .init("GET http://a/?like=%61%61b", is: "like: next gets GET /?like=%61%61b at a"),
            .init("GET http://a/?like=%61%62b", is: "test: web gets GET /?like=%61%62b at a"),
            .init("GET http://a/?start=%61+bc", is: "start: api gets GET /?start=%61+bc at a"),
            .init("GET http://a/?Beta=1", is: "test: web gets GET /?Beta=1 at a"),
            .init("GET http://a/?a;beta=1", is: "test: web gets GET /?a;beta=1 at a"),
            .init("GET http://a/?&&flag", is: "flag: api gets GET /?&&flag at a"),
            .init("GET http://a/?flag=", is: "flag: api gets GET /?flag= at a"),
            .init("GET http://a/?flags", is: "test: web gets GET /?flags at a"),
            .init("GET http://a/?", is: "test: web gets GET /? at a"),
            .init("GET http://a/", "Cookie: a=b; group=canary", is: "canary: next gets GET / at a"),
            .init("GET http://a/", "Cookie: group=x;group=canary", is: "canary: next gets GET / at a"),
            .init("GET http://a/", "Cookie: group=x", "Cookie: group=canary", is: "canary: next gets GET / at a"),
            .init("GET http://a/", #"Cookie: group="canary""#, is: "canary: next gets GET / at a"),
            .init("GET http://a/", "Cookie: Group=canary", is: "test: web gets GET / at a"),
            .init("GET http://a/", "Cookie: user=aaa", is: "user: api gets GET / at a"),
            .init("GET http://a/", "Cookie: user=aab", is: "test: web gets GET / at a"),
            .init("GET http://a/", "X-Env: test", is: "none: 404 no_route"),
            .init("GET http://a/", "X-Env: test", "X-Env: live", is: "none: 404 no_route"),
            .init("GET http://a/", "Expect: something", is: "none: 417 expectation_failed"),
        ])

    // MARK: Clients

    static let clients = RoutingTable(
        description: "clients",
        configuration: """
            trusted_proxies: [127.0.0.8/31, 10.9.0.0/16, "2001:db8:9::/48"]
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: inside, client: [10.0.0.0/8, "2001:db8::/32"], pool: api }
                  - { name: near, client: 127.0.0.7, pool: next }
                  - { name: rest, pool: web, headers: { request: { set: { X-Client: "{client}" } } } }
            """,
        cases: [
            .init("GET http://a/", is: "rest: web gets GET / at a > x-client=127.0.0.1"),
            .init("GET http://a/", client: "127.0.0.7", is: "near: next gets GET / at a"),
            .init("GET http://a/", "X-Forwarded-For: 10.1.1.1", is: "rest: web gets GET / at a > x-client=127.0.0.1"),
            .init("GET http://a/", "X-Forwarded-For: 10.1.1.1", client: "127.0.0.9", is: "inside: api gets GET / at a"),
            .init(
                "GET http://a/", "X-Forwarded-For: 10.1.1.1, 192.0.2.1", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1,10.1.1.1 ,10.9.0.1", client: "127.0.0.8",
                is: "inside: api gets GET / at a"),
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1", "x-forwarded-for: 10.9.0.1", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
            .init(
                "GET http://a/", "X-Forwarded-For: 10.1.1.1:443", client: "127.0.0.9", is: "inside: api gets GET / at a"
            ),
            .init(
                "GET http://a/", "X-Forwarded-For: [2001:db8::1]:443", client: "127.0.0.9",
                is: "inside: api gets GET / at a"),
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1, 2001:DB8:9::7", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
            .init(
                "GET http://a/", "X-Forwarded-For: ::ffff:10.1.1.1", client: "127.0.0.9",
                is: "inside: api gets GET / at a"),
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1:99999", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
            .init(
                "GET http://a/", "X-Forwarded-For: 10. 1.1.1", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=127.0.0.9"),
            .init(
                "GET http://a/", "X-Forwarded-For: unknown, 10.9.0.1", client: "127.0.0.9",
                is: "inside: api gets GET / at a"),
            // What is empty does not count, wherever it stands (RFC 9110 section 5.6.1).
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1,", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For:", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
            .init(
                "GET http://a/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: ,10.9.0.1", client: "127.0.0.9",
                is: "rest: web gets GET / at a > x-client=192.0.2.1"),
        ])
}
