import ApusTestKit
import Testing

extension Failures {
    /// `kill -9` of one of three origins, and its restart.
    ///
    /// No GET may fail: those in flight at its death are repeated elsewhere, and so are those whose connection is
    /// refused before the endpoint is taken out. A POST may fail if it was in flight at its death, one for each client.
    @Test func anOriginThatIsKilled() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try OriginProcess($0) }
            // Probes alone would need two intervals and more to see three failures: 3.6 s at the least.
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: "health: { path: /healthz, interval: 2s, down_interval: 200ms, timeout: 1s, rise: 2, fall: 3 }")
            let victim = origins[1]
            let load = PacedLoad(on: balancer.address, rate: 150)
            let posts = PacedLoad(on: balancer.address, rate: 50, connections: 4, posting: "a=1")
            rest(.seconds(1))

            let death = ContinuousClock.now
            victim.kill()
            let left = try balancer.wait(until: victim.address, "unhealthy", after: death)
            // Three requests of 67 a second, each refused at once: 45 ms. A refused POST goes elsewhere, too.
            #expect(left < .milliseconds(45) + slack)
            rest(.seconds(1))

            let birth = ContinuousClock.now
            try victim.start()
            let listens = ContinuousClock.now
            let back = try balancer.wait(until: victim.address, "healthy again", after: birth)
            // Two probes, 200 ms and up to a tenth apart.
            #expect(back < birth.duration(to: listens) + .milliseconds(440) + slack)
            rest(.seconds(1))

            let report = try load.stop()
            tell("killed", ("left", left), ("back", back), report: report)
            #expect(report.failures.isEmpty, "\(report)")
            #expect(report.sent(from: listens).count(from: "b") > 0, "\(report)")
            let posted = try posts.stop()
            // Those in flight, and those that met a kept connection before its end had been noticed.
            #expect(posted.failures.count <= 8 && posted.failures.allSatisfy { $0.status == 502 }, "\(posted)")
            #expect(posted.failures.allSatisfy { $0.sent < death + slack }, "\(posted)")
            // What 67 a second come to until it had to have left; probes alone would have let 240 pass.
            let refused = try balancer.metrics().sum("apus_upstream_connect_failures_total", endpoint: victim.address)
            #expect((3...70).contains(refused))
            let told = balancer.log(of: victim.address).filter {
                $0.time >= death && !$0.text.contains("no response:")
            }
            #expect(told.count == 2, "each change is told of once: \(told)")
        }
    }
}
