import ApusTestKit
import Testing

extension Failures {
    /// All origins of a pool are killed, and come back.
    ///
    /// Nothing can be answered by an origin meanwhile; what matters is that each request has its answer at once, that no
    /// client's connection breaks, and how soon the first 200 comes when they are back.
    @Test(arguments: ["", "fallback: { status: 503, body: back soon, retry_after: 7s }"])
    func allOriginsAreDownAndComeBack(fallback: String) async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try OriginProcess($0) }
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: { path: /healthz, interval: 2s, down_interval: 200ms, timeout: 1s, rise: 2, fall: 3 }
                    \(fallback)
                    """)
            let load = PacedLoad(on: balancer.address, rate: 200)
            rest(.milliseconds(500))

            let death = ContinuousClock.now
            for origin in origins { origin.kill() }
            let last = try balancer.wait(until: nil, "no endpoint of the pool is left", after: death)
            // Every request tries all three: three of each are refused with the third request.
            #expect(last < .milliseconds(50) + slack)
            let down = death + last
            rest(.milliseconds(500))
            let answer = try Connection(to: balancer.address).get()
            #expect(answer.status == 503)
            if fallback.isEmpty {
                #expect(answer.reason == "no_healthy_endpoint" && answer.fields["Retry-After"] == nil)
            } else {
                #expect(answer.fields["Retry-After"] == "7" && answer.text == "back soon", "\(answer)")
            }

            let birth = ContinuousClock.now
            try origins[0].start()
            let listens = ContinuousClock.now
            for origin in origins[1...] { try origin.start() }
            _ = try balancer.wait(until: origins[0].address, "healthy again", after: birth)
            rest(.seconds(1))
            let report = try load.stop()

            // Two probes, 200 ms and up to a tenth apart, and the next request.
            let first = try #require(report.outcomes.filter { $0.isGood && $0.ended > birth }.map(\.ended).min())
            #expect(first < listens + .milliseconds(440) + slack, "\(birth.duration(to: first)) after the start")
            tell("all down", ("left", last), ("first 200", listens.duration(to: first)), report: report)
            let dark = report.sent(from: down + .milliseconds(100), to: birth)
            #expect(dark.outcomes.count > 50 && dark.failures.count == dark.outcomes.count, "\(dark)")
            // At once: no attempt, no pause. Half of them, since a busy machine may hold up some.
            #expect(dark.latency(0.5) < .milliseconds(50), "\(dark)")
            #expect(dark.slowest < slack, "\(dark)")
            #expect(report.failures.allSatisfy { $0.status == 502 || $0.status == 503 }, "\(report)")
            let words: Set = ["no_healthy_endpoint", "connect_failed", "upstream_reset", "upstream_closed", nil]
            #expect(report.failures.allSatisfy { words.contains($0.reason) }, "\(report)")
            #expect(report.sent(from: first + slack).failures.isEmpty, "\(report)")
        }
    }
}
