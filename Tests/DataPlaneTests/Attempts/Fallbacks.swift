import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// What answers when a pool has no endpoint.
@Suite struct Fallbacks {
    @Test func anotherPoolAnswers() throws {
        let origin = try Origin()
        let spare = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nspare")
        let proxy = try Proxy(pools: [[origin], [spare]]) {
            $0.pool = { pool, index in if index == 0 { pool.fallback = .pool(1) } }
        }
        #expect(try proxy.get().isGood)
        proxy.dataPlane.setEndpoint(0, available: false)
        try proxy.eventually("the fallback") { try proxy.get().text == "spare" }
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .fallbacks)) >= 1)
        let slot = proxy.layout.requests(row: 0, endpoint: 1, statusClass: 2)
        try proxy.eventually("the count") { proxy.dataPlane.total(slot) >= 1 }
        proxy.dataPlane.setEndpoint(0, available: true)
        try proxy.eventually("the pool") { try proxy.get().isGood }
    }

    @Test func anEndpointThatRefusesIsAReasonToo() throws {
        let spare = try Origin()
        let proxy = try Proxy(pools: [[try RefusingPort()], [spare]]) {
            $0.pool = { pool, index in if index == 0 { pool.fallback = .pool(1) } }
        }
        let client = try proxy.connect()
        for _ in 0..<3 { #expect(try client.get().isGood) }
        let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        #expect(try proxy.exchange(body, method: "POST").isGood)
        #expect(spare.requests.last?.text == "hello")
    }

    /// The log tells whom the first pool asked, if the second asks nobody.
    @Test func whoWasAskedLastIsLogged() throws {
        let file = AccessLogFile()
        let template = try AccessLogTemplate("{endpoint} {reason}")
        let proxy = try Proxy(pools: [[try RefusingPort()], [try Origin()]]) {
            $0.pool = { pool, index in if index == 0 { pool.fallback = .pool(1) } }
            $0.accessLog = file.log(.template(template))
        }
        proxy.dataPlane.setEndpoint(1, available: false)
        try proxy.eventually("the fallback's endpoint to leave") { try proxy.get().status == 503 }
        let lines = try file.lines(1, of: proxy)
        let refusing = proxy.dataPlane.snapshot.endpoints[0].name
        #expect(lines.last == "\(refusing) no_healthy_endpoint", "\(lines)")
    }

    @Test func aResponseOfApussOwnAnswers() throws {
        let proxy = try Proxy(try Origin()) {
            $0.pool = { pool, _ in
                pool.fallback = .response(
                    FallbackResponse(
                        status: 503, contentType: "text/html", body: Array("<p>Back soon.</p>".utf8),
                        retryAfter: .seconds(30)))
            }
        }
        proxy.dataPlane.setEndpoint(0, available: false)
        try proxy.eventually("the endpoint to leave") { try proxy.get().status == 503 }
        let client = try proxy.connect()
        let response = try client.get()
        #expect(response.status == 503 && response.text == "<p>Back soon.</p>" && response.isComplete)
        #expect(response.fields["Content-Type"] == "text/html" && response.fields["Retry-After"] == "30")
        #expect(response.reason == "no_healthy_endpoint")
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.readResponse(to: "HEAD")
        #expect(head.status == 503 && head.fields["Content-Length"] == "17" && head.body.isEmpty)
        #expect(try client.get().status == 503)
    }

    @Test func inPanicAllEndpointsAreUsed() throws {
        let origins = try Balancing.origins(4)
        let proxy = try Proxy(pools: [origins]) { $0.pool = { pool, _ in pool.panicThreshold = 50 } }
        for endpoint in 1...2 { proxy.dataPlane.setEndpoint(endpoint, available: false) }
        let client = try proxy.connect()
        try proxy.eventually("two to leave") {
            Set(try (0..<8).map { _ in try client.get().text }) == ["0", "3"]
        }
        proxy.dataPlane.setEndpoint(3, available: false)
        try proxy.eventually("all to be used") {
            Set(try (0..<8).map { _ in try client.get().text }) == ["0", "1", "2", "3"]
        }
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .panicPicks)) > 0)
    }
}

/// Circuit breakers on the request path.
@Suite struct Breakers {
    static let broken = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"

    @Test func anEndpointThatFailsIsLeftAloneAndTriedAgain() throws {
        let state = Monitor(true)
        let failing = try Origin(answering: { _ in state.with { $0 } ? Self.broken : ok })
        let fine = try Origin()
        let proxy = try Proxy(failing, fine) {
            $0.pool = { pool, _ in
                pool.endpointBreaker = BreakerRules(
                    consecutiveFailures: 3, failurePercent: nil, open: .seconds(2), maximumOpen: .seconds(4),
                    trials: 2)
            }
        }
        let client = try proxy.connect()
        var statuses: [Int] = []
        for _ in 0..<30 { statuses.append(try client.get().status) }
        #expect(statuses.filter { $0 == 500 }.count == 3 && failing.requests.count == 3, "\(statuses)")
        state.with { $0 = false }
        try proxy.eventually("the endpoint to be tried again") {
            _ = try client.get()
            return failing.requests.count >= 5
        }
        // Closed again: it gets every other request.
        let before = failing.requests.count
        for _ in 0..<20 { #expect(try client.get().isGood) }
        #expect(failing.requests.count == before + 10)
    }

    @Test func withEveryBreakerOpenTheAnswerSaysSo() throws {
        let failing = try Origin(answer: Self.broken)
        let proxy = try Proxy(failing) {
            $0.pool = { pool, _ in
                pool.endpointBreaker = BreakerRules(
                    consecutiveFailures: 2, failurePercent: nil, open: .seconds(60), trials: 1)
            }
        }
        let client = try proxy.connect()
        for _ in 0..<2 { #expect(try client.get().status == 500) }
        let response = try client.get()
        expectMade(response, [.breakerOpen])
        #expect(response.fields["Retry-After"] == "1")
        #expect(failing.requests.count == 2)
    }

    @Test func aPoolsBreakerRefusesEverything() throws {
        let failing = try Origin(answer: Self.broken)
        let proxy = try Proxy(failing, try Origin(answer: Self.broken)) {
            $0.pool = { pool, _ in
                pool.poolBreaker = BreakerRules(
                    consecutiveFailures: nil, failurePercent: 50, minimumVolume: 6, open: .seconds(60), trials: 1)
            }
        }
        let client = try proxy.connect()
        for _ in 0..<6 { #expect(try client.get().status == 500) }
        expectMade(try client.get(), [.breakerOpen])
    }

    @Test func slowAnswersOpenItToo() throws {
        let slow = try Origin(answering: { _ in
            rest(.milliseconds(200))
            return ok
        })
        let fine = try Origin()
        let proxy = try Proxy(slow, fine) {
            $0.pool = { pool, _ in
                pool.endpointBreaker = BreakerRules(
                    consecutiveFailures: nil, failurePercent: nil, slowPercent: 50, slowAfter: .milliseconds(150),
                    minimumVolume: 5, open: .seconds(60))
            }
        }
        let client = try proxy.connect()
        for _ in 0..<30 { #expect(try client.get().isGood) }
        #expect(slow.requests.count == 5)
    }

    /// What one worker finds out the others are told.
    @Test func workersFollowEachOther() async throws {
        let failing = try Origin(answer: Self.broken)
        let fine = try Origin()
        let proxy = try Proxy(failing, fine) {
            $0.workers = 2
            $0.pool = { pool, _ in
                pool.endpointBreaker = BreakerRules(
                    consecutiveFailures: 3, failurePercent: nil, open: .seconds(60), trials: 1)
            }
        }
        // The control plane's part.
        let relay = Task { [dataPlane = proxy.dataPlane] in
            for await report in dataPlane.facts {
                guard case .breakerChanged(let breaker, let state, _, let worker) = report.fact else { continue }
                dataPlane.setBreaker(breaker, state, exceptWorker: worker)
            }
        }
        defer { relay.cancel() }
        try proxy.eventually("the breaker to open") {
            _ = try proxy.get()
            return failing.requests.count >= 3
        }
        try proxy.eventually("the other worker to follow") { try (0..<20).allSatisfy { _ in try proxy.get().isGood } }
        #expect(failing.requests.count <= 6)
    }
}
