import ApusConfig
import Foundation
import Testing

/// What README.md and docs/ show can be done: their configurations load, and their links lead somewhere.
@Suite struct DocumentationTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL

    /// Every page, as its path below the root.
    static let pages: [String] = {
        let folders = ["", "docs", "docs/design", "Bench", "Fuzz"]
        return folders.flatMap { folder in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)) ?? []
            return names.filter { $0.hasSuffix(".md") }.sorted().map { folder.isEmpty ? $0 : folder + "/" + $0 }
        }
    }()

    static func text(of page: String) throws -> String {
        try String(contentsOf: root.appending(path: page), encoding: .utf8)
    }

    @Test func therePagesAndExamples() throws {
        #expect(Self.pages.count > 20)
        #expect(Self.pages.contains("README.md") && Self.pages.contains("docs/configuration.md"))
        #expect(Self.examples.count > 50)
        #expect(Self.links.count > 150)
    }

    // MARK: - Examples

    struct Example: CustomTestStringConvertible {
        var page: String
        var line: Int
        var text: String

        var testDescription: String { "\(page):\(line)" }
        /// Tests of a configuration rather than a configuration.
        var isTests: Bool { text.hasPrefix("tests:") }

        /// With the sections that it leaves out.
        var completed: String {
            // One whose routes need no pool is complete.
            if text.contains("listeners:"),
                (try? ConfigurationLoader.scripted.load(text: text, file: "example.yaml")) != nil
            {
                return text
            }
            var completed = text
            if !text.contains("listeners:") { completed += "listeners: [{ bind: 127.0.0.1:8080 }]\n" }
            if !text.contains("pools:") { completed += "pools: { web: { endpoints: [127.0.0.1:3001] } }\n" }
            return completed
        }
    }

    /// The YAML of every page.
    static let examples: [Example] = pages.flatMap { page -> [Example] in
        guard let text = try? text(of: page) else { return [] }
        var examples: [Example] = []
        var current: Example?
        for (number, line) in text.components(separatedBy: "\n").enumerated() {
            if let example = current {
                if line == "```" {
                    examples.append(example)
                    current = nil
                } else {
                    current?.text += line + "\n"
                }
            } else if line == "```yaml" {
                current = Example(page: page, line: number + 2, text: "")
            }
        }
        return examples
    }

    @Test(arguments: examples)
    func everyExampleLoadsWithoutAWarning(example: Example) throws {
        if example.isTests {
            _ = try RoutingTests(text: example.text, file: example.testDescription)
        } else {
            // Beside the files that the examples include.
            let loaded = try ConfigurationLoader.scripted.load(text: example.completed, file: "example.yaml")
            #expect(loaded.warnings == [])
        }
    }

    /// `apus fmt` takes every example, and changes nothing of what it says.
    @Test(arguments: examples)
    func everyExampleMeansTheSameOnceLaidOut(example: Example) throws {
        let text = example.isTests ? example.text : example.completed
        let formatted = try YAMLFormatter.format(text, file: example.testDescription)
        #expect(try YAMLFormatter.format(formatted, file: example.testDescription) == formatted)
        guard !example.isTests else { return }
        #expect(GoldenTests.outcome(text: formatted, file: "f") == GoldenTests.outcome(text: text, file: "f"))
    }

    // MARK: - Security

    /// Every promise of docs/security.md names the tests that show it: a file of `Tests`, or a test in one.
    @Test func everySecurityPromiseHasItsTests() throws {
        let tests = Self.root.appending(path: "Tests")
        let files = try #require(FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil))
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        let byName = Dictionary(grouping: files) { $0.deletingPathExtension().lastPathComponent }
        var count = 0
        let lines = try Self.text(of: "docs/security.md").components(separatedBy: "\n")
        for promise in lines.split(whereSeparator: { !$0.hasPrefix("|") }).filter({ $0.first!.contains("shown by") })
            .joined()
        where !promise.contains("shown by") && !promise.hasPrefix("|--") {
            let proof = try #require(promise.split(separator: "|").last)
            let names = proof.matches(of: /`([^`]+)`/).map { String($0.output.1) }
            #expect(!names.isEmpty, "\(promise)")
            for name in names where !name.hasPrefix("make ") {
                let parts = name.split(separator: ".").map(String.init)
                let texts = try (byName[parts[0]] ?? []).map { try String(contentsOf: $0, encoding: .utf8) }
                #expect(!texts.isEmpty, "there is no Tests/.../\(parts[0]).swift")
                if parts.count > 1 { #expect(texts.contains { $0.contains("func \(parts[1])(") }, "\(name)") }
                count += 1
            }
        }
        #expect(count > 30)
    }

    // MARK: - Links

    struct Link: CustomTestStringConvertible {
        var page: String
        var target: String

        var testDescription: String { "\(page): \(target)" }
    }

    /// The links of every page to others of this repository, and to themselves.
    static let links: [Link] = pages.flatMap { page -> [Link] in
        let text = (try? text(of: page)).map(prose) ?? ""
        return text.matches(of: /\]\(([^)\s]+)\)/).map { Link(page: page, target: String($0.output.1)) }
            .filter { !$0.target.contains("://") }
    }

    /// A page without its blocks of code.
    private static func prose(_ text: String) -> String {
        text.components(separatedBy: "\n```").enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
            .joined(separator: "\n")
    }

    @Test func everyLinkLeadsSomewhere() throws {
        var anchors: [String: Set<String>] = [:]
        for link in Self.links {
            let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let folder = Self.root.appending(path: link.page).deletingLastPathComponent()
            let file =
                parts[0].isEmpty ? Self.root.appending(path: link.page) : folder.appending(path: String(parts[0]))
            let path = file.standardizedFileURL.path
            #expect(FileManager.default.fileExists(atPath: path), "\(link.testDescription)")
            guard parts.count == 2, FileManager.default.fileExists(atPath: path) else { continue }
            if anchors[path] == nil { anchors[path] = try Self.anchors(of: String(contentsOf: file, encoding: .utf8)) }
            #expect(anchors[path]?.contains(String(parts[1])) == true, "\(link.testDescription)")
        }
    }

    /// The anchors that hosts of repositories give to headings: words in small letters with `-` between them.
    private static func anchors(of text: String) -> Set<String> {
        var anchors: Set<String> = []
        for line in prose(text).split(separator: "\n") where line.hasPrefix("#") {
            let heading = line.drop { $0 == "#" }.replacing(/\[([^\]]*)\]\([^)]*\)/) { $0.output.1 }
            let kept = heading.trimmingPrefix(" ").lowercased()
                .filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
            let name = kept.replacing(" ", with: "-")
            var candidate = name
            var count = 0
            while !anchors.insert(candidate).inserted {
                count += 1
                candidate = "\(name)-\(count)"
            }
        }
        return anchors
    }

    /// Files of this repository that a page names as such, in backticks.
    @Test(arguments: pages)
    func everyFileThatIsNamedExists(page: String) throws {
        let roots = "Sources|Tests|docs|Bench|Fuzz|packaging|scripts"
        let pattern = try Regex<(Substring, Substring)>("`((?:\(roots))/[A-Za-z0-9_./+-]+)[` ]")
        for match in try Self.prose(Self.text(of: page)).matches(of: pattern) {
            let path = String(match.output.1)
            #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: path).path), "\(page): \(path)")
        }
    }
}
