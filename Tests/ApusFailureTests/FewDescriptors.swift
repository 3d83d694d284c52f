import ApusModel
import ApusTestKit
import Foundation
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

    /// More clients than there are descriptors, all served: who looks whether Apus lives is answered each time, who looks at the
    /// log or at `apus status` reads what is wrong.
    @Test func trafficLeavesDescriptorsToTheAdminServer() async throws {
        try await play {
            let start = ContinuousClock.now
            let origin = try MoodyOrigin("a")
            origin.become(.slow(.milliseconds(200)))
            let balancer = try Balancer(before: [origin.address], pool: "health: off", descriptors: 64)
            let load = PacedLoad(on: balancer.address, rate: 300, connections: 100)
            try eventually("descriptors to run out") { load.outcomes.contains { $0.reason == "descriptor_limit" } }
            for _ in 0..<30 {
                #expect(throws: Never.self) { try balancer.ask("/livez") }
                rest(.milliseconds(100))
            }
            let status = try balancer.ask("/v1/status")
            #expect(status.contains("\"descriptor_limit\""), "\(status)")
            let report = try load.stop()
            #expect(report.count(from: "a") > 100, "\(report)")
            _ = try balancer.wait(until: nil, "turned", after: start)
            let lines = balancer.log(of: nil).map(\.text).filter { $0.contains("descriptor_limit") }
            #expect(lines.count == 1 && lines[0].contains("ulimit -n"), "\(lines)")
        }
    }

    /// With fewer descriptors than it needs it says so in words, whatever it lacks them for; with enough it serves.
    @Test func withTooFewDescriptorsItSaysHowManyItNeeds() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let program = try builtProgram("apus")
            let file = try TemporaryFile(
                """
                workers: 2
                listeners: [{ bind: 127.0.0.1:0 }]
                admin: { bind: 127.0.0.1:0 }
                pools: { web: { endpoints: ["\(origin.address)"] } }
                """)
            var needed: Int?
            for limit in [8, 12, 16, 20, 22, 24, 28, 32, 36, 40, 44, 48] {
                let child = try ChildProcess(
                    "sh", ["-c", "ulimit -n \(limit); exec \"$@\"", "sh", program, "run", "-c", file.url.path])
                let isServing = try child.wait(for: "whether it serves") { line in
                    if line.text.contains("listening on ") { return true }
                    return line.text.contains("may have \(limit) files open at once, and needs at least") ? false : nil
                }
                if isServing {
                    #expect(needed.map { limit >= $0 } ?? true)
                    child.kill()
                } else {
                    #expect(try child.waitForEnd() == 3)
                    let line = child.lines.map(\.text).first { $0.contains("at least ") } ?? ""
                    needed = line.components(separatedBy: "at least ").last.flatMap { Int($0.prefix { $0.isNumber }) }
                }
            }
            let least = try #require(needed)
            let balancer = try Balancer(before: [origin.address], pool: "health: off", descriptors: least)
            // One client and its origin, beside those who look after it.
            let client = try Connection(to: balancer.address)
            for _ in 0..<3 {
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readResponse().status == 200)
                #expect(throws: Never.self) { try balancer.ask("/livez") }
            }
        }
    }
}
