import ApusBalancing
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// An origin that hangs, or dies of a request, beside others that are well, with rules as they are by default.
@Suite struct HangingOrigins {
    private static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"

    /// The facts of a data plane until one is what is wanted.
    private func fact(
        of proxy: Proxy, _ isWanted: @Sendable (DataPlaneFact) -> Bool
    ) async -> DataPlaneFact? {
        for await report in proxy.dataPlane.facts where isWanted(report.fact) { return report.fact }
        return nil
    }

    /// A response that breaks off has a good status: what its endpoint did is counted and told all the same.
    @Test func anOriginThatBreaksOffIsToldOf() async throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        }
        let proxy = try Proxy(origin)
        let response = try proxy.get()
        #expect(response.status == 200 && !response.isComplete)
        try proxy.eventually("the counts") { proxy.count(.brokenResponses) == 1 }
        #expect(proxy.count(.failures) == 1 && proxy.count(.upstreamTruncated) == 1)
        let told = await fact(of: proxy) { _ in true }
        #expect(told == .gaveNoResponse(endpoint: 0, .upstreamTruncated, count: 1))
    }

    @Test func aSafeRequestGoesElsewhereAndTheOriginIsToldOf() async throws {
        let hung = try Origin.silent()
        let fine = try Origin()
        let proxy = try Proxy(hung, fine) {
            $0.timeouts.responseHead = .milliseconds(150)
            $0.pool = { pool, _ in Retries.freely(&pool.retries) }
        }
        let client = try proxy.connect()
        for _ in 0..<5 { #expect(try client.get().isGood) }
        // Each retry is the other's turn, so that the next request begins here again.
        #expect(hung.connections == 5 && fine.requests.count == 5)
        #expect(proxy.count(.retries, endpoint: 0) == 5)
        let first = await fact(of: proxy) { _ in true }
        #expect(first == .gaveNoResponse(endpoint: 0, .responseHeadTimeout, count: 1))
        let last = await fact(of: proxy) { if case .failedInARow = $0 { true } else { false } }
        #expect(last == .failedInARow(endpoint: 0, .timeout, count: 5))
        // What is not safe may be under way there.
        let statuses = try (0..<2).map { _ in
            try client.send(Self.post)
            return try client.readResponse().status
        }
        #expect(Set(statuses) == [200, 504])
    }

    /// Nothing is given up: an endpoint that hangs is told of after a second, its safe requests are asked elsewhere as well
    /// once it is out of use, and it is told of again when it answers.
    @Test(.onOwnThreads) func whoHangsIsToldOfSoonAndItsRequestsAreAnswered() async throws {
        let gate = Gate()
        let hung = try Origin(answering: { _ in
            try gate.pass(by: .after(.seconds(60)))
            return ok
        })
        let fine = try Origin()
        let proxy = try Proxy(hung, fine) { $0.pool = { pool, _ in Retries.freely(&pool.retries) } }
        let clients = try (0..<5).flatMap { _ in [try proxy.connect(), try proxy.connect()] }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        let posting = try proxy.connect()
        try posting.send(Self.post)
        try hung.wait(for: "six requests") { $0.requests.count == 6 }
        let told = await fact(of: proxy) { _ in true }
        #expect(told == .failedInARow(endpoint: 0, .timeout, count: 5))
        proxy.dataPlane.setEndpoint(0, available: false)
        for client in clients { #expect(try client.readResponse().isGood) }
        #expect(fine.requests.count == 10)
        gate.open()
        #expect(try posting.readResponse().isGood)
        #expect(await fact(of: proxy) { _ in true } == .answersAgain(endpoint: 0))
    }

    /// Two that hang are asked, and no third.
    @Test func aRequestThatIsLateEverywhereIsTriedTwice() throws {
        let origins = try (0..<3).map { _ in try Origin.silent() }
        let proxy = try Proxy(pools: [origins]) { $0.timeouts.responseHead = .milliseconds(100) }
        expectMade(try proxy.get(), [.responseHeadTimeout])
        #expect(origins.map(\.connections) == [1, 1, 0])
    }

    /// A GET that its origins die of must not kill them all.
    @Test(arguments: [true, false])
    func aRequestThatKillsItsOriginIsSentTwice(onKeptConnections: Bool) throws {
        let origins = try (0..<4).map { _ in
            try Origin { connection in
                while let request = try connection.readRequest() {
                    guard request.target != "/poison" else { return connection.reset() }
                    try connection.send(ok)
                }
            }
        }
        let proxy = try Proxy(pools: [origins]) { $0.pool = { pool, _ in Retries.freely(&pool.retries) } }
        let client = try proxy.connect()
        if onKeptConnections { for _ in 0..<4 { #expect(try client.get().isGood) } }
        expectMade(try client.get("/poison"), [.upstreamReset, .upstreamClosed])
        let poisoned = origins.map { $0.requests.count { $0.target == "/poison" } }
        #expect(poisoned.reduce(0, +) == 2, "\(poisoned)")
        #expect(poisoned.max() == 1, "the second went elsewhere: \(poisoned)")
    }

    /// Anybody can have an origin say 501.
    @Test(arguments: [501, 505, 404])
    func oddRequestsOpenNoBreaker(status: Int) throws {
        let origin = try Origin(answer: "HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n")
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.endpointBreaker = BreakerRules()
                pool.poolBreaker = BreakerRules()
                pool.outliers = OutlierRules(consecutive5xx: 3)
            }
        }
        let client = try proxy.connect()
        for _ in 0..<30 {
            try client.send("FOO / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().status == status)
        }
        #expect(proxy.count(.failures, endpoint: 0) == 0)
    }
}
