import ApusTestKit
import Testing

extension Failures {
    /// One of five origins takes ten times as long: 200 ms instead of 20 ms.
    ///
    /// No request fails. Round-robin would send it its fifth; algorithms that look at load or at times send it less. With
    /// a tenth of 200 requests a second it would have four in flight (Little's law), where the others have one each:
    /// choosing between two, least-requests gives it less than that, and peak-EWMA next to none.
    @Test(arguments: [("least-requests", 0.15), ("peak-ewma", 0.1)])
    func anOriginThatIsSlowGetsLess(balance: String, share: Double) async throws {
        try await play {
            let origins = try ["a", "b", "c", "d", "e"].map { try MoodyOrigin($0) }
            for origin in origins { origin.become(.slow(.milliseconds(20))) }
            origins[0].become(.slow(.milliseconds(200)))
            let balancer = try Balancer(
                before: origins.map(\.address), pool: "health: tcp\nbalance: \(balance)", workers: 1)
            let load = PacedLoad(on: balancer.address, rate: 200, connections: 16)
            rest(.seconds(1))
            // By now what is to be known is known.
            let known = ContinuousClock.now
            rest(.milliseconds(1500))
            let report = try load.stop()
            #expect(report.failures.isEmpty, "\(report)")
            let settled = report.sent(from: known)
            tell("slow, \(balance)", report: settled)
            #expect(Double(settled.count(from: "a")) < share * Double(settled.outcomes.count), "\(settled)")
        }
    }

    /// A breaker of slow calls opens for the origin that is slow, says so, lets a few requests try it, and closes when
    /// they are quick again. No request fails: the others take them.
    @Test func aBreakerOpensForSlowCalls() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try MoodyOrigin($0) }
            // Quick and slow lie so far apart that a busy machine does not make one of the other.
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: tcp
                    breaker: { consecutive_failures: off, failures: off, slow: 50%, slow_after: 400ms, window: 1s, \
                    min_volume: 10, open: 1s, max_open: 1s, trials: 2 }
                    """)
            let victim = origins[1]
            let load = PacedLoad(on: balancer.address, rate: 100, connections: 32)
            rest(.seconds(1))

            let slowed = ContinuousClock.now
            victim.become(.slow(.milliseconds(800)))
            let opened = try balancer.wait(until: victim.address, "breaker open until", after: slowed)
            // 16 requests a second for each worker, and 800 ms for each: half of the last second's were slow after 0.5 s
            // of them at the most.
            #expect(opened < .milliseconds(800 + 1000) + slack)
            let pools = try balancer.ask("/v1/pools")
            #expect(pools.contains("breaker open until"), "\(pools)")
            let metrics = try balancer.metrics()
            let series = "endpoint=\"\(victim.address)\",state=\"open\""
            #expect(metrics.values("apus_breaker_state", series) == [1])

            // While it is open, only trials get there: two for both workers each second, where 33 would have.
            let open = ContinuousClock.now
            let before = victim.mishaps.count
            rest(.seconds(2))
            let trials = victim.mishaps.count - before
            #expect(trials <= 12, "\(trials) requests while open")

            victim.become(.good)
            let mended = ContinuousClock.now
            let closed = try balancer.wait(until: victim.address, "breaker closed", after: mended)
            // A trial under way may still be slow; the next ones come when the breaker has been open once more.
            #expect(closed < .milliseconds(800 + 1000) + slack + slack)
            rest(.milliseconds(500))
            let report = try load.stop()
            tell("slow, breaker", ("opened", opened), ("closed", closed), report: report)
            #expect(report.failures.isEmpty, "\(report)")
            #expect(report.sent(from: mended).count(from: "b") > 0)
            let others = report.sent(from: open, to: mended)
            #expect(others.duration(0.9) < .milliseconds(400), "\(others)")
            #expect(try balancer.metrics().values("apus_breaker_state", series) == [0])
        }
    }
}
