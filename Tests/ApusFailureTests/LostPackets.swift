import ApusAddresses
import ApusModel
import ApusTestKit
import Testing

extension Failures {
    /// Packets between the balancer and one of its origins are dropped, within network namespaces of the test's own.
    ///
    /// No GET may fail where a second attempt has time and the budget allows it.
    @Suite(
        .enabled(
            if: Namespace.obstacle == nil, "no network namespaces with packet loss here: \(Namespace.obstacle ?? "")"))
    struct LostPackets {
        /// A balancer and two origins in one namespace, and a third across a wire in another.
        struct Stage {
            let home = try! Namespace("home")
            let away = try! Namespace("away")
            let near: [MoodyOrigin]
            let far: MoodyOrigin
            let balancer: Balancer

            init(pool: String, more: String) throws {
                let (home, away) = (home, away)
                try Namespace.join(home, away, net: 1)
                near = try ["a", "b"].map { name in try entering(home) { try MoodyOrigin(name) } }
                far = try entering(away) { try MoodyOrigin("far", at: SocketAddress("10.231.1.2:0")!) }
                balancer = try Balancer(
                    before: near.map(\.address) + [far.address], pool: pool, more: more, in: home)
            }
        }
    }
}

extension Failures.LostPackets {
    /// Every packet is dropped, on connections that stand and on new ones, and nobody says so.
    @Test func everyPacketIsDropped() async throws {
        try await play {
            let stage = try Stage(
                pool: """
                    health: { interval: 1s, down_interval: 200ms, timeout: 400ms, rise: 2, fall: 3 }
                    retries: { attempts: 3, per_try: 300ms, budget: 100%, min_per_second: 1000 }
                    outliers: { consecutive_gateway_errors: 5, consecutive_5xx: off, success_rate_deviations: off, \
                    ejection: 10s, return_on_probe: true }
                    """,
                more: "timeouts: { connect: 300ms }")
            let (balancer, far) = (stage.balancer, stage.far)
            let load = PacedLoad(on: balancer.address, rate: 150, connections: 16, in: stage.home)
            rest(.seconds(1))

            let cut = ContinuousClock.now
            try stage.away.drop(percent: 100)
            try eventually("the endpoint to be out of use") {
                try balancer.metrics().sum("apus_endpoint_up", endpoint: far.address) == 0
            }
            let out = ContinuousClock.now
            // Each worker sends 25 requests a second there: the fifth within 200 ms, given up 300 ms later, be it
            // because it cannot connect or because nothing is answered. Probes alone take two intervals and more: 2.2 s.
            #expect(cut.duration(to: out) < .milliseconds(500) + slack)
            rest(.seconds(1))

            let healed = ContinuousClock.now
            try stage.away.drop(percent: 0)
            try eventually("the endpoint to be back") {
                try balancer.metrics().sum("apus_endpoint_up", endpoint: far.address) == 1
            }
            // A probe under way has its 400 ms; then two, at most 1.1 s apart for an endpoint that was ejected and never
            // found down.
            #expect(healed.duration(to: .now) < .milliseconds(400 + 2200) + slack)
            let back = ContinuousClock.now
            rest(.seconds(1))

            let report = try load.stop()
            tell(
                "every packet dropped", ("left", cut.duration(to: out)), ("back", healed.duration(to: back)),
                report: report)
            #expect(report.failures.isEmpty, "\(report)")
            #expect(report.slowest < .milliseconds(300) + slack, "\(report)")
            #expect(report.sent(from: out + .milliseconds(500), to: healed).count(from: "far") == 0)
            #expect(report.sent(from: back).count(from: "far") > 0, "\(report)")
        }
    }

    /// One of five packets is dropped, each way. What TCP does not mend in time is tried elsewhere.
    @Test func oneOfFivePacketsIsDropped() async throws {
        try await play {
            let stage = try Stage(
                pool: """
                    health: { interval: 500ms, timeout: 2s, rise: 1, fall: 10 }
                    retries: { attempts: 3, per_try: 300ms, budget: 100%, min_per_second: 1000 }
                    """,
                more: "timeouts: { connect: 300ms }")
            let load = PacedLoad(on: stage.balancer.address, rate: 150, connections: 16, in: stage.home)
            rest(.milliseconds(500))
            let worse = ContinuousClock.now
            try stage.away.drop(percent: 20)
            rest(.seconds(4))
            try stage.away.drop(percent: 0)
            let better = ContinuousClock.now
            rest(.seconds(1))
            let report = try load.stop()
            tell("one of five packets dropped", report: report.sent(from: worse, to: better))
            #expect(report.failures.isEmpty, "\(report)")
            #expect(report.sent(from: worse, to: better).slowest < .milliseconds(300) + slack, "\(report)")
            // Most of what is lost, TCP sends again in time: the endpoint is worth having.
            #expect(report.sent(from: worse, to: better).count(from: "far") > 0, "\(report)")
            // Something was lost indeed.
            #expect(try stage.balancer.metrics().sum("apus_retries_total", endpoint: stage.far.address) > 0)
        }
    }
}
