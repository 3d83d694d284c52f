import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// The counters that metrics are made of: each request, connection and byte shows in the slot that `CounterLayout` names.
@Suite struct Counters {
    private func requests(_ proxy: Proxy, route: Int?, endpoint: Int?, _ statusClass: Int) -> UInt64 {
        let row = route.map { proxy.layout.row(route: $0) } ?? proxy.layout.unroutedRow(listener: 0)
        return proxy.dataPlane.total(proxy.layout.requests(row: row, endpoint: endpoint, statusClass: statusClass))
    }

    private func latencies(_ proxy: Proxy, route: Int?) -> UInt64 {
        let row = route.map { proxy.layout.row(route: $0) } ?? proxy.layout.unroutedRow(listener: 0)
        return (0...CounterLayout.latencyBounds.count).reduce(0) {
            $0 + proxy.dataPlane.total(proxy.layout.latencyBucket(row: row, bucket: $1))
        }
    }

    @Test func requestsAreCountedByRouteEndpointAndStatusClass() throws {
        let origin = try Origin(answering: { request in
            "HTTP/1.1 \(request.target.dropFirst().prefix(3)) X\r\nContent-Length: 0\r\n\r\n"
        })
        let proxy = try Proxy(pools: [[origin], [try RefusingPort()]]) {
            $0.routes = [
                Route(name: "/502", path: .exact(bytes("/502")), pool: 1),
                Route(name: "b", host: .exact(bytes("a")), pool: 0),
            ]
        }
        let client = try proxy.connect()
        for target in ["/200", "/201", "/200", "/302", "/404", "/503", "/502"] {
            #expect(try client.get(target).status == Int(target.dropFirst()))
        }
        try client.send("GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
        #expect(try client.readResponse().status == 404)
        try client.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        #expect(try client.readResponse().status == 400)

        try proxy.eventually("the last request") { proxy.count(.spaceBeforeColon) == 1 }
        #expect(requests(proxy, route: 1, endpoint: 0, 2) == 3)
        #expect(requests(proxy, route: 1, endpoint: 0, 3) == 1)
        #expect(requests(proxy, route: 1, endpoint: 0, 4) == 1)
        #expect(requests(proxy, route: 1, endpoint: 0, 5) == 1)
        // Answers that Apus made are not the endpoint's.
        #expect(requests(proxy, route: 0, endpoint: nil, 5) == 1 && requests(proxy, route: 0, endpoint: 1, 5) == 0)
        try proxy.eventually("the requests without a route") { requests(proxy, route: nil, endpoint: nil, 4) == 2 }
        #expect(proxy.count(.noRoute) == 1 && proxy.count(.connectFailed) == 1)
        #expect(latencies(proxy, route: 1) == 6 && latencies(proxy, route: 0) == 1)
    }

    @Test func connectionsAndBytesAreCounted() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        var sent = 0
        var received = 0
        for _ in 0..<3 {
            let client = try proxy.connect()
            for _ in 0..<2 {
                let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                try client.send(request)
                #expect(try client.readResponse().isGood)
                sent += request.utf8.count
            }
            received += client.received.count
            client.close()
        }
        try proxy.eventually("the connections to end") { proxy.count(.connectionsClosed) == 3 }
        #expect(proxy.count(.connectionsAccepted) == 3)
        #expect(proxy.count(.bytesReceived) == UInt64(sent) && proxy.count(.bytesSent) == UInt64(received))
        #expect(proxy.count(.exchangesStarted) == 6 && proxy.count(.exchangesEnded) == 6)
    }

    @Test func latenciesFallIntoTheirBuckets() throws {
        let origin = try Origin { connection in
            while try connection.readRequest() != nil {
                _ = try connection.isSilent(for: .milliseconds(30))
                try connection.send(ok)
            }
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 { #expect(try client.get().isGood) }
        let row = proxy.layout.row(route: 0)
        try proxy.eventually("the latencies") { latencies(proxy, route: 0) == 3 }
        let quick = CounterLayout.latencyBounds.firstIndex(of: 25_000)!
        for bucket in 0...quick {
            #expect(proxy.dataPlane.total(proxy.layout.latencyBucket(row: row, bucket: bucket)) == 0)
        }
        #expect(proxy.dataPlane.total(proxy.layout.latencySum(row: row)) >= 90_000)
    }

    @Test func repeatsAreCounted() throws {
        let origin = try Origin()
        let proxy = try Proxy(try RefusingPort(), origin)
        for _ in 0..<4 { #expect(try proxy.get().isGood) }
        try proxy.eventually("the exchanges") { proxy.count(.exchangesEnded, endpoint: 1) == 4 }
        #expect(proxy.count(.connectFailures, endpoint: 0) >= 1)
        #expect(proxy.count(.retries, endpoint: 0) + proxy.count(.retries, endpoint: 1) >= 1)
    }

    @Test func eachWorkerCountsForItself() throws {
        let proxy = try Proxy(try Origin()) { $0.workers = 2 }
        for _ in 0..<40 { #expect(try proxy.get().isGood) }
        let slot = proxy.layout.listener(0, .connectionsAccepted)
        try proxy.eventually("the connections") { proxy.dataPlane.total(slot) == 40 }
        #expect(proxy.dataPlane.value(slot, worker: 0) + proxy.dataPlane.value(slot, worker: 1) == 40)
        #expect(proxy.dataPlane.value(slot, worker: 0) < 40, "the kernel spreads connections over the workers")
    }

    /// The time of a request begins with its first byte, as its user counts it.
    @Test func aSlowHeadCountsAsTime() throws {
        let proxy = try Proxy(try Origin())
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\n")
        #expect(try client.isSilent(for: .milliseconds(300)))
        try client.send("Host: a\r\n\r\n")
        #expect(try client.readResponse().isGood)
        try proxy.eventually("the request to be counted") {
            proxy.dataPlane.total(proxy.layout.latencySum(row: 0)) >= 250_000
        }
    }
}
