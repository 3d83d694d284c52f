import ApusAddresses
import ApusHTTP
import ApusModel
import Testing

@Suite struct CounterLayoutTests {
    static let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 80)
    static let snapshot = Snapshot(
        workers: 1,
        listeners: [
            Listener(name: "a", bind: address, routes: 0..<2), Listener(name: "b", bind: address, routes: 2..<3),
        ],
        routes: [Route(name: "x", pool: 0), Route(name: "y", pool: 1), Route(name: "*", pool: 1)],
        pools: [Pool(name: "p", endpoints: 0..<2), Pool(name: "q", endpoints: 2..<5)],
        endpoints: (0..<5).map { Endpoint(name: "\($0)", address: address, pool: $0 < 2 ? 0 : 1) })

    @Test func noTwoCountersShareASlot() {
        let layout = Self.snapshot.counterLayout
        var slots: [Int] = []
        for row in 0..<5 {
            let pool = row < 3 ? Self.snapshot.pools[Self.snapshot.routes[row].pools[0].pool].endpoints : 0..<0
            for statusClass in 0..<CounterLayout.statusClasses {
                slots += (Array(pool).map(Int?.init) + [nil]).map {
                    layout.requests(row: row, endpoint: $0, statusClass: statusClass)
                }
            }
            slots += (0...CounterLayout.latencyBounds.count).map { layout.latencyBucket(row: row, bucket: $0) }
            slots.append(layout.latencySum(row: row))
        }
        for listener in 0..<2 {
            slots += CounterLayout.ListenerCounter.allCases.map { layout.listener(listener, $0) }
            slots += Reason.allCases.map { layout.reason($0, listener: listener) }
        }
        for endpoint in 0..<5 {
            slots += CounterLayout.EndpointCounter.allCases.map { layout.endpoint(endpoint, $0) }
        }
        slots += CounterLayout.WorkerCounter.allCases.map(layout.worker)
        #expect(Set(slots).count == slots.count)
        #expect(slots.min() == 0)
        #expect(slots.max() == layout.count - 1)
    }
}
