import ApusHTTP
import ApusModel
import Foundation
import Testing

@testable import ApusControl

/// Where Prometheus's own tool is; nil where it is not installed.
private let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// What Prometheus's own tool says of a scrape.
@Suite struct PromtoolTests {
    let metrics = MetricsTextTests()

    @Test(.enabled(if: promtool != nil, "promtool is missing: apt-get install prometheus"))
    func promtoolFindsNothingWrong() throws {
        let layout = metrics.layout
        metrics.link.add(3, to: layout.requests(row: 1, endpoint: 1, statusClass: 2))
        metrics.link.add(2, to: layout.reason(.bareLF, listener: 1))
        metrics.link.add(UInt64(getpid()), to: layout.worker(.threadNumber))
        let process = Process()
        process.executableURL = URL(filePath: try #require(promtool))
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(metrics.text().utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
        #expect(said.isEmpty)
    }
}
