import ApusAddresses
import ApusBalancing
import ApusHTTP
import ApusModel
import Foundation
import Testing

@testable import ApusControl

@Suite struct MetricsTextTests {
    let snapshot = Snapshot(
        workers: 2,
        listeners: [
            Listener(name: "0.0.0.0:80", bind: SocketAddress("0.0.0.0:80")!, routes: 0..<2),
            Listener(name: "[::]:81", bind: SocketAddress("[::]:81")!, routes: 2..<3),
        ],
        routes: [
            Route(name: "api.example.com/v1/*", pool: 1), Route(name: "*", pool: 0), Route(name: "*", pool: 0),
        ],
        pools: [Pool(name: "web", endpoints: 0..<2), Pool(name: "api", endpoints: 2..<3)],
        endpoints: [
            Endpoint(name: "127.0.0.1:3001", address: SocketAddress("127.0.0.1:3001")!, pool: 0),
            Endpoint(name: "127.0.0.1:3002", address: SocketAddress("127.0.0.1:3002")!, pool: 0),
            Endpoint(name: "127.0.0.1:3001", address: SocketAddress("127.0.0.1:3001")!, pool: 1),
        ])
    let link: FakeDataPlane
    let layout: CounterLayout
    let health: HealthReport

    init() {
        health = .of(snapshot, [true, false, nil])
        link = FakeDataPlane(snapshot)
        layout = snapshot.counterLayout
    }

    func text() -> String {
        var text = ""
        MetricsText(snapshot: snapshot, counters: link).render(
            health: health,
            reloads: ReloadFacts(
                revision: 7, lastSucceeded: false, lastMicroseconds: 1_700_000_000_500_000, applied: 6, refused: 1),
            names: NameFacts(), admin: AdminConnectionFacts()
        ) { text += $0 }
        return text
    }

    func scrape() throws -> Exposition {
        try Exposition(text())
    }

    @Test func theDocumentNamesEveryMetricAndNoOther() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/metrics.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let documented = text.matches(of: /`((?:apus|process)_\w+)`/).map { String($0.output.1) }
        #expect(Set(documented) == Set(try scrape().types.keys))
    }

    @Test func requestsCarryTheirFiveLabels() throws {
        link.add(3, to: layout.requests(row: 1, endpoint: 1, statusClass: 2), worker: 0)
        link.add(4, to: layout.requests(row: 1, endpoint: 1, statusClass: 2), worker: 1)
        link.add(1, to: layout.requests(row: 0, endpoint: nil, statusClass: 5))
        link.add(9, to: layout.requests(row: layout.unroutedRow(listener: 1), endpoint: nil, statusClass: 4))
        let exposition = try scrape()
        func requests(_ listener: String, _ route: String, _ pool: String, _ endpoint: String, _ status: String)
            -> Double?
        {
            exposition.value(
                "apus_requests_total",
                ["listener": listener, "route": route, "pool": pool, "endpoint": endpoint, "class": status])
        }
        #expect(requests("0.0.0.0:80", "*", "web", "127.0.0.1:3002", "2xx") == 7)
        #expect(requests("0.0.0.0:80", "*", "web", "127.0.0.1:3001", "2xx") == 0)
        #expect(requests("0.0.0.0:80", "api.example.com/v1/*", "api", "none", "5xx") == 1)
        #expect(requests("[::]:81", "none", "none", "none", "4xx") == 9)
        #expect(requests("[::]:81", "none", "none", "none", "none") == nil, "listed only once it occurs")
    }

    @Test func histogramBucketsAreCumulativeAndInSeconds() throws {
        link.add(2, to: layout.latencyBucket(row: 1, bucket: 0))
        link.add(5, to: layout.latencyBucket(row: 1, bucket: 3))
        link.add(1, to: layout.latencyBucket(row: 1, bucket: CounterLayout.latencyBounds.count))
        link.add(40_012_500, to: layout.latencySum(row: 1))
        let exposition = try scrape()
        let labels = ["listener": "0.0.0.0:80", "route": "*", "pool": "web"]
        func bucket(_ bound: String) -> Double? {
            exposition.value(
                "apus_request_duration_seconds_bucket", labels.merging(["le": bound]) { _, new in new })
        }
        #expect(bucket("0.0005") == 2)
        #expect(bucket("0.0025") == 2)
        #expect(bucket("0.005") == 7)
        #expect(bucket("30") == 7)
        #expect(bucket("+Inf") == 8)
        #expect(exposition.value("apus_request_duration_seconds_count", labels) == 8)
        #expect(exposition.value("apus_request_duration_seconds_sum", labels) == 40.0125)
    }

    @Test func openConnectionsAreThoseNotClosed() throws {
        link.add(10, to: layout.listener(0, .connectionsAccepted))
        link.add(4, to: layout.listener(0, .connectionsClosed))
        link.add(6, to: layout.endpoint(2, .connectionsOpened))
        link.add(6, to: layout.endpoint(2, .connectionsClosed))
        let exposition = try scrape()
        #expect(exposition.value("apus_connections_open", ["listener": "0.0.0.0:80"]) == 6)
        let endpoint = ["pool": "api", "endpoint": "127.0.0.1:3001"]
        #expect(exposition.value("apus_upstream_connections_open", endpoint) == 0)
        #expect(exposition.value("apus_upstream_connections_opened_total", endpoint) == 6)
    }

    @Test func onlyReasonsThatOccurredAreListed() throws {
        link.add(2, to: layout.reason(.bareLF, listener: 1))
        let samples = try scrape().samples.filter { $0.name == "apus_refused_requests_total" }
        #expect(
            samples == [
                .init(
                    name: "apus_refused_requests_total", labels: ["listener": "[::]:81", "reason": "bare_lf"], value: 2)
            ])
    }

    @Test func healthNamesOneStatePerEndpoint() throws {
        let exposition = try scrape()
        let endpoint = ["pool": "web", "endpoint": "127.0.0.1:3002"]
        #expect(exposition.value("apus_endpoint_up", endpoint) == 0)
        let states = exposition.samples.filter { $0.name == "apus_endpoint_health" && $0.labels["pool"] == "web" }
        #expect(states.filter { $0.value == 1 }.map { $0.labels["state"] } == ["up", "down"])
    }

    // MARK: - Ejections, breakers, pools

    /// Two pools, the second of which is the first's fallback and has an endpoint of the same name.
    static let guarded = Snapshot(
        workers: 1, listeners: [Listener(name: ":80", bind: SocketAddress("0.0.0.0:80")!, routes: 0..<1)],
        routes: [Route(name: "*", pool: 0)],
        pools: [
            Pool(
                name: "web",
                outliers: OutlierRules(
                    consecutive5xx: 5, consecutiveGatewayErrors: nil, successRateDeviations: 1.9),
                panicThreshold: 60, fallback: .pool(1), endpoints: 0..<2, endpointBreaker: BreakerRules()),
            Pool(name: "backup", outliers: nil, endpoints: 2..<3, poolBreaker: BreakerRules()),
        ],
        endpoints: [("a", 0), ("b", 0), ("b", 1)].map {
            Endpoint(name: $0.0, address: SocketAddress("127.0.0.1:1")!, pool: $0.1)
        })

    @Test func ejectionsAreCountedByTheCausesThatThereAre() throws {
        let snapshot = Self.guarded
        let health = HealthReport.of(snapshot, [true, true, true]) { pools in
            _ = pools[0].failedInARow(1, .status5xx, count: 5, now: 10_000_000)
            _ = pools[0].failedInARow(0, .status5xx, count: 5, now: 10_000_000)
        }
        let exposition = try Exposition(
            MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot)).render(health: health))
        let ejected = ["pool": "web", "endpoint": "b"]
        #expect(exposition.value("apus_endpoint_ejected", ejected) == 1)
        #expect(exposition.value("apus_endpoint_ejected", ["pool": "backup", "endpoint": "b"]) == 0)
        #expect(exposition.value("apus_endpoint_health", ejected.merging(["state": "ejected"]) { $1 }) == 1)
        #expect(exposition.value("apus_endpoint_health", ejected.merging(["state": "down"]) { $1 }) == 0)
        #expect(exposition.value("apus_endpoint_up", ejected) == 0)
        #expect(exposition.value("apus_ejections_denied_total", ["pool": "web"]) == 1)
        #expect(exposition.value("apus_pool_panic", ["pool": "web"]) == 1, "one of two is below 60%")
        #expect(exposition.value("apus_pool_panic", ["pool": "backup"]) == 0)
        let causes = exposition.samples.filter {
            $0.name == "apus_endpoint_ejections_total" && $0.labels["endpoint"] == "b"
        }
        #expect(causes.map { $0.labels["cause"] } == ["consecutive_5xx", "success_rate"])
        #expect(causes.map(\.value) == [1, 0] && causes.allSatisfy { $0.labels["pool"] == "web" })
    }

    /// Who was late is told apart from who broke.
    @Test func latenessIsACauseOfItsOwn() throws {
        let snapshot = Snapshot.pool(["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map { SocketAddress($0)! })
        let health = HealthReport.of(snapshot, [true, true, true]) { pools in
            _ = pools[0].failedInARow(1, .timeout, count: 5, now: 10_000_000)
        }
        let exposition = try Exposition(
            MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot)).render(health: health))
        let ejections = exposition.samples.filter {
            $0.name == "apus_endpoint_ejections_total" && $0.labels["endpoint"] == "127.0.0.1:2"
        }
        #expect(ejections.filter { $0.value > 0 }.map { $0.labels["cause"] } == ["consecutive_late"])
        #expect(ejections.contains { $0.labels["cause"] == "consecutive_gateway_errors" })
    }

    @Test func breakersAreListedWhereThereAreAny() throws {
        let snapshot = Self.guarded
        let health = HealthReport.of(snapshot, [true, true, true]) { pools in
            _ = pools[0].breakerChanged(.endpoint(1), .open(until: 1, openings: 1), .trialFailed, now: 0)
            _ = pools[0].breakerChanged(.endpoint(1), .halfOpen(openings: 1), nil, now: 1)
        }
        let exposition = try Exposition(
            MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot)).render(health: health))
        let states = exposition.samples.filter { $0.name == "apus_breaker_state" && $0.value == 1 }
        #expect(
            states.map { [$0.labels["pool"], $0.labels["endpoint"], $0.labels["state"]] } == [
                ["backup", "none", "closed"], ["web", "a", "closed"], ["web", "b", "half_open"],
            ])
        #expect(exposition.value("apus_breaker_opened_total", ["pool": "web", "endpoint": "b"]) == 1)
    }

    @Test func whatAFallbackPoolAnsweredIsItsOwn() throws {
        let snapshot = Self.guarded
        let link = FakeDataPlane(snapshot)
        let layout = snapshot.counterLayout
        link.add(3, to: layout.requests(row: 0, endpoint: 1, statusClass: 2))
        link.add(4, to: layout.requests(row: 0, endpoint: 2, statusClass: 2))
        let exposition = try Exposition(
            MetricsText(snapshot: snapshot, counters: link).render(health: .of(snapshot, [])))
        func requests(_ pool: String) -> Double? {
            exposition.value(
                "apus_requests_total",
                ["listener": ":80", "route": "*", "pool": pool, "endpoint": "b", "class": "2xx"])
        }
        #expect(requests("web") == 3)
        #expect(requests("backup") == 4)
    }

    @Test func whatHappensInAPoolIsCounted() throws {
        let metrics: [(CounterLayout.PoolCounter, String)] = [
            (.queued, "apus_queue_length"), (.dequeued, "apus_queued_requests_total"),
            (.retriesDenied, "apus_retries_denied_total"), (.hedges, "apus_hedges_total"),
            (.hedgesWon, "apus_hedges_won_total"), (.concurrencyLimit, "apus_concurrency_limit"),
            (.fallbacks, "apus_fallbacks_total"), (.panicPicks, "apus_panic_picks_total"),
        ]
        for (number, metric) in metrics.enumerated() {
            link.add(UInt64(number + 1), to: layout.pool(1, metric.0), worker: 0)
            link.add(100, to: layout.pool(1, metric.0), worker: 1)
        }
        link.add(1_500_000, to: layout.pool(0, .queueMicroseconds))
        link.add(250_000, to: layout.endpoint(1, .responseMicroseconds))
        link.add(5, to: layout.endpoint(1, .failures))
        link.add(6, to: layout.endpoint(1, .responses))
        let exposition = try scrape()
        for (number, metric) in metrics.enumerated() {
            #expect(exposition.value(metric.1, ["pool": "api"]) == Double(number + 101))
            #expect(exposition.value(metric.1, ["pool": "web"]) == 0)
        }
        #expect(exposition.value("apus_queue_wait_seconds_total", ["pool": "web"]) == 1.5)
        let endpoint = ["pool": "web", "endpoint": "127.0.0.1:3002"]
        #expect(exposition.value("apus_upstream_response_seconds_total", endpoint) == 0.25)
        #expect(exposition.value("apus_upstream_failures_total", endpoint) == 5)
        #expect(exposition.value("apus_upstream_responses_total", endpoint) == 6)
    }

    @Test func workersAreListedOneByOne() throws {
        link.add(1_250_000, to: layout.worker(.busyMicroseconds), worker: 1)
        let exposition = try scrape()
        #expect(exposition.value("apus_worker_busy_seconds_total", ["worker": "0"]) == 0)
        #expect(exposition.value("apus_worker_busy_seconds_total", ["worker": "1"]) == 1.25)
    }

    @Test func turnsOfALoopAreAllInItsHistogram() throws {
        link.add(100, to: layout.worker(.loopTurns), worker: 1)
        link.add(3_000_000, to: layout.worker(.busyMicroseconds), worker: 1)
        link.add(4, to: layout.worker(.turn, bucket: 1), worker: 1)
        link.add(1, to: layout.worker(.turn, bucket: CounterLayout.turnBounds.count), worker: 1)
        link.add(2, to: layout.worker(.wakeup, bucket: 0), worker: 1)
        link.add(700, to: layout.workerSum(.wakeup), worker: 1)
        let exposition = try scrape()
        func value(_ name: String, _ bound: String? = nil) -> Double? {
            exposition.value(name, ["worker": "1"].merging(bound.map { ["le": $0] } ?? [:]) { $1 })
        }
        #expect(value("apus_worker_turn_seconds_bucket", "0.001") == 95)
        #expect(value("apus_worker_turn_seconds_bucket", "0.0025") == 99)
        #expect(value("apus_worker_turn_seconds_bucket", "1") == 99)
        #expect(value("apus_worker_turn_seconds_count") == 100 && value("apus_worker_turn_seconds_sum") == 3)
        #expect(value("apus_worker_wakeup_lag_seconds_count") == 2)
        #expect(value("apus_worker_wakeup_lag_seconds_sum") == 0.0007)
    }

    @Test func whatAWorkerHoldsIsTold() throws {
        link.add(3, to: layout.worker(.clientConnections), worker: 1)
        link.add(4, to: layout.worker(.upstreamConnections), worker: 1)
        link.add(5, to: layout.worker(.exchanges), worker: 1)
        link.add(UInt64(getpid()), to: layout.worker(.threadNumber), worker: 1)
        let exposition = try scrape()
        #expect(exposition.value("apus_worker_connections", ["worker": "1", "side": "client"]) == 3)
        #expect(exposition.value("apus_worker_connections", ["worker": "1", "side": "upstream"]) == 4)
        #expect(exposition.value("apus_worker_exchanges", ["worker": "1"]) == 5)
        #expect(exposition.value("apus_worker_buffer_limit_bytes", ["worker": "0"]) ?? 0 > 0)
        #expect(exposition.value("apus_worker_cpu_seconds_total", ["worker": "1"]) != nil)
        #expect(exposition.value("apus_worker_cpu_seconds_total", ["worker": "0"]) == nil, "it has no thread yet")
    }

    @Test func reloadsAreToldOf() throws {
        let exposition = try scrape()
        #expect(exposition.value("apus_config_revision") == 7)
        #expect(exposition.value("apus_config_last_reload_success") == 0)
        #expect(exposition.value("apus_config_last_reload_timestamp_seconds") == 1_700_000_000.5)
        #expect(exposition.value("apus_config_reloads_total", ["result": "applied"]) == 6)
        #expect(exposition.value("apus_config_reloads_total", ["result": "refused"]) == 1)
    }

    @Test func theProcessTellsOfItself() throws {
        let exposition = try scrape()
        let memory = try #require(exposition.value("process_resident_memory_bytes"))
        #expect(memory > 1_000_000)
        #expect(try #require(exposition.value("process_open_fds")) >= 3)
        #expect(try #require(exposition.value("process_start_time_seconds")) > 1_700_000_000)
    }

    @Test func labelValuesAreEscaped() throws {
        let odd = Snapshot(
            workers: 1,
            listeners: [Listener(name: "a\"b\\c\nd", bind: SocketAddress("127.0.0.1:0")!, routes: 0..<1)],
            routes: [Route(name: "*", pool: 0)], pools: [Pool(name: "p", endpoints: 0..<0)], endpoints: [])
        let text = MetricsText(snapshot: odd, counters: FakeDataPlane(odd)).render(health: .of(odd, []))
        #expect(try Exposition(text).value("apus_connections_open", ["listener": "a\"b\\c\nd"]) == 0)
    }

    @Test func namesThatOccurTwiceAreNumbered() {
        #expect(SnapshotNames.unique(["a", "b", "a", "a#2", "a"]) == ["a", "b", "a#3", "a#2", "a#4"])
    }

    @Test(
        arguments: [(0, "0"), (1, "0.000001"), (500, "0.0005"), (1_000_000, "1"), (1_500_000, "1.5")]
            as [(UInt64, String)])
    func secondsAreExact(microseconds: UInt64, text: String) {
        #expect(ExpositionWriter.seconds(microseconds: microseconds) == text)
    }
}
