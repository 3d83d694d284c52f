import ApusModel
import ApusTestKit
import Testing

extension Failures {
    /// 290 connections that say nothing, to a process that may have 300 descriptors: to the admin server, which takes an
    /// eighth of them at most, or to the listener, which takes all.
    ///
    /// The other door is still open, the admin server answers within two seconds, and no thread turns in circles.
    @Test(arguments: [true, false])
    func silentConnectionsTakeNoDescriptorsFromOthers(toAdmin: Bool) async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let balancer = try Balancer(before: [origin.address], pool: "health: off", descriptors: 300)
            var silent: [Connection] = []
            for _ in 0..<290 {
                guard let connection = try? Connection(to: toAdmin ? balancer.admin : balancer.address) else { break }
                silent.append(connection)
            }
            rest(.milliseconds(500))
            try eventually("the admin server to answer", by: .after(.seconds(2))) {
                (try? balancer.ask("/livez")) != nil
            }
            if toAdmin {
                let client = try Connection(to: balancer.address)
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
            var before = 0.0
            try eventually("metrics") {
                guard let metrics = try? balancer.metrics() else { return false }
                before = metrics.values("process_cpu_seconds_total").reduce(0, +)
                return true
            }
            rest(.seconds(1))
            var after = 0.0
            try eventually("metrics") {
                guard let metrics = try? balancer.metrics() else { return false }
                after = metrics.values("process_cpu_seconds_total").reduce(0, +)
                return true
            }
            #expect(after - before < 0.4, "it computes \(after - before) s in a second")
            withExtendedLifetime(silent) {}
        }
    }
}
