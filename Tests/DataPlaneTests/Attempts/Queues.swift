import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// How many requests a pool and its endpoints take at once, and where the others wait.
@Suite struct Queues {
    /// An origin that answers when the gate is open.
    static func gated(_ gate: Gate) throws -> Origin {
        try Origin(answering: { _ in
            try gate.pass(by: .after(.seconds(30)))
            return ok
        })
    }

    private func send(_ count: Int, to proxy: Proxy) throws -> [Connection] {
        try (0..<count).map { _ in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return client
        }
    }

    private func queued(_ proxy: Proxy) -> UInt64 { proxy.dataPlane.total(proxy.layout.pool(0, .queued)) }

    @Test func beyondTheLimitARequestIsRefusedAtOnce() throws {
        let gate = Gate()
        let origin = try Self.gated(gate)
        let proxy = try Proxy(origin) { $0.pool = { pool, _ in pool.requests.perEndpoint = 2 } }
        let clients = try send(2, to: proxy)
        try origin.wait(for: "two requests") { $0.requests.count == 2 }
        let refused = try proxy.get()
        expectMade(refused, [.poolSaturated])
        #expect(refused.fields["Retry-After"] == "1")
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        #expect(try proxy.get().isGood)
    }

    @Test func theLimitOfAPoolCountsAllItsEndpoints() throws {
        let gate = Gate()
        let origins = try (0..<3).map { _ in try Self.gated(gate) }
        let proxy = try Proxy(pools: [origins]) { $0.pool = { pool, _ in pool.requests.perPool = 2 } }
        let clients = try send(2, to: proxy)
        try proxy.eventually("two requests") { origins.map(\.requests.count).reduce(0, +) == 2 }
        expectMade(try proxy.get(), [.poolSaturated])
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
    }

    @Test func whoWaitsIsServedInOrder() throws {
        let gate = Gate()
        let origin = try Self.gated(gate)
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.requests.perEndpoint = 1
                pool.requests.queue = QueueRules(length: 10, timeout: .seconds(20))
            }
        }
        let clients = try (0..<6).map { number in
            let client = try proxy.connect()
            try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
            try proxy.eventually("the request to be there") {
                origin.requests.count + Int(queued(proxy)) == number + 1
            }
            return client
        }
        #expect(queued(proxy) == 5)
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        #expect(origin.requests.map(\.target) == (0..<6).map { "/\($0)" })
        #expect(queued(proxy) == 0)
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .dequeued)) == 5)
    }

    /// The worker whose own breaker opens tells its own queue, too: all who wait, and not the one whose turn it is.
    @Test func whoWaitsHearsThatTheBreakerOpened() throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass(by: .after(.seconds(30)))
            return "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        })
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.requests.perEndpoint = 1
                pool.requests.queue = QueueRules(length: 10, timeout: .seconds(20))
                pool.endpointBreaker = BreakerRules(consecutiveFailures: 1)
            }
        }
        let first = try send(1, to: proxy)[0]
        try origin.wait(for: "the request") { $0.requests.count == 1 }
        let others = try send(4, to: proxy)
        try proxy.eventually("the others to wait") { queued(proxy) == 4 }
        gate.open()
        #expect(try first.readResponse().status == 500)
        for client in others {
            client.patience = .seconds(5)
            expectMade(try client.readResponse(), [.breakerOpen])
        }
        #expect(origin.requests.count == 1)
    }

    @Test func theQueueHasALengthAndATimeLimit() throws {
        let gate = Gate()
        let origin = try Self.gated(gate)
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.requests.perEndpoint = 1
                pool.requests.queue = QueueRules(length: 2, timeout: .milliseconds(300))
            }
        }
        let clients = try send(1, to: proxy)
        try origin.wait(for: "the request") { $0.requests.count == 1 }
        let waiting = try send(2, to: proxy)
        try proxy.eventually("two to wait") { queued(proxy) == 2 }
        expectMade(try proxy.get(), [.queueFull])
        for client in waiting { expectMade(try client.readResponse(), [.queueTimeout]) }
        #expect(queued(proxy) == 0)
        gate.open()
        #expect(try clients[0].readResponse().isGood)
        // Who waited in vain can ask again on the same connection.
        #expect(try waiting[0].get().isGood)
    }

    @Test func aClientThatLeavesGivesItsPlaceUp() throws {
        let gate = Gate()
        let origin = try Self.gated(gate)
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.requests.perEndpoint = 1
                pool.requests.queue = QueueRules(length: 2, timeout: .seconds(20))
            }
        }
        let first = try send(1, to: proxy)
        try origin.wait(for: "the request") { $0.requests.count == 1 }
        let leaving = try send(1, to: proxy)
        let staying = try send(1, to: proxy)
        try proxy.eventually("two to wait") { queued(proxy) == 2 }
        leaving[0].close()
        try proxy.eventually("one to leave") { queued(proxy) == 1 }
        #expect(proxy.count(.clientClosed) == 1)
        gate.open()
        #expect(try first[0].readResponse().isGood)
        #expect(try staying[0].readResponse().isGood)
        #expect(origin.requests.count == 2)
    }

    /// The ways in which the only endpoint of a pool can leave.
    enum Leaving: CaseIterable {
        case health, drain, breaker, poolBreaker, reloadedWeight, replaced
    }

    private func leave(_ how: Leaving, _ proxy: Proxy) async throws {
        let open = BreakerState.open(until: 1 << 50, openings: 1)
        switch how {
        case .health: proxy.dataPlane.setEndpoint(0, available: false)
        case .drain: proxy.dataPlane.setWeight(0, 0)
        case .breaker: proxy.dataPlane.setBreaker(.endpoint(0), open, exceptWorker: -1)
        case .poolBreaker: proxy.dataPlane.setBreaker(.pool(0), open, exceptWorker: -1)
        case .reloadedWeight: try await proxy.reload { $0.pools[0].endpoints[0].weight = 0 }
        case .replaced:
            let refusing = try RefusingPort()
            try await proxy.reload { $0.pools[0].endpoints[0].address = refusing.address }
        }
    }

    @Test(.onOwnThreads, arguments: Leaving.allCases)
    func whenNobodyIsLeftTheWaitIsOver(how: Leaving) async throws {
        let gate = Gate()
        let origin = try Self.gated(gate)
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.requests.perEndpoint = 1
                pool.requests.queue = QueueRules(length: 10, timeout: .seconds(60))
                pool.endpointBreaker = BreakerRules()
                pool.poolBreaker = BreakerRules()
            }
        }
        let first = try send(1, to: proxy)
        try origin.wait(for: "the request") { $0.requests.count == 1 }
        let waiting = try send(2, to: proxy)
        try proxy.eventually("two to wait") { queued(proxy) == 2 }
        try await leave(how, proxy)
        for client in waiting {
            expectMade(try client.readResponse(), [.noHealthyEndpoint, .breakerOpen, .connectFailed])
        }
        gate.open()
        #expect(try first[0].readResponse().isGood)
    }

    /// What ends at one worker makes room for what waits at another.
    @Test func workersShareTheLimitAndMakeRoomForEachOther() throws {
        let origin = try Origin(answering: { _ in
            rest(.milliseconds(2))
            return ok
        })
        let proxy = try Proxy(origin) {
            $0.workers = 2
            $0.pool = { pool, _ in
                pool.requests.perEndpoint = 1
                pool.requests.queue = QueueRules(length: 100, timeout: .seconds(20))
            }
        }
        let load = Load(on: proxy.address, connections: 12)
        try load.waitForMore(300)
        let result = try load.stop()
        #expect(result.isFlawless, "\(result)")
        #expect(queued(proxy) == 0)
    }
}

/// Requests are refused when there are more than the pool can take, the least important first.
@Suite struct ConcurrencyLimits {
    @Test func theLowAreRefusedFirst() throws {
        let gate = Gate()
        let origin = try Queues.gated(gate)
        let proxy = try Proxy(origin) {
            $0.pool = { pool, _ in
                pool.concurrency = ConcurrencyRules(
                    initial: 10, minimum: 10, maximum: 10, interval: .seconds(60), priorityHeader: "X-Priority",
                    retryAfter: .seconds(7))
            }
        }
        func ask(_ priority: String) throws -> Connection {
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nx-priority: \(priority)\r\n\r\n")
            return client
        }
        let low = try (0..<8).map { _ in try ask("low") }
        try origin.wait(for: "eight requests") { $0.requests.count == 8 }
        let refused = try ask("LOW").readResponse()
        expectMade(refused, [.overloaded])
        #expect(refused.fields["Retry-After"] == "7")
        let normal = try (0..<2).map { _ in try ask("normal") }
        try origin.wait(for: "ten requests") { $0.requests.count == 10 }
        expectMade(try ask("normal").readResponse(), [.overloaded])
        expectMade(try ask("nonsense").readResponse(), [.overloaded])
        let high = try ask("high")
        try origin.wait(for: "eleven requests") { $0.requests.count == 11 }
        gate.open()
        for client in low + normal + [high] { #expect(try client.readResponse().isGood) }
        #expect(try proxy.get().isGood)
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .concurrencyLimit)) == 10)
    }

    @Test func aRouteHasAPriority() throws {
        let gate = Gate()
        let origin = try Queues.gated(gate)
        let proxy = try Proxy(origin) {
            $0.routes = [
                Route(name: "/low", path: .exact(Array("/low".utf8)), pool: 0, priority: .low),
                Route(name: "*", pool: 0),
            ]
            $0.pool = { pool, _ in
                pool.concurrency = ConcurrencyRules(initial: 10, minimum: 10, maximum: 10, interval: .seconds(60))
            }
        }
        let clients = try (0..<8).map { _ in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return client
        }
        try origin.wait(for: "eight requests") { $0.requests.count == 8 }
        expectMade(try proxy.get("/low"), [.overloaded])
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        #expect(try proxy.get("/low").isGood)
    }
}
