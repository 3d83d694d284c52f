import ApusAddresses
import ApusConfig
import ApusModel
import ApusRouting
import Testing

/// What would become of a request, and why.
@Suite struct RequestExplainerTests {
    static let web = SocketAddress(ip: .anyIPv4, port: 8080)

    static let snapshot: Snapshot = {
        let v1 = RouteMatch(hosts: [.exact(Array("api.example.com".utf8))], path: .prefix(Array("/v1".utf8)))
        var rules = Route.Rules()
        rules.rewrite = .prefix(Array("/".utf8))
        rules.hostRewrite = TextTemplate(literal: "origin.internal")
        rules.requestFields = [
            .set(name: "X-Real-IP", TextTemplate([.variable(.client)])), .remove(name: "X-Debug"),
            .set(name: "Authorization", TextTemplate(literal: "Basic hunter2")),
        ]
        rules.timeouts = RouteTimeouts(connect: .seconds(1))
        let canary = Split([WeightedPool(pool: 0, weight: 95), WeightedPool(pool: 1, weight: 5)], key: .cookie("user"))
        return Snapshot(
            workers: 1,
            listeners: [
                Listener(name: "web", bind: web, routes: 0..<4),
                Listener(name: "inside", bind: SocketAddress(ip: .anyIPv4, port: 8081), routes: 4..<5),
            ],
            routes: [
                Route(
                    name: "posts",
                    match: RouteMatch(methods: ["POST"], fields: [ValueCondition(name: "x-tenant", test: .present)]),
                    action: .respond(FixedResponse(status: 403))),
                Route(name: "v1", match: v1, action: .forward(canary), rules: rules),
                Route(
                    name: "old", match: RouteMatch(path: .prefix(Array("/old".utf8))),
                    action: .redirect(
                        Redirect(
                            location: TextTemplate([
                                .literal(Array("https://new.test".utf8)), .variable(.rest), .variable(.query),
                            ])))),
                Route(
                    name: "near", match: RouteMatch(clients: [Network("10.0.0.0/8")!]),
                    action: .forward(Split([WeightedPool(pool: 1)]))),
                Route(name: "*", pool: 1),
            ],
            pools: [Pool(name: "stable", endpoints: 0..<2), Pool(name: "next", endpoints: 2..<3)],
            endpoints: [
                Endpoint(name: "10.0.0.1:80", address: web, pool: 0),
                Endpoint(name: "10.0.0.2:80", address: web, weight: 0, pool: 0),
                Endpoint(name: "10.0.0.3:80", address: web, pool: 1),
            ],
            trustedProxies: [Network("192.0.2.0/24")!])
    }()

    func explain(_ request: DescribedRequest, states: [EndpointState] = []) throws -> RequestExplanation {
        try RequestExplainer(Self.snapshot, states: states).explain(request)
    }

    @Test func headersThatNobodySeesAreTold() throws {
        let headers = [("X_Forwarded_For", "1.1.1.1"), ("X-Original-URL", "/admin"), ("X-Tenant", "a"), ("a_b", "c")]
            .map { DescribedRequest.Header(name: $0.0, value: $0.1) }
        let explanation = try explain(DescribedRequest(method: "GET", url: "/", headers: headers))
        #expect(explanation.removedHeaders == ["X_Forwarded_For", "X-Original-URL", "a_b"])
        #expect(
            explanation.text.contains(
                "\nheaders   removed before routes see them: X_Forwarded_For, X-Original-URL, a_b\nroutes\n"))
    }

    @Test func aForwardedRequestIsToldWhole() throws {
        let explanation = try explain(
            DescribedRequest(
                method: "GET", url: "http://API.example.com:8080/v1/a/../x?q=1", client: IPAddress("10.1.2.3")!))
        #expect(
            explanation.text == """
                GET /v1/x?q=1 for host API.example.com, from 10.1.2.3

                listener  web at 0.0.0.0:8080 (by its port; `--listener` names another)
                path      can be read in 2 ways
                  /v1/x       route v1
                  /v1/a/../x  route v1
                routes
                  - posts  method: asks for POST, found GET
                  + v1     matches
                split by  cookie user
                origin    gets GET /x?q=1, Host: origin.internal
                          set X-Real-IP: 10.1.2.3
                          remove X-Debug
                          set Authorization: (not shown)
                pool      stable: round-robin, 95% of the requests
                          + 10.0.0.1:80  weight 1
                          - 10.0.0.2:80  weight 0  drains: for its sessions only
                pool      next: round-robin, 5% of the requests
                          + 10.0.0.3:80  weight 1

                in force
                  timeouts.connect 1s         the route
                  timeouts.response_head 30s  default
                  timeouts.body 30s           default
                  retries.attempts 3          default
                  retries.attempts 3          default
                  limits.body unlimited       default
                  limits.min_rate 240B        default

                """)
    }

    @Test func retriesOfAllMethodsAreTold() throws {
        var pool = Pool(name: "web", endpoints: 0..<1)
        pool.retries.repeatsAll = true
        let address = SocketAddress(ip: .anyIPv4, port: 8080)
        let snapshot = Snapshot(
            workers: 1, listeners: [Listener(name: "web", bind: address, routes: 0..<1)],
            routes: [Route(name: "*", pool: 0)], pools: [pool],
            endpoints: [Endpoint(name: "10.0.0.1:80", address: address, pool: 0)])
        let request = DescribedRequest(method: "POST", url: "http://a.test:8080/")
        let rules = try RequestExplainer(snapshot, states: []).explain(request).text
        #expect(rules.contains("\n  retries.non_idempotent true  pool web\n"))
    }

    @Test func aPathOfSeveralRoutesIsToldWithItsReadings() throws {
        let explanation = try explain(
            DescribedRequest(
                method: "GET", url: "http://api.example.com:8080/..;/v1%2fx", client: IPAddress("10.1.2.3")!))
        #expect(explanation.status == 400)
        #expect(explanation.route == nil)
        #expect(
            explanation.text == """
                GET /..;/v1%2Fx for host api.example.com, from 10.1.2.3

                listener  web at 0.0.0.0:8080 (by its port; `--listener` names another)
                path      can be read in 5 ways
                  /..;/v1%2Fx     route near
                  /..;/v1/x       route near
                  above the root
                  /../v1%2Fx      route near
                  /../v1/x        route near
                routes
                  - posts  method: asks for POST, found GET
                  - v1     path: asks for /v1/*, found /..;/v1%2Fx
                  - old    path: asks for /old/*, found /..;/v1%2Fx
                  + near   matches
                answer    400, refused: ambiguous_path
                          an origin may read the path as one of another route; `paths` of the listener decides

                """)
        let other = try explain(DescribedRequest(method: "GET", url: "http://api.example.com:8080//v1"))
        #expect(other.readings.map(\.path) == ["//v1", "/v1"])
        #expect(other.readings.map(\.route) == [nil, "v1"])
        let usual = try explain(DescribedRequest(method: "GET", url: "http://api.example.com:8080/v1/%7ea%20b"))
        #expect(usual.readings.isEmpty)
        #expect(usual.forwarded?.path == "/~a%20b")
    }

    @Test func aRedirectHasItsLocation() throws {
        let explanation = try explain(DescribedRequest(method: "GET", url: "/old/a%2fb?x=1#part", listener: "web"))
        #expect(explanation.outcome == .redirect(status: 308, location: "https://new.test/a%2Fb?x=1"))
        #expect(explanation.trials.map(\.matches) == [false, false, true])
    }

    @Test func aRequestThatNoRouteMatchesIsTold() throws {
        let explanation = try explain(DescribedRequest(method: "POST", url: "http://x.test:8080/"))
        #expect(explanation.status == 404)
        #expect(
            explanation.trials.map(\.mismatch) == [
                "header x-tenant: asks for { present: true }, found none",
                "host: asks for api.example.com, found x.test", "path: asks for /old/*, found /",
                "client: asks for 10.0.0.0/8, found 127.0.0.1",
            ])
    }

    @Test func aRefusedHeadHasItsReason() throws {
        let explanation = try explain(DescribedRequest(method: "GET", url: "http://x.test:8080/a b"))
        #expect(explanation.status == 400)
        let above = try explain(DescribedRequest(method: "GET", url: "http://x.test:8080/../a"))
        #expect(above.outcome == .refused(status: 400, reason: "bad_path"))
    }

    @Test func theClientIsSeenThroughTrustedProxies() throws {
        func client(_ peer: String, _ told: String) throws -> String {
            try explain(
                DescribedRequest(
                    method: "GET", url: "/", headers: [.init(name: "X-Forwarded-For", value: told)],
                    client: IPAddress(peer)!)
            ).client
        }
        #expect(try client("192.0.2.1", "10.9.9.9, 10.1.1.1") == "10.1.1.1")
        #expect(try client("192.0.2.1", "10.1.1.1, 192.0.2.2") == "10.1.1.1")
        #expect(try client("192.0.2.1", "10.1.1.1, nobody") == "192.0.2.1")
        #expect(try client("198.51.100.1", "10.1.1.1") == "198.51.100.1")
    }

    @Test func statesOfARunningApusAreTold() throws {
        let states = [
            EndpointState(
                pool: "next", endpoint: "10.0.0.3:80", words: "unhealthy: refused", isAvailable: false, weight: 7)
        ]
        let explanation = try explain(DescribedRequest(method: "GET", url: "http://x.test:8081/"), states: states)
        #expect(explanation.listener.name == "inside")
        #expect(explanation.pools.first?.endpoints.first?.mayBePicked == false)
        #expect(explanation.text.contains("- 10.0.0.3:80  weight 7  unhealthy: refused"))
    }

    @Test func whatIsNoURLOrNoListenerIsRefused() {
        #expect(throws: RequestExplainer.Refusal.self) {
            try explain(DescribedRequest(method: "GET", url: "ftp://x.test/"))
        }
        #expect(throws: RequestExplainer.Refusal.self) {
            try explain(DescribedRequest(method: "GET", url: "/", listener: "wbe"))
        }
    }
}
