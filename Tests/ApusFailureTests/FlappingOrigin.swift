import ApusTestKit
import Testing

extension Failures {
    /// An origin that goes and comes back every second, six times over: half a second without a listener, half with.
    ///
    /// No GET may fail, and the log tells of each change once: it goes out at most once each time that it went, and
    /// comes back at most as often.
    @Test func anOriginThatFlaps() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try MoodyOrigin($0) }
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: { interval: 1s, down_interval: 100ms, timeout: 500ms, rise: 2, fall: 3 }
                    retries: { min_per_second: 20 }
                    """)
            let victim = origins[0]
            let load = PacedLoad(on: balancer.address, rate: 200)
            rest(.milliseconds(500))
            let start = ContinuousClock.now
            let flaps = 6
            for _ in 0..<flaps {
                victim.origin.kill()
                rest(.milliseconds(500))
                try victim.origin.reopen()
                rest(.milliseconds(500))
            }
            let end = ContinuousClock.now
            _ = try balancer.wait(until: victim.address, "healthy again", after: start)
            try eventually("the endpoint to be up") { try balancer.metrics().sum("apus_endpoint_up") == 3 }
            rest(.milliseconds(300))
            let report = try load.stop()
            tell("flapping", report: report)

            #expect(report.failures.isEmpty, "\(report)")
            #expect(report.sent(from: end).count(from: "a") > 0, "\(report)")
            let told = balancer.log(of: victim.address).filter {
                $0.time >= start && !$0.text.contains("no response:")
            }
            let departures = told.filter { $0.text.contains("unhealthy") }.count
            let returns = told.filter { $0.text.contains("healthy again") }.count
            #expect((1...flaps).contains(departures), "\(told)")
            #expect(returns == departures && told.count == departures + returns, "\(told)")
            for (one, next) in zip(told, told.dropFirst()) {
                #expect(one.text.contains("unhealthy") != next.text.contains("unhealthy"), "told twice: \(one)")
            }
            // Nobody else was blamed.
            #expect(
                origins[1...].allSatisfy { origin in !balancer.log(of: origin.address).contains { $0.time >= start } })
        }
    }
}
