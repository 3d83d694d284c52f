import ApusModel
import ApusProxy
import ApusTestKit
import Testing

extension Tag {
    /// Runs for seconds rather than milliseconds.
    @Tag static var load: Self
}

/// Origins that fail while requests keep coming: no GET fails that the rules say need not.
@Suite(.tags(.load), .serialized) struct FailuresUnderLoad {
    static func origin(_ answer: String = ok) throws -> Origin {
        try Origin { connection in
            while try connection.readRequest() != nil {
                try connection.send(answer)
            }
        }
    }

    /// Requests under way at its death are repeated elsewhere, those after it go elsewhere at once.
    @Test(arguments: [1, 2])
    func anOriginThatIsKilledIsNotNoticed(workers: Int) throws {
        let origins = try (0..<3).map { _ in try Self.origin() }
        let proxy = try Proxy(pools: [origins]) { $0.workers = workers }
        let load = Load(on: proxy.address, connections: 8, expecting: "ok")
        for round in 0..<3 {
            try load.waitForMore(400)
            origins[round].kill()
            try load.waitForMore(400)
            try origins[round].reopen()
        }
        try load.waitForMore(400)
        let result = try load.stop()
        #expect(result.isFlawless, "\(result)")
        #expect(result.connections == 8)
    }

    @Test func anOriginThatRestartsInGoodOrderIsNotNoticed() throws {
        let origins = try (0..<2).map { _ in try Self.origin() }
        let proxy = try Proxy(pools: [origins])
        let load = Load(on: proxy.address, connections: 8, expecting: "ok")
        for round in 0..<10 {
            try load.waitForMore(200)
            origins[round % 2].close()
            try load.waitForMore(200)
            try origins[round % 2].reopen()
        }
        let result = try load.stop()
        #expect(result.isFlawless, "\(result)")
    }

    /// Connections that die again and again under an origin that lives on. What breaks twice is not tried a third time, so that
    /// on a busy machine there must be time between.
    @Test func connectionsThatBreakAreNotNoticed() throws {
        let origins = try (0..<2).map { _ in try Self.origin() }
        let proxy = try Proxy(pools: [origins])
        let load = Load(on: proxy.address, connections: 8, expecting: "ok")
        for round in 0..<15 {
            try load.waitForMore(300)
            origins[round % 2].breakConnections()
        }
        let result = try load.stop()
        #expect(result.isFlawless, "\(result)")
    }

    /// Its GETs are repeated elsewhere, each once; nobody else's are.
    @Test func anOriginThatNeverAnswersCostsItsRequestsTimeOnly() throws {
        let silent = try Origin.silent()
        let good = try (0..<2).map { _ in try Self.origin() }
        let proxy = try Proxy(silent, good[0], good[1]) {
            $0.timeouts.responseHead = .milliseconds(300)
            $0.pool = { pool, _ in Retries.freely(&pool.retries) }
        }
        let load = Load(on: proxy.address, connections: 6)
        try load.waitForMore(40, by: .after(.seconds(20)))
        let result = try load.stop()
        #expect(result.failures.isEmpty, "\(result)")
        #expect(result.count(200) == result.total, "\(result)")
        #expect(silent.connections > 0 && silent.connections == proxy.count(.retries, endpoint: 0))
        #expect(good[0].requests.count + good[1].requests.count == result.count(200))
    }

    /// What was begun cannot be repeated: those responses are broken, visibly, and all others are whole.
    @Test func anOriginThatResetsInTheMiddleOfABodyBreaksItsOwnResponsesOnly() throws {
        let body = String(repeating: "x", count: 1000)
        let bad = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body.prefix(500))
            connection.reset()
        }
        let good = try Self.origin("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body)
        let proxy = try Proxy(bad, good)
        let load = Load(on: proxy.address, connections: 6, expecting: body)
        try load.waitForMore(200)
        let result = try load.stop()
        // Where the reset overtakes the first half there is nothing to break yet, and a 502 is the better answer.
        let broken = bad.connections
        let answered = result.count(502)
        #expect(result.failures.count == min(100, broken - answered), "\(result)")
        #expect(result.failures.allSatisfy { $0.contains("cut short") || $0.contains("while reading") }, "\(result)")
        #expect(result.count(200) == good.requests.count && result.count(200) > 50)
    }

    /// With all of them gone each request gets its 502 or 503 at once; with the first one back, 200 again.
    @Test func allOriginsDownAndBack() throws {
        let origins = try (0..<3).map { _ in try Self.origin() }
        let proxy = try Proxy(pools: [origins])
        let load = Load(on: proxy.address, connections: 8)
        try load.waitForMore(300)
        for origin in origins { origin.kill() }
        let before = load.result.total
        let start = ContinuousClock.now
        try load.waitForMore(300)
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(load.result.total - before >= 290)
        // The control plane's part: three connects in a row have failed.
        for endpoint in 0..<3 { proxy.dataPlane.setEndpoint(endpoint, available: false) }
        try load.waitForMore(300)
        try proxy.eventually("no endpoint to be asked") { load.result.reasons["no_healthy_endpoint"] ?? 0 > 100 }
        for endpoint in 0..<3 {
            try origins[endpoint].reopen()
            proxy.dataPlane.setEndpoint(endpoint, available: true)
        }
        try proxy.eventually("service as before") { try proxy.get().isGood }
        let errors = load.result.total - load.result.count(200)
        try load.waitForMore(300)
        let result = try load.stop()
        #expect(result.failures.isEmpty, "\(result)")
        #expect(result.total - result.count(200) - errors <= 8, "what was under way when they came back")
        #expect(Set(result.statuses.keys).isSubset(of: [200, 502, 503]), "\(result)")
        let reasons: Set = ["connect_failed", "no_healthy_endpoint", "upstream_reset", "upstream_closed"]
        #expect(Set(result.reasons.keys).isSubset(of: reasons), "\(result)")
        #expect(result.connections == 8, "a 502 or 503 does not end the client's connection")
    }
}
