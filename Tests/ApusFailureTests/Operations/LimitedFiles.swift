import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// Files may not grow beyond a limit (LimitFSIZE, `ulimit -f`): neither the access log nor what Apus itself says ends the
    /// process.
    @Test func aLimitOfFilesEndsNothing() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(
                Deployment.configuration(before: [origin.address], more: "access_log: FOLDER/access.log"))
            let output = open(apus.folder.path + "/apus.log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
            defer { close(output) }
            let group = try ProcessGroup(
                "/bin/sh", ["-c", "ulimit -f 8; exec \"$@\"", "sh", apus.program, "run", "-c", apus.file], stdin: nil,
                output: output)
            defer { group.kill() }
            try eventually("the admin server") { (try? Connection(to: apus.admin)) != nil }
            let client = try Connection(to: apus.address)
            func ask() throws {
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
            func size(of name: String) throws -> Int { try apus.folder.read(name).utf8.count }
            for _ in 0..<100 { try ask() }
            try eventually("a full access log") { try size(of: "access.log") >= 4096 }
            // Each is refused, and told with its lines.
            try apus.write((0..<90).map { "unknown\($0): 1\n" }.joined())
            try eventually("a full log") {
                group.signal(SIGHUP)
                return try size(of: "apus.log") >= 4096
            }
            for _ in 0..<10 { try ask() }
            #expect(try size(of: "access.log") <= 8192 && size(of: "apus.log") <= 8192)
            group.signal(SIGTERM)
            let status = try group.waitForEnd(of: group.id, by: .after(.seconds(20)))
            let log = try apus.folder.read("apus.log").suffix(1_000)
            #expect(status == 0, "\(log)")
        }
    }
}
