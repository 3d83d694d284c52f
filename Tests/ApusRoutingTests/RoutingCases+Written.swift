extension RoutingTable {
    /// What templates make of requests, and must not.
    static let written = RoutingTable(
        description: "what templates write",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - { name: host, path: "/host/{x*}", pool: api, rewrite: { host: "{x}" } }
                  - { name: path, path: "/path/{x*}", pool: api, rewrite: { path: "/a/.{x}" } }
                  - { name: bare, path: "/bare/{x*}", pool: api, rewrite: { path: "/{x}" } }
                  - { name: method, path: /method, pool: api, rewrite: { path: "/{method}" } }
                  - { name: at, path: "/at/{x*}", redirect: "https://new.test{x}" }
                  - { name: sub, path: "/sub/{x*}", redirect: "https://{x}.new.test/" }
                  - { name: any, path: "/any/{x*}", redirect: "{x}" }
                  - { name: none, path: "/none/{x*}", redirect: "//{x}" }
                  - { name: odd, path: "/odd/{x*}", redirect: "app://{x}" }
                  - name: cookie
                    path: "/cookie/{x*}"
                    pool: web
                    headers: { response: { set: { Set-Cookie: "x={x}" } } }
                  - name: cookies
                    path: "/cookies/{x*}"
                    respond: 204
                    headers: { response: { add: { Set-Cookie: "x={x}; Path=/" } } }
            """,
        cases: [
            .init("GET http://a/host/b.test:81", is: "host: api gets GET /host/b.test:81 at b.test:81"),
            .init("GET http://a/host/u@evil", is: "host: 400 bad_rewrite"),
            .init("GET http://a/host/a:b:c", is: "host: 400 bad_rewrite"),
            .init("GET http://a/host/[", is: "host: 400 bad_rewrite"),
            .init("GET http://a/host/", is: "host: 400 bad_rewrite"),
            .init("GET http://a/host/a/b", is: "host: 400 bad_rewrite"),
            .init("GET http://a/path/x", is: "path: api gets GET /a/.x at a"),
            .init("GET http://a/path/.;y/z", is: "path: 400 bad_rewrite"),
            .init("GET http://a/path/%2fz", is: "path: 400 bad_rewrite"),
            .init("GET http://a/bare//evil", is: "bare: api gets GET //evil at a"),
            .init(#"GET http://a/bare/\evil"#, is: "bare: 400 bad_rewrite"),
            .init("GET http://a/bare/x//y", is: "bare: api gets GET /x//y at a"),
            .init("G*T http://a/method", is: "method: api gets G*T /G*T at a"),
            .init("G#T http://a/method", is: "method: 400 bad_rewrite"),
            .init("GET http://a/at/", is: "at: 308 to https://new.test"),
            .init("GET http://a/at/:81/x", is: "at: 308 to https://new.test:81/x"),
            .init("GET http://a/at/@evil", is: "at: 400 bad_rewrite"),
            .init("GET http://a/sub/x", is: "sub: 308 to https://x.new.test/"),
            .init("GET http://a/sub/u:p@x", is: "sub: 400 bad_rewrite"),
            .init("GET http://a/any/x", is: "any: 308 to x"),
            .init("GET http://a/any/javascript:x", is: "any: 400 bad_rewrite"),
            .init("GET http://a/any/https:x", is: "any: 400 bad_rewrite"),
            .init("GET http://a/any/https://b.test/x", is: "any: 308 to https://b.test/x"),
            .init("GET http://a/none/b.test/x@y", is: "none: 308 to /.//b.test/x@y"),
            .init("GET http://a/none/u@b.test", is: "none: 308 to /.//u@b.test"),
            .init("GET http://a/odd/u@b.test", is: "odd: 308 to app://u@b.test"),
            .init("GET http://a/cookie/x;Domain=test", is: "cookie: 400 bad_rewrite"),
            .init("GET http://a/cookies/x;Domain=test", is: "cookies: 400 bad_rewrite"),
        ])
}
