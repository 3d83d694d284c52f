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
        #expect(Self.examples.count >= 40)
    }
}
