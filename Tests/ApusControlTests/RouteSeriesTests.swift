import ApusAddresses
import ApusModel
import Testing

@testable import ApusControl

/// However many routes there are, a scrape stays of a size that can be carried.
@Suite struct RouteSeriesTests {
    /// 500 routes to one pool, of which the first eight have room.
    @Test func routesBeyondTheBoundAreCountedTogether() throws {
        let many = Snapshot(
            workers: 1,
            listeners: [Listener(name: ":80", bind: SocketAddress("0.0.0.0:80")!, routes: 0..<500)],
            routes: (0..<500).map { Route(name: $0 == 3 ? "other" : "route\($0)", pool: 0) },
            pools: [Pool(name: "web", endpoints: 0..<1)],
            endpoints: [Endpoint(name: "a", address: SocketAddress("127.0.0.1:1")!, pool: 0)])
        let link = FakeDataPlane(many)
        let layout = many.counterLayout
        for route in 0..<500 {
            link.add(1, to: layout.requests(row: layout.row(route: route), endpoint: 0, statusClass: 2))
            link.add(1, to: layout.latencyBucket(row: layout.row(route: route), bucket: 0))
            link.add(10, to: layout.latencySum(row: layout.row(route: route)))
        }
        // Two endpoints (Apus is one) of four classes, and eighteen of the histogram.
        let text = MetricsText(snapshot: many, counters: link, routeSeries: 8 * 26 + 25).render(health: .of(many, []))
        let exposition = try Exposition(text)
        func requests(_ route: String) -> Double? {
            exposition.value(
                "apus_requests_total",
                ["listener": ":80", "route": route, "pool": "web", "endpoint": "a", "class": "2xx"])
        }
        #expect(requests("route7") == 1 && requests("route8") == nil)
        #expect(requests("other#2") == 1, "a route of that name keeps its own")
        #expect(requests("other") == 492)
        let labels = ["listener": ":80", "route": "other", "pool": "web"]
        #expect(exposition.value("apus_request_duration_seconds_count", labels) == 492)
        #expect(exposition.value("apus_request_duration_seconds_sum", labels) == 0.00492)
    }

    @Test func tenThousandRoutesAreServed() throws {
        let many = Snapshot(
            workers: 1,
            listeners: [Listener(name: ":80", bind: SocketAddress("0.0.0.0:80")!, routes: 0..<10_000)],
            routes: (0..<10_000).map { Route(name: "route\($0)", pool: $0 % 10) },
            pools: (0..<10).map { Pool(name: "pool\($0)", endpoints: $0..<$0 + 1) },
            endpoints: (0..<10).map {
                Endpoint(name: "a", address: SocketAddress("127.0.0.1:1")!, pool: $0)
            })
        let text = MetricsText(snapshot: many, counters: FakeDataPlane(many)).render(health: .of(many, []))
        #expect(text.utf8.count { $0 == 10 } < 25_000)
    }
}
