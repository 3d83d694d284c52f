import ApusBalancing
import ApusModel
import Foundation
import FoundationNetworking
import Logging
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct AdminServerTests {
    struct Answer: Equatable {
        var status: Int
        var body: String
        var type: String?
    }

    /// What the admin server answers to GET `path` while its endpoints are in the given states.
    func get(
        _ path: String, _ areUp: [Bool?] = [true], _ phase: ServingState.Phase = .serving,
        adjust: (inout Pool) -> Void = { _ in }, then: (inout [PoolHealth]) -> Void = { _ in }
    ) async throws -> Answer {
        let snapshot = Snapshot.pool(
            areUp.indices.map { SocketAddress("127.0.0.1:\(1 + $0)")! }, adjust: adjust)
        let report = HealthReport.of(snapshot, areUp, then: then)
        let serving = ServingState()
        serving.phase = phase
        let (bound, sink) = AsyncStream<SocketAddress>.makeStream()
        let server = AdminServer(
            address: SocketAddress("127.0.0.1:0")!, snapshot: snapshot,
            metrics: MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot)), serving: serving,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"),
            health: { report }, listening: { sink.yield($0) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = bound.makeAsyncIterator()
            let address = try #require(await iterator.next())
            let (data, response) = try await URLSession.shared.data(from: URL(string: "http://\(address)\(path)")!)
            group.cancelAll()
            let http = try #require(response as? HTTPURLResponse)
            return Answer(
                status: http.statusCode, body: String(decoding: data, as: UTF8.self),
                type: http.value(forHTTPHeaderField: "Content-Type"))
        }
    }

    @Test func metricsAreWellFormed() async throws {
        let answer = try await get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.type == "text/plain; version=0.0.4; charset=utf-8")
        #expect(try Exposition(answer.body).value("apus_endpoint_up", ["pool": "web", "endpoint": "127.0.0.1:1"]) == 1)
    }

    @Test(arguments: [ServingState.Phase.starting, .serving, .draining])
    func aliveWhateverHappens(phase: ServingState.Phase) async throws {
        #expect(try await get("/livez", [false], phase).status == 200)
    }

    @Test func readyWhenEveryPoolHasAnEndpoint() async throws {
        #expect(try await get("/readyz", [false, nil]).status == 200)
    }

    @Test(arguments: [
        (ServingState.Phase.serving, "pool web has no endpoint that may be picked\n"),
        (.starting, "starting: the listeners do not accept yet\n"),
        (.draining, "draining: finishing what is in flight, then stopping\n"),
    ])
    func notReadyWithTheReason(phase: ServingState.Phase, reason: String) async throws {
        let answer = try await get("/readyz", [phase != .serving], phase)
        #expect(answer.status == 503)
        #expect(answer.body == reason)
    }

    @Test func aFallbackOrPanicIsReadyToo() async throws {
        #expect(try await get("/readyz", [false]).status == 503)
        #expect(try await get("/readyz", [false], adjust: { $0.panicThreshold = 50 }).status == 200)
        let fallback = Fallback.response(FallbackResponse())
        #expect(try await get("/readyz", [false], adjust: { $0.fallback = fallback }).status == 200)
    }

    // MARK: - Pools

    static func adjust(_ pool: inout Pool) {
        pool.outliers = OutlierRules()
        pool.panicThreshold = 80
        pool.endpointBreaker = BreakerRules()
        pool.poolBreaker = BreakerRules()
    }

    static func happenings(_ pools: inout [PoolHealth]) {
        _ = pools[0].failedInARow(0, .status5xx, count: 5, now: 70_000_000)
        _ = pools[0].breakerChanged(
            .endpoint(2), .open(until: 105_000_000, openings: 1), .failures(failed: 12, total: 20), now: 99_000_000)
    }

    @Test func poolsAreToldAsText() async throws {
        let answer = try await get(
            "/v1/pools?text", [true, false, true, nil], adjust: Self.adjust, then: Self.happenings)
        #expect(answer.status == 200 && answer.type == "text/plain; charset=utf-8")
        #expect(
            answer.body == """
                web: 2 of 4 endpoints available, panicking: all of them are used; breaker closed
                  127.0.0.1:1  weight 1  in flight 0  since 2026-03-01T14:02:50Z  ejected until 14:03:20Z: \
                5 consecutive 5xx; breaker closed
                  127.0.0.1:2  weight 1  in flight 0  since 2026-03-01T14:01:43Z  unhealthy: \
                3 of 3 probes failed: timed out; breaker closed
                  127.0.0.1:3  weight 1  in flight 0  since 2026-03-01T14:01:40Z  healthy; \
                breaker open until 14:03:25Z: 12 of 20 requests failed
                  127.0.0.1:4  weight 1  in flight 0  since 2026-03-01T14:01:40Z  unknown; breaker closed

                """)
    }

    @Test func poolsAreToldAsJSON() async throws {
        let answer = try await get(
            "/v1/pools", [true, false, true, nil], adjust: Self.adjust, then: Self.happenings)
        #expect(answer.status == 200 && answer.type == "application/json")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: [[String: Any]]])
        let pool = try #require(object["pools"]?.first)
        #expect(pool["name"] as? String == "web" && pool["panicking"] as? Bool == true)
        #expect(pool["available"] as? Int == 2 && pool["total"] as? Int == 4)
        let endpoints = try #require(pool["endpoints"] as? [[String: Any]])
        #expect(endpoints.map { $0["state"] as? String } == ["ejected", "unhealthy", "healthy", "unknown"])
        let ejected = endpoints[0]
        #expect(ejected["words"] as? String == "ejected until 14:03:20Z: 5 consecutive 5xx")
        #expect(ejected["since"] as? String == "2026-03-01T14:02:50Z" && ejected["available"] as? Bool == false)
        #expect(ejected["weight"] as? Int == 1 && ejected["inFlight"] as? Int == 0)
        let breaker = try #require(endpoints[2]["breaker"] as? [String: Any])
        #expect(breaker["state"] as? String == "open" && breaker["since"] as? String == "2026-03-01T14:03:19Z")
    }

    @Test func breakersAreLeftOutWhereThereAreNone() async throws {
        #expect(try await !get("/v1/pools").body.contains("breaker"))
        #expect(try await !get("/v1/pools?text").body.contains("breaker"))
    }

    @Test func theRootListsWhatThereIs() async throws {
        let answer = try await get("/")
        for path in ["/metrics", "/livez", "/readyz", "/v1/pools", "/v1/pools?text"] {
            #expect(answer.body.contains(path))
        }
    }

    @Test func nothingElseIsThere() async throws {
        #expect(try await get("/admin").status == 404)
    }

    @Test func anAddressInUseIsSaid() async throws {
        let taken = try await ScriptedOrigin(.silence)
        let snapshot = Snapshot.pool([])
        let server = AdminServer(
            address: taken.address, snapshot: snapshot,
            metrics: MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot)), serving: ServingState(),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"),
            health: { .of(snapshot, []) })
        await #expect(throws: AdminServerError.bind(taken.address, errno: EADDRINUSE)) { try await server.run() }
    }
}
