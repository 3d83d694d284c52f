import Testing

@testable import ApusAdminClient

@Suite("Traffic")
struct TrafficTests {
    @Test("an exposition is read with its labels, whatever stands in them")
    func exposition() {
        let metrics = Exposition(
            """
            # HELP a A metric.
            # TYPE a counter
            a 3
            a{x="1"} 4.5
            a{x="q\\"b\\\\n\\n{},",y="2"} +Inf
            b{le="+Inf"} 1e3 1700000000000
            broken{x="1 2
            broken{x=1} 2
            nonsense
            """)
        #expect(metrics["a"].map(\.value) == [3, 4.5, .infinity])
        #expect(metrics["a"].map { $0["x"] } == ["", "1", "q\"b\\n\n{},"])
        #expect(metrics["a"].last?["y"] == "2")
        #expect(metrics.total("b") == 1000)
        #expect(metrics["broken"].isEmpty && metrics["nonsense"].isEmpty && metrics["c"].isEmpty)
    }

    @Test("quantiles lie between the bounds of their bucket")
    func quantiles() {
        let distribution = Distribution(buckets: [(0.1, 10), (0.2, 20), (1, 30), (.infinity, 40)])
        #expect(distribution.quantile(0.25) == 0.1)
        #expect(distribution.quantile(0.125) == 0.05)
        #expect(abs((distribution.quantile(0.375) ?? 0) - 0.15) < 1e-12)
        // Above the last bound nobody knows.
        #expect(distribution.quantile(0.99) == 1)
        #expect(Distribution(buckets: [(0.1, 0), (.infinity, 0)]).quantile(0.5) == nil)
        #expect(Distribution().quantile(0.5) == nil)
    }

    static func traffic(requests: Int, turns: Int, at time: Double) -> Traffic {
        Traffic(
            Exposition(
                """
                apus_worker_loop_turns_total{worker="0"} \(turns)
                apus_requests_total{pool="a",class="2xx"} \(requests)
                apus_requests_total{pool="a",class="5xx"} 4
                """), time: time)
    }

    @Test("rates are of what happened between two looks")
    func rates() {
        let before = Self.traffic(requests: 100, turns: 10, at: 5)
        let now = Self.traffic(requests: 160, turns: 20, at: 7)
        let rates = TrafficRates(from: before, to: now, uptime: 1000)
        #expect(rates.isInterval)
        #expect(rates.rate("apus_requests_total") == 30)
        #expect(rates.rates("apus_requests_total") { [$0["class"] ?? ""] } == [["2xx"]: 30, ["5xx"]: 0])
    }

    @Test("without a look before, or with one at another process, rates are those since it began")
    func beginnings() {
        let now = Self.traffic(requests: 160, turns: 20, at: 7)
        let first = TrafficRates(from: nil, to: now, uptime: 2)
        #expect(!first.isInterval)
        #expect(first.rate("apus_requests_total") == 82)
        // An upgrade lies between: the counters have begun anew.
        let other = TrafficRates(from: Self.traffic(requests: 10, turns: 5_000, at: 5), to: now, uptime: 2)
        #expect(!other.isInterval)
        #expect(other.rate("apus_requests_total") == 82)
    }

    @Test(
        "figures are short",
        arguments: [
            (0.01, "0"), (0.34, "0.3"), (9.94, "9.9"), (9.96, "10"), (812, "812"), (4_812.4, "4,812"),
            (1_005, "1,005"), (31_200, "31.2k"), (999_949, "999.9k"), (1_500_000, "1.5M"),
        ])
    func counts(value: Double, expected: String) { #expect(Figures.count(value) == expected) }

    @Test("times, bytes and ages have units")
    func units() {
        #expect(
            [nil, 0.0004, 0.0099, 0.012, 0.9991, 1.25].map(Figures.time) == [
                "-", "0.4ms", "9.9ms", "12ms", "999ms", "1.3s",
            ])
        #expect([0, 812, 3_277, 41_943_040, 2e9].map(Figures.bytes) == ["0", "812", "3.2K", "40M", "1.9G"])
        #expect([42, 300, 11_520, 1_051_200].map(Figures.age) == ["42 s", "5 min", "3 h 12 min", "12 d 4 h"])
    }
}

@Suite("Top")
struct TopTests {
    static func metrics(requests: Int) -> Exposition {
        Exposition(
            """
            apus_build_info{version="1.2.3"} 1
            process_start_time_seconds 1000
            process_resident_memory_bytes 31457280
            process_open_fds 57
            apus_worker_busy_seconds_total{worker="0"} \(Double(requests) / 10_000)
            apus_worker_busy_seconds_total{worker="1"} 0
            apus_worker_loop_turns_total{worker="0"} \(requests)
            apus_connections_open{listener="web"} 12
            apus_connections_accepted_total{listener="web"} \(requests / 10)
            apus_received_bytes_total{listener="web"} \(requests * 100)
            apus_sent_bytes_total{listener="web"} \(requests * 1000)
            apus_requests_total{listener="web",route="/slow/*",pool="b",endpoint="10.0.0.2:80",class="2xx"} 100
            apus_requests_total{listener="web",route="*",pool="a",endpoint="10.0.0.1:80",class="2xx"} \(requests)
            apus_requests_total{listener="web",route="*",pool="a",endpoint="none",class="5xx"} \(requests / 100)
            apus_request_duration_seconds_bucket{listener="web",route="*",pool="a",le="0.01"} \(requests)
            apus_request_duration_seconds_bucket{listener="web",route="*",pool="a",le="+Inf"} \(requests)
            apus_endpoint_up{pool="a",endpoint="10.0.0.1:80"} 1
            apus_endpoint_up{pool="b",endpoint="10.0.0.2:80"} 0
            apus_endpoint_health{pool="a",endpoint="10.0.0.1:80",state="up"} 1
            apus_endpoint_health{pool="a",endpoint="10.0.0.1:80",state="down"} 0
            apus_endpoint_health{pool="b",endpoint="10.0.0.2:80",state="down"} 1
            apus_endpoint_up{pool="b",endpoint="10.0.0.3:80"} 1
            apus_endpoint_health{pool="b",endpoint="10.0.0.3:80",state="draining"} 1
            apus_endpoint_slow_start_share{pool="a",endpoint="10.0.0.1:80"} 0.25
            apus_endpoint_slow_start_share{pool="b",endpoint="10.0.0.3:80"} 1
            apus_upstream_exchanges_open{pool="a",endpoint="10.0.0.1:80"} 3
            apus_upstream_exchanges_open{pool="b",endpoint="10.0.0.2:80"} 0
            apus_upstream_exchanges_open{pool="b",endpoint="10.0.0.3:80"} 0
            apus_upstream_responses_total{pool="a",endpoint="10.0.0.1:80"} \(requests)
            apus_upstream_response_seconds_total{pool="a",endpoint="10.0.0.1:80"} \(Double(requests) / 100)
            """)
    }

    static let screen = TopScreen(
        from: Traffic(metrics(requests: 1_000), time: 10), to: Traffic(metrics(requests: 3_000), time: 11),
        at: .standard, wallClock: 1_090)

    @Test("everything is shown, the busiest first")
    func everything() {
        #expect(
            Self.screen.lines(width: 100).joined(separator: "\n") == """
                apus 1.2.3 at 127.0.0.1:9900, up 1 min
                requests 2,020/s, 5xx 20/s, p50 5ms, p99 9.9ms, clients 12, in 195.3K/s, out 1.9M/s
                workers busy 20% 0%, memory 30M, descriptors 57

                LISTENER  REQ/S  CLIENTS  NEW/S    IN/S  OUT/S
                web       2,020       12    200  195.3K   1.9M

                ROUTE    POOL  REQ/S  4XX/S  5XX/S  P50    P99
                *        a     2,020      0     20  5ms  9.9ms
                /slow/*  b         0      0      0    -      -

                POOL  REQ/S  IN FLIGHT  WAITING  RETRIES/S  AVAIL  P50    P99
                a     2,020          3        0          0    1/1  5ms  9.9ms
                b         0          0        0          0    0/2    -      -

                ENDPOINT     POOL  STATE     REQ/S  FAILED/S  IN FLIGHT  CONNS  MEAN
                10.0.0.1:80  a     up 25%    2,000         0          3      0  10ms
                10.0.0.2:80  b     down          0         0          0      0     -
                10.0.0.3:80  b     draining      0         0          0      0     -
                """)
    }

    @Test("it fits the terminal, however small", arguments: [(40, 10), (80, 24), (20, 3), (5, 1), (60, 14)])
    func fitting(width: Int, height: Int) {
        let lines = Self.screen.lines(width: width, height: height)
        #expect(lines.allSatisfy { $0.count <= width })
        #expect(lines.count <= max(3, height))
    }

    @Test("rows that there is no room for are counted, names that are too long are cut")
    func tables() {
        var table = Table(columns: [.init(title: "NAME", isNumber: false), .init(title: "N")])
        table.rows = (1...9).map { ["a-rather-long-name-\($0)", "\($0)"] }
        #expect(
            table.lines(width: 12, height: 4)
                == ["NAME       N", "a-rather…  1", "a-rather…  2", "  and 7 more"])
        #expect(table.lines(width: 80, height: 10).count == 10)
        #expect(table.lines(width: 80, height: 1).isEmpty)
    }
}
