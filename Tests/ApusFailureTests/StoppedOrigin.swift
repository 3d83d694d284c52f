import ApusTestKit
import Testing

extension Failures {
    /// An origin that accepts connections and never answers (`kill -STOP`: the kernel accepts in its name), which a TCP
    /// probe takes to be well. Only requests can tell, by their time per attempt.
    ///
    /// No GET may fail where a second attempt has time and the budget allows it, which is made large here: every request
    /// at the stopped origin must be repeated, more than a fifth of those in flight.
    @Test func anOriginThatStopsAndIsProbedByTCP() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try OriginProcess($0) }
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: { interval: 200ms, timeout: 1s }
                    retries: { attempts: 3, per_try: 250ms, budget: 100%, min_per_second: 1000 }
                    outliers: { consecutive_gateway_errors: 5, consecutive_5xx: off, success_rate_deviations: off, \
                    ejection: 2s }
                    """)
            let victim = origins[1]
            let load = PacedLoad(on: balancer.address, rate: 200, connections: 16)
            rest(.seconds(1))

            let stopped = ContinuousClock.now
            victim.stop()
            let left = try balancer.wait(until: victim.address, "requests in a row were late", after: stopped)
            // Each worker gets 33 of its requests a second: the fifth is sent after 150 ms and given up 250 ms later.
            #expect(left < .milliseconds(400) + slack)

            // It is asked, and does not answer, as it did when it was well: the ejection goes on.
            rest(.milliseconds(3500))
            let resumed = ContinuousClock.now
            victim.resume()
            let back = try balancer.wait(until: victim.address, "healthy again: 2 of 2 probes passed", after: resumed)
            // What it was asked last is answered at once; the next question comes 220 ms later at the most.
            #expect(back < .milliseconds(220) + slack)
            rest(.seconds(1))

            let report = try load.stop()
            tell("stopped, probed by TCP", ("left", left), ("back", back), report: report)
            #expect(report.failures.isEmpty, "\(report)")
            #expect(report.sent(from: resumed).count(from: "b") > 0)
            // Two attempts of 250 ms at the most, since there is one stopped origin; a third would be an error here.
            #expect(report.slowest < .milliseconds(250) + slack, "\(report)")
            let metrics = try balancer.metrics()
            #expect(metrics.sum("apus_endpoint_ejections_total", endpoint: victim.address) == 1)
            #expect(metrics.sum("apus_endpoint_ejections_total") == 1)
            #expect(metrics.sum("apus_retries_denied_total") == 0)
        }
    }

    /// The same with no settings at all: nothing is given up, but who waits is answered by another endpoint.
    @Test func anOriginThatStopsCostsASecondOrTwoByDefault() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try OriginProcess($0) }
            let balancer = try Balancer(before: origins.map(\.address), pool: "")
            let victim = origins[1]
            let load = PacedLoad(on: balancer.address, rate: 60, connections: 64)
            rest(.seconds(1))

            let stopped = ContinuousClock.now
            victim.stop()
            let left = try balancer.wait(until: victim.address, "requests in a row were late", after: stopped)
            // Each worker gets 10 of its requests a second: the fifth is sent after 500 ms and overdue 1 s later.
            #expect(left < .milliseconds(1500) + slack)
            rest(.seconds(4))

            let resumed = ContinuousClock.now
            victim.resume()
            let back = try balancer.wait(until: victim.address, "again: ", after: resumed)
            #expect(back < .milliseconds(550) + slack)
            rest(.seconds(1))

            let report = try load.stop()
            tell("stopped, no settings", ("left", left), ("back", back), report: report)
            #expect(report.failures.isEmpty, "\(report)")
            // A second until it is overdue, one until it is looked at again, and as long as the budget is used up.
            #expect(report.slowest < .seconds(5), "\(report)")
            #expect(report.sent(from: resumed + back + slack).count(from: "b") > 0)
        }
    }

    /// Before anybody decides that it hangs, who looks sees that requests wait there; and no more once they are answered.
    @Test func requestsThatWaitAreTold() async throws {
        try await play {
            let origin = try OriginProcess("a")
            let balancer = try Balancer(before: [origin.address], pool: "")
            origin.stop()
            let clients = try (0..<3).map { _ in try Connection(to: balancer.address) }
            for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
            try eventually("them to be late") {
                try balancer.ask("/v1/pools").contains("healthy; 3 requests are late\"")
            }
            #expect(try balancer.metrics().sum("apus_upstream_exchanges_late", endpoint: origin.address) > 0)
            origin.resume()
            for client in clients { #expect(try client.readResponse().status == 200) }
            try eventually("nobody to wait") { try !balancer.ask("/v1/pools").contains(" late\"") }
            #expect(try balancer.metrics().sum("apus_upstream_exchanges_late") == 0)
        }
    }

    /// The same, where the probe wants an answer and nobody looks at requests: the endpoint leaves by its probes, and
    /// each request sent there before waits for its time per attempt. A POST that was sent there fails with 504.
    @Test func anOriginThatStopsAndIsProbedByHTTP() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try OriginProcess($0) }
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: { path: /healthz, interval: 500ms, down_interval: 200ms, timeout: 400ms, rise: 2, fall: 2 }
                    outliers: off
                    retries: { attempts: 3, per_try: 250ms, budget: 100%, min_per_second: 1000 }
                    """)
            let victim = origins[2]
            let load = PacedLoad(on: balancer.address, rate: 150, connections: 16)
            let posts = PacedLoad(on: balancer.address, rate: 50, posting: "a=1")
            rest(.seconds(1))

            let stopped = ContinuousClock.now
            victim.stop()
            let left = try balancer.wait(
                until: victim.address, "unhealthy: 2 of 2 probes failed: timed out", after: stopped)
            // The next probe begins within 550 ms, the one after it within another 550 ms, and fails 400 ms later.
            #expect(left < .milliseconds(1500) + slack)
            rest(.milliseconds(500))

            let resumed = ContinuousClock.now
            victim.resume()
            let back = try balancer.wait(until: victim.address, "healthy again", after: resumed)
            // A probe under way has its 400 ms; then two, 220 ms apart at the most.
            #expect(back < .milliseconds(840) + slack)
            rest(.milliseconds(500))

            let report = try load.stop()
            tell("stopped, probed by HTTP", ("left", left), ("back", back), report: report)
            #expect(report.failures.isEmpty, "\(report)")
            let posted = try posts.stop()
            #expect(!posted.failures.isEmpty && posted.failures.allSatisfy { $0.status == 504 }, "\(posted)")
            #expect(posted.sent(from: stopped + left + slack).failures.isEmpty, "\(posted)")
            #expect(report.sent(from: resumed).count(from: "c") > 0)
            #expect(report.slowest < .milliseconds(250) + slack, "\(report)")
            let told = balancer.log(of: victim.address).filter {
                $0.time >= stopped && !$0.text.contains("no response:")
            }
            #expect(told.count == 2, "each change is told of once: \(told)")
        }
    }
}
