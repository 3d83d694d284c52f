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
                  - name: location
                    path: "/location/{x*}"
                    respond: 201
                    headers: { response: { set: { Content-Location: "{x}{query}" } } }
                  - name: joined
                    path: "/joined/{x*}"
                    respond: 201
                    headers: { response: { set: { Content-Location: "{query}//{x}" } } }
                  - name: slash
                    path: "/slash/{x*}"
                    pool: web
                    headers: { response: { set: { Content-Location: "/{x}" } } }
                  - name: its
                    path: "/its/{x*}"
                    pool: web
                    headers: { response: { set: { Location: "https://a.test/{x}" } } }
                  - name: self
                    path: "/self/{x*}"
                    respond: 201
                    headers: { response: { set: { Content-Location: "{scheme}://{host}{path}" } } }
                  - name: link
                    path: "/link/{x*}"
                    pool: web
                    headers: { response: { add: { Link: "<https://a.test/>; rel=up, <{x}>; rel=canonical" } } }
                  - name: refresh
                    path: "/refresh/{x*}"
                    respond: 200
                    headers: { response: { set: { Refresh: "5; url='/{x}'" } } }
                  - name: behind
                    path: "/behind/{x*}"
                    respond: 200
                    headers: { response: { set: { Content-Location: "https://a.test{x}{query}" } } }
                  - name: label
                    path: "/label/{x*}"
                    pool: web
                    headers: { response: { set: { Link: "<//{x}.a.test:81/>; rel=up" } } }
                  - name: port
                    path: "/port/{x*}"
                    respond: 200
                    headers: { response: { set: { Content-Location: "{scheme}://{host}:{x}/" } } }
                  - name: delay
                    path: "/delay/{x*}"
                    respond: 200
                    headers: { response: { set: { Refresh: "{x}; url=/a" } } }
                  - name: unsaid
                    path: "/unsaid/{x*}"
                    respond: 200
                    headers: { response: { set: { Refresh: "0; url {x}" } } }
                  - name: quote
                    path: "/quote/{x*}"
                    respond: 200
                    headers: { response: { set: { Refresh: "0; url={x}" } } }
                  - name: both
                    path: "/both/{x*}"
                    pool: web
                    headers:
                      request: { set: { X-Long: "{x}{x}{x}{x}{x}" } }
                      response: { set: { Set-Cookie: "x={x}" } }
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
            .init("GET http://a/location/x", is: "location: 201 none < content-location=x"),
            .init("GET http://a/location/?http://x", is: "location: 201 none < content-location=?http://x"),
            .init("GET http://a/location//evil.test", is: "location: 201 none < content-location=/evil.test"),
            .init("GET http://a/location///evil.test", is: "location: 400 bad_rewrite"),
            .init(#"GET http://a/location//\evil.test"#, is: "location: 400 bad_rewrite"),
            .init("GET http://a/location/javascript:x", is: "location: 400 bad_rewrite"),
            .init("GET http://a/location/https://evil.test", is: "location: 400 bad_rewrite"),
            .init("GET http://a/joined/x?a", is: "joined: 201 none < content-location=?a//x"),
            .init("GET http://a/joined/evil.test", is: "joined: 400 bad_rewrite"),
            .init("GET http://a/slash/x", is: "slash: web gets GET /slash/x at a < content-location=/x"),
            .init("GET http://a/slash//evil.test", is: "slash: 400 bad_rewrite"),
            .init("GET http://a/its//x:y", is: "its: web gets GET /its//x:y at a < location=https://a.test//x:y"),
            .init("GET http://a/self//x", is: "self: 201 none < content-location=http://a/self//x"),
            .init(
                "GET http://a/link/x",
                is: "link: web gets GET /link/x at a < link=<https://a.test/>; rel=up, <x>; rel=canonical"),
            .init("GET http://a/link///evil.test", is: "link: 400 bad_rewrite"),
            .init("GET http://a/link/x:y", is: "link: 400 bad_rewrite"),
            .init("GET http://a/refresh/x", is: "refresh: 200 none < refresh=5; url='/x'"),
            .init("GET http://a/refresh//evil.test", is: "refresh: 400 bad_rewrite"),
            .init("GET http://a/behind//b?c", is: "behind: 200 none < content-location=https://a.test/b?c"),
            .init("GET http://a/behind/?c", is: "behind: 200 none < content-location=https://a.test?c"),
            .init("GET http://a/behind/@evil.test", is: "behind: 400 bad_rewrite"),
            .init("GET http://a/behind/:80@evil.test", is: "behind: 400 bad_rewrite"),
            .init("GET http://a/behind/.evil.test", is: "behind: 400 bad_rewrite"),
            .init(#"GET http://a/behind/\@evil.test"#, is: "behind: 400 bad_rewrite"),
            .init("GET http://a/label/b", is: "label: web gets GET /label/b at a < link=<//b.a.test:81/>; rel=up"),
            .init("GET http://a/label/evil.test/", is: "label: 400 bad_rewrite"),
            .init("GET http://a/label/u@b", is: "label: 400 bad_rewrite"),
            .init(#"GET http://a/label/evil.test\"#, is: "label: 400 bad_rewrite"),
            .init("GET http://a/port/81", is: "port: 200 none < content-location=http://a:81/"),
            .init("GET http://a/port/80@evil.test", is: "port: 400 bad_rewrite"),
            .init("GET http://a/delay/5", is: "delay: 200 none < refresh=5; url=/a"),
            .init("GET http://a/delay/0;//evil.test", is: "delay: 400 bad_rewrite"),
            .init("GET http://a/unsaid/=//evil.test", is: "unsaid: 400 bad_rewrite"),
            .init("GET http://a/quote/b", is: "quote: 200 none < refresh=0; url=b"),
            .init("GET http://a/quote/'//evil.test", is: "quote: 400 bad_rewrite"),
            // Of several reasons, that of what is written first.
            .init("GET http://a/both/;\(String(repeating: "a", count: 4_000))", is: "both: 400 bad_rewrite"),
            .init("GET http://a/both/\(String(repeating: "a", count: 4_000))", is: "both: 431 head_too_large"),
        ])
}
