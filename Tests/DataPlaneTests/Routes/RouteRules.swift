import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// Time limits, retries and limits of one route, beside another that has none.
@Suite struct RouteRules {
    /// A proxy with the route `/special`, and one for everything else.
    static func proxy(
        _ endpoints: [any Addressed], configure: (inout Proxy.Configuration) -> Void = { _ in },
        special change: (inout Route) -> Void
    ) throws -> Proxy {
        var special = Route(name: "special", path: .prefix(bytes("/special")), pool: 0)
        change(&special)
        return try Proxy(pools: [endpoints]) {
            $0.routes = [special, Route(name: "*", pool: 0)]
            configure(&$0)
        }
    }

    static func duration(of work: () throws -> Void) rethrows -> Duration {
        let clock = ContinuousClock()
        let started = clock.now
        try work()
        return clock.now - started
    }

    // MARK: Time

    @Test func aRoutesOwnTimeForAHeadEndsItEarlier() throws {
        let proxy = try Self.proxy([try Origin.silent()]) { $0.timeouts.responseHead = .milliseconds(100) }
        let time = try Self.duration { expectMade(try proxy.get("/special"), [.responseHeadTimeout]) }
        #expect(time < .seconds(10))
        // The other waits on, for the 30 seconds that are the default.
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.isSilent(for: .milliseconds(400)))
    }

    @Test func aRoutesOwnTimeForAHeadMayBeLonger() throws {
        let origin = try Origin { connection in
            while try connection.readRequest() != nil {
                rest(.milliseconds(700))
                try connection.send(ok)
            }
        }
        let proxy = try Self.proxy(
            [origin], configure: { $0.timeouts.responseHead = .milliseconds(200) },
            special: {
                $0.timeouts.responseHead = .seconds(20)
            })
        #expect(try proxy.get("/special").isGood)
        expectMade(try proxy.get("/"), [.responseHeadTimeout])
    }

    @Test func aRoutesOwnTimeForABody() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
            rest(.seconds(20))
        }
        let proxy = try Self.proxy([origin]) { $0.timeouts.body = .milliseconds(100) }
        let time = try Self.duration {
            let response = try proxy.get("/special")
            #expect(!response.isComplete)
        }
        #expect(time < .seconds(10))
        try proxy.eventually("the reason") { proxy.count(.responseBodyTimeout) == 1 }
    }

    @Test func aClientThatSendsSlowlyHasTheRoutesTime() throws {
        let proxy = try Self.proxy([try Origin()]) { $0.timeouts.body = .milliseconds(100) }
        let client = try proxy.connect()
        try client.send("POST /special HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        expectMade(try client.readResponse(to: "POST"), [.requestBodyTimeout])
    }

    @Test func aRoutesOwnTimeToConnect() throws {
        let hole = try BlackHole()
        let proxy = try Self.proxy([hole]) { $0.timeouts.connect = .milliseconds(100) }
        let time = try Self.duration { expectMade(try proxy.get("/special"), [.connectTimeout]) }
        #expect(time < .milliseconds(2_900), "\(time)")
    }

    // MARK: Retries

    @Test func aRouteRetriesByItsOwnRules() throws {
        let busy = try Origin(answer: Retries.unavailable)
        let proxy = try Self.proxy(
            [busy], configure: { $0.pool = { pool, _ in Retries.freely(&pool.retries) } },
            special: {
                $0.retries = RetryRules(attempts: 5, statuses: [503], backoff: .zero)
            })
        #expect(try proxy.get("/special").status == 503)
        #expect(busy.requests.count == 5)
        #expect(try proxy.get("/").status == 503)
        #expect(busy.requests.count == 6)
    }

    @Test func aRouteMayRetryLessThanItsPool() throws {
        let busy = try Origin(answer: Retries.unavailable)
        let fine = try Origin()
        let proxy = try Self.proxy(
            [busy, fine],
            configure: {
                $0.pool = { pool, _ in
                    Retries.freely(&pool.retries)
                    pool.retries.statuses = [503]
                }
            },
            special: { $0.retries = RetryRules(attempts: 1) })
        let client = try proxy.connect()
        let special = try (0..<10).map { _ in try client.get("/special").status }
        #expect(special.filter { $0 == 503 }.count == 5)
        for _ in 0..<10 { #expect(try client.get("/").isGood) }
    }

    /// The budget is the pool's, whoever asks.
    @Test func aRoutesRetriesComeOutOfThePoolsBudget() throws {
        let busy = try Origin(answer: Retries.unavailable)
        let proxy = try Self.proxy(
            [busy],
            configure: {
                $0.pool = { pool, _ in
                    pool.retries.budgetPercent = 0
                    pool.retries.minimumPerSecond = 0
                }
            },
            special: { $0.retries = RetryRules(attempts: 5, statuses: [503], backoff: .zero) })
        #expect(try proxy.get("/special").status == 503)
        #expect(busy.requests.count == 1)
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .retriesDenied)) == 1)
    }

    @Test func aRoutesOwnTimePerTry() throws {
        let fine = try Origin()
        let proxy = try Self.proxy(
            [try Origin.silent(), fine], configure: { $0.pool = { pool, _ in Retries.freely(&pool.retries) } },
            special: { $0.retries = RetryRules(attempts: 2, perTryTimeout: .milliseconds(700), backoff: .zero) })
        // The other one has as long: a busy machine needs it.
        for _ in 0..<4 { #expect(try proxy.get("/special").isGood) }
        #expect(proxy.count(.failures, endpoint: 0) == 4)
    }

    @Test(arguments: [(20_000, 2), (0, 1)]) func aRouteKeepsAsMuchOfABodyAsItSays(kept: Int, attempts: Int) throws {
        let busy = try Origin(answer: Retries.unavailable)
        let proxy = try Self.proxy(
            [busy],
            configure: {
                $0.pool = { pool, _ in
                    Retries.freely(&pool.retries)
                    pool.retries.bodyBytes = 5_000
                }
            },
            special: { $0.retries = RetryRules(attempts: 2, statuses: [503], bodyBytes: kept, backoff: .zero) })
        let client = try proxy.connect()
        try client.send("PUT /special HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
        try busy.wait(for: "the head") { $0.heads.count == 1 }
        try client.send(String(repeating: "x", count: 10_000))
        #expect(try client.readResponse(to: "PUT").status == 503)
        #expect(busy.requests.count == attempts)
    }

    // MARK: Limits

    @Test func aRoutesBodiesAreLimited() throws {
        let proxy = try Self.proxy(
            [try Origin()], configure: { $0.limits.bodyBytes = 10 },
            special: {
                $0.limits.bodyBytes = 100
            })
        func send(_ path: String, _ body: String) throws -> Response {
            try proxy.exchange("POST \(path) HTTP/1.1\r\nHost: a\r\n\(body)", method: "POST")
        }
        func length(_ count: Int) -> String {
            "Content-Length: \(count)\r\n\r\n" + String(repeating: "x", count: count)
        }
        func chunked(_ count: Int) -> String {
            let size = String(count, radix: 16)
            return "Transfer-Encoding: chunked\r\n\r\n\(size)\r\n" + String(repeating: "x", count: count)
                + "\r\n0\r\n\r\n"
        }
        #expect(try send("/special", length(100)).isGood)
        #expect(try send("/special", chunked(100)).isGood)
        expectMade(try send("/special", length(101)), [.bodyTooLarge])
        expectMade(try send("/special", chunked(101)), [.bodyTooLarge])
        #expect(try send("/", length(10)).isGood)
        expectMade(try send("/", length(11)), [.bodyTooLarge])
        expectMade(try send("/", chunked(11)), [.bodyTooLarge])
    }

    @Test(arguments: [1, 3]) func aRoutesRequestsInFlightAreLimited(workers: Int) throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/special/slow" { try gate.pass() }
                try connection.send(ok)
            }
        }
        let proxy = try Self.proxy([origin], configure: { $0.workers = workers }, special: { $0.limits.requests = 3 })
        let slow = try (0..<3).map { _ in try proxy.connect() }
        for client in slow { try client.send("GET /special/slow HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "three requests") { $0.requests.count == 3 }
        let client = try proxy.connect()
        for _ in 0..<3 {
            let refused = try client.get("/special")
            expectMade(refused, [.routeSaturated])
            #expect(refused.fields["Retry-After"] == "1" && !refused.announcesClose)
        }
        #expect(try client.get("/").isGood)
        // One that hangs up makes room as one that is answered does.
        slow[0].reset()
        try proxy.eventually("room") { try client.get("/special").isGood }
        gate.open()
        for client in slow.dropFirst() { #expect(try client.readResponse().isGood) }
        for _ in 0..<10 { #expect(try client.get("/special").isGood) }
    }
}
