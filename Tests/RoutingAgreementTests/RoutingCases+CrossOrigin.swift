import ApusConfig

/// What pages of other origins are told.
extension RoutingTable {
    private static let vary = "vary=Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

    static let crossOrigins = RoutingTable(
        description: "cross origins",
        configuration: """
            listeners:
              - bind: 127.0.0.1:0
                routes:
                  - name: open
                    path: /open/*
                    pool: web
                    cors: { origins: "*", expose: X-Id }
                  - name: fixed
                    path: /fixed
                    respond: 403
                    cors: { origins: https://app.test }
                  - name: own
                    pool: api
                    limits: { body: 4B }
                    headers: { response: { set: { X-A: "{path}" } } }
                    cors:
                      origins: [https://app.test, "https://*.app.test", "~ http://pr-[0-9]+\\\\.test"]
                      methods: [GET, PUT]
                      headers: [X-B, X-C]
                      credentials: on
                      max_age: 1m
            """,
        cases: [
            .init(
                "GET http://a/open/", is: "open: web gets GET /open/ at a < access-control-allow-origin= < vary=Origin"),
            .init(
                "GET http://a/open/", "Origin: null",
                is:
                    "open: web gets GET /open/ at a < access-control-allow-origin=* < access-control-expose-headers=X-Id"
                    + " < vary=Origin"),
            .init(
                "OPTIONS http://a/open/", "Origin: null", "Access-Control-Request-Method: PUT",
                "Access-Control-Request-Headers: x-a,x-b",
                is: "open: 204 none < access-control-allow-headers=x-a, x-b"
                    + " < access-control-allow-methods=GET, HEAD, POST, PUT, PATCH, DELETE"
                    + " < access-control-allow-origin=* < \(vary)"),
            .init(
                "GET http://a/fixed", "Origin: https://app.test",
                is: "fixed: 403 none < access-control-allow-origin=https://app.test < vary=Origin"),
            .init("GET http://a/fixed", "Origin: https://b.test", is: "fixed: 403 none < vary=Origin"),
            .init(
                "OPTIONS http://a/fixed", "Origin: https://b.test", "Access-Control-Request-Method: PUT",
                is: "fixed: 204 none < \(vary)"),
            .init(
                "GET http://a/x", "Origin: https://x.y.app.test",
                is: "own: api gets GET /x at a < access-control-allow-credentials=true"
                    + " < access-control-allow-origin=https://x.y.app.test < vary=Origin < x-a=/x"),
            .init(
                "GET http://a/x", "Origin: http://pr-7.test",
                is: "own: api gets GET /x at a < access-control-allow-credentials=true"
                    + " < access-control-allow-origin=http://pr-7.test < vary=Origin < x-a=/x"),
            .init(
                "GET http://a/x", "Origin: http://pr-7.test.evil.test",
                is: "own: api gets GET /x at a < access-control-allow-origin= < vary=Origin < x-a=/x"),
            .init(
                "OPTIONS http://a/x", "Origin: https://app.test",
                is: "own: api gets OPTIONS /x at a"
                    + " < access-control-allow-credentials=true < access-control-allow-origin=https://app.test"
                    + " < vary=Origin < x-a=/x"),
            .init(
                "OPTIONS http://a/x", "Origin: https://app.test", "Access-Control-Request-Method: GET",
                is: "own: 204 none < access-control-allow-credentials=true < access-control-allow-headers=X-B, X-C"
                    + " < access-control-allow-methods=GET, PUT < access-control-allow-origin=https://app.test"
                    + " < access-control-max-age=60 < \(vary)"),
            .init(
                "POST http://a/x", "Origin: https://app.test", "Content-Length: 5",
                is: "own: 413 body_too_large"),
            .init(
                "OPTIONS http://a/x", "Origin: https://app.test", "Access-Control-Request-Method: GET",
                "Max-Forwards: 0", is: "none: 200 none"),
        ])
}
