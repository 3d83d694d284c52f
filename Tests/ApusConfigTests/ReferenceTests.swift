import ApusConfig
import ApusModel
import Foundation
import Testing

/// docs/configuration.md says what the loader does.
@Suite struct ReferenceTests {
    static let text = try? String(
        contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/configuration.md"), encoding: .utf8)

    /// The YAML examples; a fragment is completed with the sections that it leaves out.
    static let examples: [String] = (text ?? "").components(separatedBy: "```yaml\n").dropFirst().map { part in
        var example = part.components(separatedBy: "```")[0]
        if !example.contains("listeners:") { example += "listeners: [{ bind: 127.0.0.1:8080 }]\n" }
        if !example.contains("pools:") { example += "pools: { web: { endpoints: [127.0.0.1:3001] } }\n" }
        return example
    }

    @Test func thereAreExamples() {
        #expect(Self.examples.count >= 12)
    }

    @Test(arguments: examples)
    func everyExampleLoadsWithoutAWarning(example: String) throws {
        #expect(try ConfigurationLoader.scripted.load(text: example, file: "example").warnings == [])
    }

    @Test func everyDefaultIsTheOneThatIsUsed() throws {
        let rows = try #require(Self.text).split(separator: "\n").filter { $0.hasPrefix("| ") }
        func stated(_ key: String) throws -> String {
            let row = try #require(rows.first { $0.contains("`\(key)`") }, "no row for \(key)")
            return String(row.split(separator: "|")[2]).trimmingCharacters(in: [" ", "`"])
        }
        let text = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools:
              web:
                balance: \(try stated("pools.NAME.balance"))
                health:
                  interval: \(try stated("pools.NAME.health.interval"))
                  timeout: \(try stated("pools.NAME.health.timeout"))
                  rise: \(try stated("pools.NAME.health.rise"))
                  fall: \(try stated("pools.NAME.health.fall"))
                connections:
                  max_idle: \(try stated("pools.NAME.connections.max_idle"))
                  idle: \(try stated("pools.NAME.connections.idle"))
                  max: \(try stated("pools.NAME.connections.max"))
                endpoints: [{ address: 127.0.0.1:1, weight: \(try stated("pools.NAME.endpoints[].weight")) }]
            timeouts:
              request_head: \(try stated("timeouts.request_head"))
              idle: \(try stated("timeouts.idle"))
              connect: \(try stated("timeouts.connect"))
              response_head: \(try stated("timeouts.response_head"))
              body: \(try stated("timeouts.body"))
              drain: \(try stated("timeouts.drain"))
            limits:
              head: \(try stated("limits.head"))
              fields: \(try stated("limits.fields"))
              target: \(try stated("limits.target"))
              body: \(try stated("limits.body"))
              connections: \(try stated("limits.connections"))
              buffer_memory: \(try stated("limits.buffer_memory"))
              attempts: \(try stated("limits.attempts"))
            access_log: \(try stated("access_log"))
            admin: \(try stated("admin"))
            """
        let implied = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools: { web: { endpoints: [127.0.0.1:1] } }
            """
        #expect(GoldenTests.outcome(text: text, file: "f") == GoldenTests.outcome(text: implied, file: "f"))
    }
}
