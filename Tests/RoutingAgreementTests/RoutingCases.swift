import ApusAddresses
import ApusConfig
import ApusModel

/// A request, and what is to become of it.
struct RoutingCase {
    var request: DescribedRequest
    /// As `Outcome` says it.
    var outcome: String

    /// - Parameters:
    ///   - line: a method and a URL, or a path alone.
    ///   - client: who connects; one of 127.0.0.0/8.
    init(_ line: String, _ headers: String..., client: String = "127.0.0.1", is outcome: String) {
        let words = line.split(separator: " ", maxSplits: 1)
        request = DescribedRequest(
            method: String(words[0]), url: String(words[1]), headers: headers.compactMap { .init($0) },
            client: IPAddress(client) ?? .loopback)
        self.outcome = outcome
    }
}

/// A configuration without its pools, which are `api`, `web` and `next`, and requests to it.
struct RoutingTable: CustomStringConvertible {
    var description: String
    var configuration: String
    var cases: [RoutingCase]

    static let all = [
        paths, redirects, hosts, conditions, clients, edits, limits, asTheyCame, withoutDoubt, written, crossOrigins,
    ]

    // MARK: Paths

    static let paths = RoutingTable(
        description: "paths",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: server, path: "~ ^[*]$", pool: next, rewrite: { path: "/not{path}" } }
                  - { name: v1, path: /v1/*, pool: api, rewrite: { strip_prefix: true } }
                  - { name: v2, path: /v2/*, pool: api, rewrite: { prefix: /new/ } }
                  - { name: exact, path: /exact, pool: web, rewrite: { path: "/other{path}", host: "in.{host}:9" } }
                  - { name: user, path: "/users/{id}/{file*}", pool: web, rewrite: { path: "/{file}/of/{id}" } }
                  - { name: found, path: "~ ^/(?<a>[^/]*)/z$", pool: web, rewrite: { path: "/z/{a}" } }
                  - { name: root, path: /, pool: web }
                  - { name: deep, path: /deep/*, pool: next }
                  - { name: gone, path: /gone/*, respond: { status: 410, body: gone } }
            """,
        cases: [
            .init("GET /v1", is: "v1: api gets GET / at 127.0.0.1:0"),
            .init("GET http://a/v1", is: "v1: api gets GET / at a"),
            .init("GET http://a/v1/", is: "v1: api gets GET / at a"),
            .init("GET http://a/v1//", is: "v1: api gets GET // at a"),
            .init("GET http://a/v1/x/", is: "v1: api gets GET /x/ at a"),
            .init("GET http://a/v1x", is: "none: 404 no_route"),
            .init("GET http://a/V1", is: "none: 404 no_route"),
            .init("GET http://a/v1?", is: "v1: api gets GET /? at a"),
            .init("GET http://a/v1?a=b&a=c?d", is: "v1: api gets GET /?a=b&a=c?d at a"),
            .init("GET http://a/v1/%2e%2E/v2", is: "none: 400 ambiguous_path"),
            .init("GET http://a/v2/./a/../b", is: "v2: api gets GET /new/b at a"),
            .init("GET http://a/v2/", is: "v2: api gets GET /new/ at a"),
            .init("GET http://a/v1/..", is: "none: 400 ambiguous_path"),
            .init("GET http://a/v1/%2f../x", is: "none: 400 ambiguous_path"),
            .init("GET http://a/%76%31/x", is: "v1: api gets GET /x at a"),
            .init("GET http://a/v1%2fx", is: "none: 400 ambiguous_path"),
            .init("GET http://a/v1/a%5cb%zz%", is: "v1: api gets GET /a%5Cb%zz% at a"),
            .init("GET http://a/v1/%252e%252e/x", is: "v1: api gets GET /%252e%252e/x at a"),
            .init("GET http://a//v1/x", is: "none: 400 ambiguous_path"),
            .init("GET //v1/x", is: "none: 400 ambiguous_path"),
            .init("GET http://a/../v1", is: "none: 400 bad_path"),
            .init("GET http://a/v1/../../x", is: "none: 400 bad_path"),
            .init("GET http://a/exact", is: "exact: web gets GET /other/exact at in.a:9"),
            .init("GET http://a:81/exact?x", is: "exact: web gets GET /other/exact?x at in.a:9"),
            .init("GET http://a/exact/", is: "none: 404 no_route"),
            .init("GET http://a/users/7/a/b?c", is: "user: web gets GET /a/b/of/7?c at a"),
            .init("GET http://a/users/7/", is: "user: web gets GET //of/7 at a"),
            .init("GET http://a/users/7", is: "none: 404 no_route"),
            .init("GET http://a/users//x", is: "none: 404 no_route"),
            .init("GET http://a/users/%2F/x", is: "none: 400 ambiguous_path"),
            .init("GET http://a/q/z", is: "found: web gets GET /z/q at a"),
            .init("GET http://a//z", is: "none: 400 ambiguous_path"),
            .init("GET http://a", is: "root: web gets GET / at a"),
            .init("GET http://a?", is: "root: web gets GET /? at a"),
            .init("GET http://a?/v1", is: "root: web gets GET /?/v1 at a"),
            .init("GET http://a/#x", is: "root: web gets GET / at a"),
            .init("OPTIONS *", is: "server: next gets OPTIONS * at 127.0.0.1:0"),
            .init("OPTIONS http://a/", is: "root: web gets OPTIONS / at a"),
            .init("GET *", is: "none: 400 bad_target"), .init("GET http://a/a b", is: "none: 400 bad_request_line"),
            .init("CONNECT http://a/v1", is: "none: 405 method_not_allowed"),
            .init("HEAD http://a/v1/x", is: "v1: api gets HEAD /x at a"),
            .init(
                "GET http://a/deep/./%7ea//b/d%2f%5ce", is: "deep: next gets GET /deep/./%7ea//b/d%2f%5ce at a"),
            .init("GET http://a/deep;x/", is: "none: 400 ambiguous_path"),
            .init("GET http://a/..;/deep", is: "none: 400 ambiguous_path"),
            .init(#"GET http://a/\deep/x"#, is: "none: 400 ambiguous_path"),
            .init("GET http://a/deep/%00", is: "none: 400 bad_path"),
            .init("GET http://a/deep/x?%00", is: "deep: next gets GET /deep/x?%00 at a"),
            .init("GET http://a/v1/..%2fv1/x", is: "v1: 400 bad_rewrite"),
            .init("GET http://a/deep/a//b;c%2fd%5ce/./f", is: "none: 400 ambiguous_path"),
            .init("purge http://a/deep/er", is: "deep: next gets purge /deep/er at a"),
            .init("GET http://a/gone", is: #"gone: 410 "gone""#), .init("HEAD http://a/gone/x", is: "gone: 410 none"),
            .init("POST http://a/gone", "Content-Length: 5", is: #"gone: 410 "gone""#),
            .init("OPTIONS http://a/v1", "Max-Forwards: 0", is: "none: 200 none"),
            .init("TRACE http://a/../v1", "Max-Forwards: 0", is: "none: 200 the request's own head"),
            .init("OPTIONS http://a/v1", "Max-Forwards: 1", is: "v1: api gets OPTIONS / at a"),
            .init("GET http://a/v1", "Max-Forwards: 0", is: "v1: api gets GET / at a"),
        ])

    // MARK: Redirects

    static let redirects = RoutingTable(
        description: "redirects",
        configuration: """
            trusted_proxies: [127.0.0.9]
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: old, path: /old/*, redirect: "https://new.test/x{rest}{query}" }
                  - { name: same, path: /same/*, redirect: { to: "{scheme}://{host}:8443{rest}", status: 302 } }
                  - { name: bare, path: "/to/{x*}", redirect: "/{x}" }
                  - { name: rest, path: /strip/*, redirect: { to: "/{rest}", status: 301 } }
                  - { name: cdn, path: /cdn/*, redirect: "//cdn.test{rest}" }
                  - { name: slashes, path: /here/*, redirect: "//{host}{rest}" }
                  - { name: server, path: "~ ^[*]$", redirect: "https://new.test{path}" }
                  - name: noted
                    path: "~ (?<all>.*)"
                    redirect: "https://new.test{all}"
                    headers: { response: { set: { X-Path: "{path}{query}" }, remove: [X-Origin] } }
            """,
        cases: [
            .init("GET http://a/old", is: "old: 308 to https://new.test/x"),
            .init("GET http://a/old/?", is: "old: 308 to https://new.test/x/?"),
            .init("GET http://a/old/%2f%7e?%2f", is: "old: 308 to https://new.test/x/%2F~?%2f"),
            .init("POST http://a/old/x", "Content-Length: 3", is: "old: 308 to https://new.test/x/x"),
            .init("GET http://EX.test:80/same/x", is: "same: 302 to http://EX.test:8443/x"),
            .init("GET http://ex.test./same", is: "same: 302 to http://ex.test.:8443"),
            .init("GET http://[::1]:80/same/x", is: "same: 302 to http://[::1]:8443/x"),
            .init("GET http://a/same", "X-Forwarded-Proto: https", is: "same: 302 to http://a:8443"),
            .init(
                "GET http://a/same", "X-Forwarded-Proto: HTTPS", client: "127.0.0.9",
                is: "same: 302 to https://a:8443"),
            .init(
                "GET http://a/same", "X-Forwarded-Proto:   https  ", client: "127.0.0.9",
                is: "same: 302 to https://a:8443"),
            .init(
                "GET http://a/same", "X-Forwarded-Proto: https, http", client: "127.0.0.9",
                is: "same: 302 to http://a:8443"),
            .init(
                "GET http://a/same", "X-Forwarded-Proto: http", "X-Forwarded-Proto: https", client: "127.0.0.9",
                is: "same: 302 to http://a:8443"),
            .init("GET http://a/to/x", is: "bare: 308 to /x"), .init("GET http://a/to/", is: "bare: 308 to /"),
            .init("GET http://a/to//evil.test", is: "bare: 308 to /.//evil.test"),
            .init(#"GET http://a/to/\evil.test"#, is: #"bare: 308 to /./\evil.test"#),
            .init("GET http://a/to/%2F/evil.test", is: "bare: 308 to /%2F/evil.test"),
            .init("GET http://a/strip", is: "rest: 301 to /"),
            .init("GET http://a/strip/evil.test", is: "rest: 301 to /.//evil.test"),
            .init("GET http://a/cdn/x", is: "cdn: 308 to //cdn.test/x"),
            .init("GET http://a/here/x", is: "slashes: 308 to //a/x"),
            .init("OPTIONS *", is: "server: 308 to https://new.test/"),
            .init("GET http://a", is: "noted: 308 to https://new.test/ < x-origin= < x-path=/"),
            .init("GET http://a/x/../y?z", is: "noted: 308 to https://new.test/y < x-origin= < x-path=/y?z"),
        ])

    // MARK: What is changed

    static let edits = RoutingTable(
        description: "header edits",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - name: r
                    path: /r/*
                    pools: { api: 0, web: 1 }
                    rewrite: { host: "{host}" }
                    headers:
                      request:
                        set: { X-Set: "{method} {rest}", X-Both: one }
                        add: { X-Add: "{query}", X-Both: two }
                        remove: [X-Gone, X-Never]
                      response:
                        set: { X-Origin: "{path}" }
                        add: { X-Also: "{scheme} {client}" }
            """,
        cases: [
            .init(
                "GET http://a:1/r/x?q", "x-set: old", "X-SET: older", "X-Add: a", "X-Gone: g", "X-Both: zero",
                is: "r: web gets GET /r/x?q at a > x-add=a+?q > x-both=one+two > x-gone= > x-never= > x-set=GET /x"
                    + " < x-also=http 127.0.0.1 < x-origin=/r/x"),
            .init(
                "DELETE http://a/r",
                is: "r: web gets DELETE /r at a > x-add= > x-both=one+two > x-gone= > x-never= > x-set=DELETE"
                    + " < x-also=http 127.0.0.1 < x-origin=/r"),
        ])

    // MARK: Limits

    static let limits = RoutingTable(
        description: "limits",
        configuration: """
            limits: { body: 10B, target: 8KiB }
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: large, path: /large, pool: api, limits: { body: 20B } }
                  - { name: any, path: /any, pool: api, limits: { body: unlimited } }
                  - { name: away, path: /away, redirect: /large }
                  - name: long
                    path: /long/*
                    redirect: "https://new.test{path}{path}{path}{path}"
                  - name: longer
                    path: /longer/*
                    pool: web
                    rewrite: { path: "{path}{path}{path}{path}" }
                  - { name: rest, pool: web }
            """,
        cases: [
            .init("POST http://a/", "Content-Length: 10", is: "rest: web gets POST / at a"),
            .init("POST http://a/", "Content-Length: 11", is: "rest: 413 body_too_large"),
            .init("POST http://a/large", "Content-Length: 20", is: "large: api gets POST /large at a"),
            .init("POST http://a/large", "Content-Length: 21", is: "large: 413 body_too_large"),
            .init("POST http://a/any", "Content-Length: 2100", is: "any: api gets POST /any at a"),
            .init("POST http://a/away", "Content-Length: 11", is: "away: 308 to /large"),
            .init("GET http://a/\(String(repeating: "x", count: 8200))", is: "none: 414 target_too_long"),
            .init("GET http://a/long/\(String(repeating: "x", count: 4091))", is: "long: 431 head_too_large"),
            .init("GET http://a/longer/\(String(repeating: "x", count: 4089))", is: "longer: 431 head_too_large"),
        ])

    static let asTheyCame = RoutingTable(
        description: "paths as they came",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                paths: literal
                routes:
                  - { name: v1, path: /v1/*, pool: api, rewrite: { strip_prefix: true } }
                  - { name: rest, pool: web }
            """,
        cases: [
            .init("GET http://a/v1/../x", is: "v1: 400 bad_rewrite"),
            .init("GET http://a/v1/x/../y", is: "v1: api gets GET /x/../y at a"),
            .init("GET http://a/../x", is: "rest: web gets GET /../x at a"),
            .init("GET http://a/%76%31", is: "rest: web gets GET /%76%31 at a"),
            .init("GET http://a/v1/%2f%2e", is: "v1: api gets GET /%2f%2e at a"),
            .init("GET http://a//v1/x;%5c", is: "rest: web gets GET //v1/x;%5c at a"),
            .init("GET http://a/v1/%1f", is: "none: 400 bad_path"),
            .init("GET http://a", is: "rest: web gets GET / at a"),
        ])

    static let withoutDoubt = RoutingTable(
        description: "paths with one reading",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                paths: strict
                routes: [{ name: all, pool: api }]
            """,
        cases: [
            .init("GET http://a/%7e/b%20c/?//", is: "all: api gets GET /%7e/b%20c/?// at a"),
            .init("GET http://a//b", is: "none: 400 ambiguous_path"),
            .init("GET http://a/b%2fc", is: "none: 400 ambiguous_path"),
            .init("GET http://a/b/..", is: "none: 400 ambiguous_path"),
            .init("GET http://a/..", is: "none: 400 bad_path"),
            .init("OPTIONS *", is: "all: api gets OPTIONS * at 127.0.0.1:0"),
        ])
}
