import ApusBalancing
import ApusHTTP
import ApusModel
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct AdminServerTests {
    static let onePool = """
        listeners: [{ bind: 127.0.0.1:8080 }]
        pools: { web: { endpoints: [127.0.0.1:1, 127.0.0.1:2] } }
        """

    /// Makes the endpoints, in the order of the snapshot, not to be had.
    static func down(_ endpoints: Int...) -> @Sendable (inout [PoolHealth]) -> Void {
        { pools in
            for endpoint in endpoints {
                for second in Int64(1)...3 {
                    _ = pools[0].probeFailed(endpoint, .timedOut, now: second * 1_000_000)
                }
            }
        }
    }

    @Test func metricsAreWellFormed() async throws {
        try await AdminFixture.run { server in
            let answer = try await server.get("/metrics")
            #expect(answer.status == 200)
            #expect(answer.type == "text/plain; version=0.0.4; charset=utf-8")
            let labels = ["pool": "web", "endpoint": "127.0.0.1:1"]
            #expect(try Exposition(answer.body).value("apus_endpoint_up", labels) == 1)
        }
    }

    /// The fixture's environment has `PW`.
    @Test func settingsOfRoutesDoNotShowVariables() async throws {
        let text = """
            listeners: [{ bind: 127.0.0.1:8080, routes: [{ respond: { body: "pre_${PW}_post" } }] }]
            pools: { web: { endpoints: [127.0.0.1:1] } }
            """
        try await AdminFixture.run(text) { server in
            let answer = try await server.get("/v1/routes")
            #expect(answer.status == 200 && answer.body.contains("pre_${PW}_post"), "\(answer.body)")
            #expect(!answer.body.contains("hunter2"))
        }
    }

    @Test(arguments: [ServingState.Phase.starting, .serving, .leaving, .draining])
    func aliveWhateverHappens(phase: ServingState.Phase) async throws {
        try await AdminFixture.run(phase: phase, then: Self.down(0, 1)) { server in
            let answer1 = try await server.get("/livez")
            #expect(answer1.status == 200)
        }
    }

    /// All balancers would leave together for the service of one team that is down.
    @Test func readinessIsAboutApusAndNotItsPools() async throws {
        let text = """
            listeners: [{ bind: 127.0.0.1:8080, routes: [{ pool: web }] }]
            pools: { web: { endpoints: [127.0.0.1:1, 127.0.0.1:2] }, other: { endpoints: [127.0.0.1:3] } }
            """
        try await AdminFixture.run(text, then: Self.down(0, 1)) { server in
            let answer = try await server.get("/readyz")
            #expect(answer.status == 200 && answer.body == "ready\n")
            let status = try await server.get("/v1/status").json()
            #expect(status["ready"] == true && status["poolsWithNobody"] == ["web"])
        }
    }

    @Test(arguments: ["/readyz", "/v1/status"])
    func readinessOfAPoolIsAsked(path: String) async throws {
        let text = """
            listeners: [{ bind: 127.0.0.1:8080, routes: [{ pool: web }] }]
            pools: { web: { endpoints: [127.0.0.1:1, 127.0.0.1:2] }, other: { endpoints: [127.0.0.1:3] } }
            """
        try await AdminFixture.run(text, then: Self.down(0, 1)) { server in
            for (pool, isReady) in [("web", false), ("other", true)] {
                let answer = try await server.get(path + "?pool=" + pool)
                #expect(answer.status == (isReady || path == "/v1/status" ? 200 : 503), "\(answer.body)")
                #expect(answer.body.contains("no endpoint that may be picked") == !isReady, "\(answer.body)")
            }
            let unknown = try await server.get(path + "?pool=wbe")
            #expect(unknown.status == 404)
            // The one is told without a token.
            #expect(unknown.body.contains("other") == (path != "/readyz"), "\(unknown.body)")
        }
        try await AdminFixture.run(text, phase: .leaving) { server in
            let body = try await server.get(path + "?pool=other").body
            #expect(body.contains("leaving"))
        }
    }

    @Test(arguments: [
        (ServingState.Phase.starting, "starting: the listeners do not accept yet\n"),
        (.leaving, "leaving: clients are still served, and should be sent elsewhere\n"),
        (.draining, "draining: finishing what is in flight, then stopping\n"),
    ])
    func notReadyWithTheReason(phase: ServingState.Phase, reason: String) async throws {
        try await AdminFixture.run(Self.onePool, phase: phase, then: Self.down(0, 1)) { server in
            let answer = try await server.get("/readyz")
            #expect(answer.status == 503)
            #expect(answer.body == reason)
        }
    }

    @Test(arguments: ["panic_threshold: 50%", "fallback: { status: 503 }"])
    func aFallbackOrPanicIsReadyToo(setting: String) async throws {
        let text = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools: { web: { endpoints: [127.0.0.1:1, 127.0.0.1:2], \(setting) } }
            """
        try await AdminFixture.run(text, then: Self.down(0, 1)) { server in
            let answer3 = try await server.get("/readyz?pool=web")
            #expect(answer3.status == 200)
        }
    }

    // MARK: - Pools

    static let watchedPool = """
        listeners: [{ bind: 127.0.0.1:8080 }]
        pools:
          web:
            endpoints: [127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3, 127.0.0.1:4]
            outliers: on
            panic_threshold: 80%
            breaker: on
            pool_breaker: on
        """

    static let happenings: @Sendable (inout [PoolHealth]) -> Void = { pools in
        for second in Int64(1)...3 { _ = pools[0].probeFailed(1, .timedOut, now: second * 1_000_000) }
        _ = pools[0].failedInARow(0, .status5xx, count: 5, now: 70_000_000)
        _ = pools[0].breakerChanged(
            .endpoint(2), .open(until: 105_000_000, openings: 1), .failures(failed: 12, total: 20), now: 99_000_000)
    }

    @Test func poolsAreToldAsText() async throws {
        try await AdminFixture.run(Self.watchedPool, then: Self.happenings) { server in
            let answer = try await server.get("/v1/pools?text")
            #expect(answer.status == 200 && answer.type == "text/plain; charset=utf-8")
            #expect(
                answer.body == """
                    web: 2 of 4 endpoints available, 1 unhealthy, 1 ejected, panicking: all of them are used; breaker closed
                      127.0.0.1:1  weight 1  in flight 0  since 2026-03-01T14:02:50Z  ejected until 14:03:20Z: \
                    5 consecutive 5xx; breaker closed
                      127.0.0.1:2  weight 1  in flight 0  since 2026-03-01T14:01:43Z  unhealthy: \
                    3 of 3 probes failed: timed out; breaker closed
                      127.0.0.1:3  weight 1  in flight 0  since 2026-03-01T14:01:40Z  healthy; \
                    breaker open until 14:03:25Z: 12 of 20 requests failed
                      127.0.0.1:4  weight 1  in flight 0  since 2026-03-01T14:01:40Z  healthy; breaker closed

                    """)
        }
    }

    @Test func backupsAreMarkedAsSuch() async throws {
        let configuration = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools: { web: { endpoints: [127.0.0.1:1, { address: 127.0.0.1:2, backup: true }] } }
            """
        try await AdminFixture.run(configuration) { server in
            let lines = try await server.get("/v1/pools?text").body.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(!lines[1].contains("backup"))
            #expect(lines[2].contains("127.0.0.1:2 ") && lines[2].hasSuffix("  backup, healthy"))
        }
    }

    /// What went wrong lately is told with its reasons, and whose answers of 5xx there were.
    @Test func failuresAreToldByTheirReasons() async throws {
        try await AdminFixture.run { server in
            let view = server.configuration.live.view
            let link = try #require(view.counters as? FakeDataPlane)
            let layout = view.snapshot.counterLayout
            link.add(2, to: layout.reason(.descriptorLimit, listener: 0))
            let endpoint = try #require(layout.endpoints(row: layout.row(route: 1)).first)
            link.add(3, to: layout.requests(row: layout.row(route: 1), endpoint: endpoint, statusClass: 5))
            let failures = try await server.get("/v1/status").json()["failures"]
            // It has not run for a minute.
            let seconds = (1..<60).first { failures?["seconds"] == .integer($0) }
            #expect(seconds != nil)
            #expect(failures?["byReason"]?["descriptor_limit"] == 2)
            #expect(failures?["byPool"]?["web"] == 3)
        }
    }

    /// Who drains gets no new requests: it is up, and not available. Who has come back says how far it is.
    @Test func drainingAndSlowStartsAreTold() async throws {
        let configuration = """
            listeners:
              - bind: 127.0.0.1:8080
                routes: [{ pool: web }]
            pools:
              web:
                slow_start: 40s
                balance: weighted-round-robin
                endpoints: [127.0.0.1:1, { address: 127.0.0.1:2, weight: 0 }, 127.0.0.1:3]
            """
        let happenings: @Sendable (inout [PoolHealth]) -> Void = { pools in
            _ = pools[0].setWeight(0, 0, now: 70_000_000)
            _ = pools[0].setWeight(0, 1, now: 80_000_000)
        }
        try await AdminFixture.run(configuration, then: happenings) { server in
            let drain = try await server.send("PATCH", "/v1/pools/web/endpoints/127.0.0.1:3", [:], #"{"drain": true}"#)
            #expect(try drain.json()["endpoint"]?["words"] == "draining: drained while running")
            let text = try await server.get("/v1/pools?text").body
            #expect(
                text == """
                    web: 1 of 3 endpoints available, 2 draining
                      127.0.0.1:1  weight 1  in flight 0  since 2026-03-01T14:03:00Z  healthy; \
                    slow start until 14:03:40Z: 50% of its requests
                      127.0.0.1:2  weight 0  in flight 0  since 2026-03-01T14:01:40Z  draining: weight 0
                      127.0.0.1:3  weight 0  in flight 0  since 2026-03-01T14:01:40Z  draining: drained while running

                    """)
            let pool = try await server.get("/v1/pools/web").json()
            #expect(pool["available"] == 1 && pool["total"] == 3 && pool["byState"]?["draining"] == 2)
            let endpoints = try #require(pool["endpoints"]?.list)
            #expect(endpoints.map { $0["available"] } == [true, false, false])
            #expect(endpoints[0]["slowStart"]?["until"] == "2026-03-01T14:03:40Z")
            #expect(endpoints[1]["slowStart"] == nil)
            let status = try await server.get("/v1/status").json()["endpoints"]
            #expect(status?["available"] == 1 && status?["total"] == 3 && status?["byState"]?["healthy"] == 1)
            let metrics = try Exposition(await server.get("/metrics").body)
            #expect(metrics.value("apus_pool_endpoints", ["pool": "web"]) == 3)
            #expect(metrics.value("apus_pool_endpoints_available", ["pool": "web"]) == 1)
            let first = ["pool": "web", "endpoint": "127.0.0.1:1"]
            let second = ["pool": "web", "endpoint": "127.0.0.1:2"]
            #expect(metrics.value("apus_endpoint_up", second) == 1)
            #expect(metrics.value("apus_endpoint_weight", first) == 1)
            #expect(metrics.value("apus_endpoint_weight", second) == 0)
            #expect(metrics.value("apus_endpoint_slow_start_share", first) == 0.5)
            #expect(metrics.value("apus_endpoint_slow_start_share", second) == 1)
        }
    }

    @Test func poolsAreToldAsJSON() async throws {
        try await AdminFixture.run(Self.watchedPool, then: Self.happenings) { server in
            let answer = try await server.get("/v1/pools")
            #expect(answer.status == 200 && answer.type == "application/json")
            let pool = try #require(try answer.json()["pools"]?.list.first)
            #expect(pool["name"] == "web" && pool["panicking"] == true)
            #expect(pool["available"] == 2 && pool["total"] == 4)
            let endpoints = try #require(pool["endpoints"]?.list)
            #expect(endpoints.map { $0["state"]?.text } == ["ejected", "unhealthy", "healthy", "healthy"])
            let ejected = endpoints[0]
            #expect(ejected["words"] == "ejected until 14:03:20Z: 5 consecutive 5xx")
            #expect(ejected["since"] == "2026-03-01T14:02:50Z" && ejected["available"] == false)
            #expect(ejected["weight"] == 1 && ejected["inFlight"] == 0)
            #expect(endpoints[2]["breaker"]?["state"] == "open")
            #expect(endpoints[2]["breaker"]?["since"] == "2026-03-01T14:03:19Z")
        }
    }

    @Test func breakersAreLeftOutWhereThereAreNone() async throws {
        try await AdminFixture.run { server in
            let answer4 = try await server.get("/v1/pools")
            #expect(!answer4.body.contains("breaker"))
            let answer5 = try await server.get("/v1/pools?text")
            #expect(!answer5.body.contains("breaker"))
        }
    }

    @Test func theRootListsWhatThereIs() async throws {
        try await AdminFixture.run { server in
            let answer = try await server.get("/")
            for operation in AdminOperation.all {
                let name = "\(operation.method.rawValue) \(operation.path)"
                #expect(answer.body.contains(name))
            }
        }
    }

    @Test func unknownPathsAndMethodsAreToldWhatThereIs() async throws {
        try await AdminFixture.run { server in
            let unknown = try await server.get("/admin")
            #expect(unknown.status == 404 && unknown.type == "application/problem+json")
            #expect(try unknown.json()["available"]?.list.contains("GET /v1/status") == true)
            let wrong = try await server.send("DELETE", "/v1/pools/web")
            #expect(wrong.status == 405 && wrong.fields["allow"] == "GET, HEAD")
        }
    }

    // MARK: - Where it listens

    @Test func anAddressInUseIsSaid() async throws {
        let taken = try await ScriptedOrigin(.silence)
        await #expect(throws: AdminServerError.bind(taken.address, errno: EADDRINUSE)) {
            try await AdminFixture.run(admin: Admin(taken.address)) { _ in Issue.record("it listens") }
        }
    }

    @Test func aUnixSocketIsForUserAndGroupAndGoesWithTheServer() async throws {
        let path = "/tmp/apus-admin-\(UInt32.random(in: 0 ... .max)).sock"
        // What a process that was killed leaves behind: a file that nobody listens on.
        let stale = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path).get()
        try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
        try await stale.close()
        try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
        try await AdminFixture.run(admin: Admin(bind: .unix(path: path))) { server in
            let answer6 = try await server.get("/v1/status", ["Host": "whatever"])
            #expect(answer6.status == 200)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o660)
            await #expect(throws: AdminServerError.bindUnix(path: path, errno: EADDRINUSE)) {
                try await AdminFixture.run(admin: Admin(bind: .unix(path: path))) { _ in Issue.record("it listens") }
            }
            let answer7 = try await server.get("/livez")
            #expect(answer7.status == 200)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        try "text".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        await #expect(throws: AdminServerError.bindUnix(path: path, errno: EEXIST)) {
            try await AdminFixture.run(admin: Admin(bind: .unix(path: path))) { _ in Issue.record("it listens") }
        }
    }
}
