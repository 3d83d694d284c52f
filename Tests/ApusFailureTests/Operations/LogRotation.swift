import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// Files of the access log that are moved away while requests come: after SIGUSR1 a new one is written, and no line is
    /// lost, cut or written twice.
    @Test func theAccessLogIsRotated() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(
                    before: [origin.address],
                    more: #"access_log: { to: FOLDER/access.log, format: "{client} {status}" }"#))
            try apus.start()
            let load = PacedLoad(on: apus.address, rate: 500)
            let current = apus.folder.path + "/access.log"
            for number in 1...5 {
                // Lines are written several times a second, not each at once.
                try eventually("lines in the log") { try !apus.folder.read("access.log").isEmpty }
                try FileManager.default.moveItem(atPath: current, toPath: "\(current).\(number)")
                try apus.expect("the log files were opened anew") { apus.process.signal(SIGUSR1) }
                #expect(FileManager.default.fileExists(atPath: current))
            }
            try eventually("lines in the last one") { try !apus.folder.read("access.log").isEmpty }
            let report = try load.stop()
            #expect(report.failures.isEmpty, "\(report)")
            #expect(try apus.stop() == 0)

            let files = try (["access.log"] + (1...5).map { "access.log.\($0)" }).map(apus.folder.read)
            #expect(files.allSatisfy { !$0.isEmpty }, "\(files.map(\.utf8.count))")
            let lines = files.joined().split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            #expect(lines.count == report.outcomes.count)
            #expect(lines.allSatisfy { $0.wholeMatch(of: /127\.0\.0\.1:\d+ 200/) != nil })
            #expect(apus.complaints == [])
        }
    }
}
