import ApusTestKit
import Testing

extension Failures {
    /// An origin that reads a request's head and breaks the connection, be it new or kept.
    ///
    /// No GET may fail: each is repeated. A POST may have been acted upon, and fails with 502; exactly those fail that
    /// the origin had read when it broke.
    @Test func anOriginThatResetsAfterTheRequestHead() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try MoodyOrigin($0) }
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: tcp
                    retries: { attempts: 3, budget: 100%, min_per_second: 1000 }
                    outliers: { consecutive_gateway_errors: 5, consecutive_5xx: off, success_rate_deviations: off, \
                    ejection: 10s }
                    """)
            let victim = origins[0]
            let gets = PacedLoad(on: balancer.address, rate: 150)
            let posts = PacedLoad(on: balancer.address, rate: 50, posting: "a=1")
            rest(.seconds(1))

            let broken = ContinuousClock.now
            victim.become(.resetsHeads)
            let left = try balancer.wait(until: victim.address, "consecutive gateway errors", after: broken)
            // A kept connection that breaks says nothing about its endpoint; when none is left, each request goes there on
            // a new one, 33 a second for each worker: the fifth after 150 ms.
            #expect(left < .milliseconds(300) + slack)
            rest(.milliseconds(500))
            let healed = ContinuousClock.now
            victim.become(.good)
            let back = try balancer.wait(until: victim.address, "again: 2 of 2 probes passed", after: healed)
            // It is asked each half second, give or take a tenth, and must answer twice.
            #expect(back < .milliseconds(1100) + slack)
            let returned = healed + back
            rest(.milliseconds(500))

            let got = try gets.stop()
            tell("reset after the request head, GETs", ("left", left), ("back", back), report: got)
            #expect(got.failures.isEmpty, "\(got)")
            let posted = try posts.stop()
            tell("reset after the request head, POSTs", report: posted)
            #expect(posted.failures.allSatisfy { $0.status == 502 && $0.reason == "upstream_reset" }, "\(posted)")
            let read = victim.mishaps.count { $0 == "POST" }
            #expect(posted.failures.count == read, "\(posted)")
            // 17 a second went there until it left.
            #expect(posted.sent(from: broken + left + slack).failures.isEmpty, "\(posted)")
            #expect(got.sent(from: returned).count(from: "a") > 0)
            #expect(try balancer.metrics().sum("apus_retries_denied_total") == 0)
        }
    }

    /// With the budget as it is by default, a fault that meets many requests at once is not made worse by repeating
    /// them all: those that the budget denies fail, and the others do not.
    @Test func theBudgetBoundsWhatIsRepeated() async throws {
        try await play {
            let origins = try ["a", "b"].map { try MoodyOrigin($0) }
            let balancer = try Balancer(
                before: origins.map(\.address), pool: "health: tcp\noutliers: off\nconnections: { max_idle: 0 }",
                workers: 1)
            let load = PacedLoad(on: balancer.address, rate: 200)
            rest(.milliseconds(500))
            let broken = ContinuousClock.now
            origins[0].become(.resetsHeads)
            rest(.seconds(2))
            origins[0].become(.good)
            let spent = broken.duration(to: .now)
            let report = try load.stop()
            tell("reset after the request head, default budget", report: report)

            // Ten that may be had at once, and ten a second; the share of requests in flight comes on top: of eight
            // one, of four none.
            let retried = try balancer.metrics().sum("apus_retries_total", endpoint: origins[0].address)
            let denied = try balancer.metrics().sum("apus_retries_denied_total")
            let met = origins[0].mishaps.count
            #expect(retried + denied == met, "each either repeated or denied")
            #expect(report.failures.count == denied, "\(report)")
            #expect(denied > 0, "of \(met)")
            #expect(retried >= Int(10 * (spent / .seconds(1))), "\(retried) repeated")
            #expect(report.failures.allSatisfy { $0.status == 502 && $0.reason == "upstream_reset" }, "\(report)")
        }
    }

    /// An origin that breaks the connection in the middle of a response's body.
    ///
    /// What was begun cannot be repeated: those responses are cut short, visibly, and no other request fails. It is
    /// nobody's gateway error: the endpoint stays.
    @Test func anOriginThatResetsInTheMiddleOfABody() async throws {
        try await play {
            let origins = try ["a", "b", "c"].map { try MoodyOrigin($0) }
            let balancer = try Balancer(
                before: origins.map(\.address),
                pool: """
                    health: tcp
                    outliers: { consecutive_gateway_errors: 3, consecutive_5xx: 3, ejection: 1s }
                    """)
            let victim = origins[2]
            let load = PacedLoad(on: balancer.address, rate: 150)
            rest(.milliseconds(500))
            let broken = ContinuousClock.now
            victim.become(.resetsBodies)
            rest(.seconds(1))
            victim.become(.good)
            let mended = ContinuousClock.now
            rest(.milliseconds(500))

            let report = try load.stop()
            tell("reset in the middle of a body", report: report)
            #expect(victim.mishaps.count > 10)
            #expect(report.failures.count == victim.mishaps.count, "\(report)")
            #expect(report.failures.allSatisfy { $0.status == 0 && $0.text.contains("cut short") }, "\(report)")
            #expect(report.sent(from: mended).count(from: "c") > 0)
            let told = balancer.log(of: victim.address).filter { $0.time >= broken }
            #expect(told.allSatisfy { $0.text.contains(" broke off ") }, "the endpoint stays: \(told)")
            #expect(!told.isEmpty)
            let metrics = try balancer.metrics()
            #expect(metrics.sum("apus_retries_total") == 0)
            #expect(metrics.sum("apus_refused_requests_total", "upstream_truncated") == victim.mishaps.count)
        }
    }
}
