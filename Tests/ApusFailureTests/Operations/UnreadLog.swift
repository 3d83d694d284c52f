import ApusModel
import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// Standard error is a pipe that nobody reads, and full: the operator can still ask, and SIGTERM still ends the process.
    @Test func aLogThatNobodyReadsHoldsUpNothing() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Deployment.configuration(before: [origin.address]))
            let output = try Pipe()
            defer {
                close(output.reading)
                close(output.writing)
            }
            let group = try ProcessGroup(
                apus.program, ["run", "-c", apus.file], stdin: nil, output: output.writing)
            defer { group.kill() }
            try eventually("the admin server") { (try? Connection(to: apus.admin)) != nil }
            // Each is refused, and told in the log with its lines; a pipe takes 64 KiB.
            let nonsense = (0..<90).map { "unknown\($0): 1\n" }.joined()
            try apus.write(nonsense)
            for _ in 0..<12 {
                group.signal(SIGHUP)
                rest(.milliseconds(200))
            }
            let connection = try Connection(to: apus.admin)
            try connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try connection.readResponse().status == 200)
            group.signal(SIGTERM)
            let start = ContinuousClock.now
            #expect(try group.waitForEnd(of: group.id, by: .after(.seconds(20))) == 0)
            #expect(start.duration(to: .now) < .seconds(10))
        }
    }
}
