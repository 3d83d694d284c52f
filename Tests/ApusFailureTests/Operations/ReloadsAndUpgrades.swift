import ApusAddresses
import ApusModel
import ApusTestKit
import Glibc
import Testing

extension DailyOperations {
    /// Twenty reloads and two upgrades under load, with downloads under way at each upgrade. `Bench/reload` does the same
    /// at full size.
    ///
    /// No request fails, no download is cut, each process that was taken over from exits with 0, nothing is complained
    /// of, and what was changed by the admin server goes on.
    @Test func reloadsAndUpgradesUnderLoad() async throws {
        try await play {
            let origins = try ["a", "b", "c", "e"].map { try MoodyOrigin($0) }
            let files = try SlowDownload.origin()
            let more = try RefusingPort()
            let versions = Versions(origins: origins.map(\.address), files: files.address, more: more.address)
            let apus = try Deployment(versions.text(0))
            try apus.start()
            let load = PacedLoad(on: apus.address, rate: 200)

            // What is changed while running concerns an endpoint that every version has.
            let drained = origins[0].address
            #expect(try apus.apus("drain", "web", "\(drained)").status == 0)
            #expect(try apus.apus("weight", "web", "\(origins[1].address)", "7").status == 0)
            for number in 1...20 {
                try apus.write(versions.text(number))
                try apus.expect("runs (signal)") { apus.process.signal(SIGHUP) }
            }
            #expect(try apus.revision == 21)

            var serving = apus.process.id
            for number in 1...2 {
                let downloads = try (1...2).map { _ in try SlowDownload(from: apus.address) }
                let revision = try apus.revision
                let line = try apus.expect("has taken over") {
                    if number == 1 { return apus.process.signal(SIGUSR2) }
                    let upgrade = try apus.apus("upgrade")
                    #expect(upgrade.status == 0 && upgrade.text.contains("has taken over"), "\(upgrade)")
                }
                let successor = try #require(line.firstMatch(of: /process (\d+) has/).flatMap { pid_t($0.1) })
                try eventually("the successor to answer") {
                    (try? apus.json("/v1/status")["process"]["id"].number) == Int(successor)
                }
                #expect(downloads.allSatisfy { $0.isUnderWay })
                try check(apus, drained: drained, heavy: origins[1].address, revisionAfter: revision)

                // The new one can be reloaded while the old one is busy.
                try apus.write(versions.text(20 + number))
                #expect(try apus.apus("reload").status == 0)
                for download in downloads {
                    let problem = try download.finish()
                    #expect(problem == nil)
                }
                #expect(try apus.process.waitForEnd(of: serving) == 0)
                serving = successor
            }

            let report = try load.stop()
            tell("reloads and upgrades", report: report)
            #expect(report.failures.isEmpty && report.outcomes.count > 200, "\(report)")
            kill(serving, SIGTERM)
            #expect(try apus.process.waitForEnd(of: serving) == 0)
            #expect(apus.complaints == [])
        }
    }

    private func check(
        _ apus: Deployment, drained: SocketAddress, heavy: SocketAddress, revisionAfter revision: Int
    ) throws {
        let endpoints = try apus.json("/v1/pools/web")["endpoints"].list
        let first = try #require(endpoints.first { $0["address"].text == "\(drained)" })
        #expect(first["drained"].isTrue && first["state"].text == "draining", "\(first)")
        let second = try #require(endpoints.first { $0["address"].text == "\(heavy)" })
        #expect(second["weight"].number == 7, "\(second)")
        #expect(try apus.revision == revision + 1)
    }
}

/// Configurations, all of which can serve the load.
private struct Versions {
    var origins: [SocketAddress]
    var files: SocketAddress
    var more: SocketAddress

    /// A choice.
    private static let algorithms = [
        "round-robin", "weighted-round-robin", "least-requests", "least-connections", "peak-ewma", "random", "hash",
    ]

    func text(_ number: Int) -> String {
        // The first two are always there; the third and the fourth come and go, and so do a pool and a listener.
        let present = origins.enumerated().filter { $0.offset < 2 || (number >> ($0.offset - 2)) & 1 == 0 }
        let endpoints = present.map { "\($0.element)" }.joined(separator: ", ")
        let hasMore = number % 3 == 1
        return """
            # \(number)
            workers: 2
            listeners:
              - bind: LISTEN
                routes:
                  - { path: /download, pool: files }
                  \(hasMore ? "- { path: /other/*, pool: other }" : "")
                  - { pool: web }
            \(hasMore ? "  - { bind: \(more), routes: [{ pool: other }] }" : "")
            pools:
              web:
                balance: \(Self.algorithms[number % Self.algorithms.count])
                endpoints: [\(endpoints)]
              files: { endpoints: [\(files)] }
            \(hasMore ? "  other: { endpoints: [\(origins[number % 4])] }" : "")
            timeouts: { drain: 20s }
            """
    }
}
