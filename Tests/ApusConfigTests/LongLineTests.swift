import Testing

@testable import ApusConfig

/// What is told of a configuration that somebody has sent to fill a log, a memory or a terminal.
@Suite struct LongLineTests {
    private func diagnostics(_ text: String) throws -> [Diagnostic] {
        try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(text: text, file: "f")
        }.diagnostics
    }

    @Test func ofALongLineAPartIsQuoted() throws {
        let keys = (0..<120).map { "unknown\($0): \(String(repeating: "x", count: 8000))" }.joined(separator: ", ")
        let found = try diagnostics("{ \(keys) }")
        #expect(found.count >= 120)
        for diagnostic in found {
            #expect(diagnostic.sourceLine.utf8.count <= 206)
            #expect(diagnostic.rendered.utf8.count < 1000)
        }
        let tenth = try #require(found.first { $0.message.contains("`unknown9`") })
        let scalars = Array(tenth.sourceLine.unicodeScalars)
        #expect(String(String.UnicodeScalarView(scalars[(tenth.sourceColumn - 1)...])).hasPrefix("unknown9:"))
        #expect(tenth.sourceLine.hasPrefix("\u{2026}") && tenth.sourceLine.hasSuffix("\u{2026}"))
        let caret = try #require(tenth.rendered.split(separator: "\n").dropFirst(2).first)
        #expect(caret == "    | " + String(repeating: " ", count: tenth.sourceColumn - 1) + "^")
    }

    @Test func charactersOfSeveralBytesAreNotCut() throws {
        let wide = String(repeating: "\u{1F980}", count: 1000)
        let line = StarredLine(wide + "!" + wide)
        let (text, column) = line.excerpt(around: 1001, margin: 0)
        #expect(Array(text.unicodeScalars)[column - 1] == "!")
        #expect(text.utf8.count <= 206 && text.allSatisfy { "\u{1F980}!\u{2026}".contains($0) })
        #expect(line.excerpt(around: 1, margin: 0).column == 1)
        #expect(line.excerpt(around: 9999, margin: 0).text.hasPrefix("\u{2026}"))
        #expect(StarredLine("short").excerpt(around: 3, margin: 0) == ("short", 3))
    }

    @Test func aSecretThatIsCutStaysHidden() throws {
        let secret = String(repeating: "Hunter2-", count: 100)
        let text = "{ pools: { web: { sticky: { secret: \"\(secret)\" }, nonsense: \"\(secret)\", worse: 1 } } }"
        for diagnostic in try diagnostics(text) { #expect(!diagnostic.rendered.contains("unter2")) }
    }

    @Test func blanksAreNotQuotedByTheMegabyte() throws {
        let found = try diagnostics(String(repeating: " ", count: 4 << 20))
        for diagnostic in found { #expect(diagnostic.rendered.utf8.count < 1000) }
    }

    @Test func longWordsAreShortened() throws {
        let word = String(repeating: "w", count: 100_000)
        for diagnostic in try diagnostics("\(word): 1\nlisteners: \(word)\npools: { \(word): 1 }") {
            #expect(diagnostic.message.utf8.count < 600, "\(diagnostic.message.prefix(700))")
        }
    }

    @Test func allThatIsToldIsBounded() throws {
        let line = String(repeating: "y", count: 900)
        let one = Diagnostic(
            file: "f", position: .start, severity: .error, message: "m", sourceLine: line, note: nil)
        let many = Array(repeating: one, count: 100)
        let excerpt = DiagnosticExcerpt(many, bytes: 9000)
        #expect(excerpt.description.utf8.count < 9000)
        #expect(!excerpt.shown.isEmpty && excerpt.shown.count + excerpt.omittedErrors == 100)
        #expect(DiagnosticExcerpt(many, limit: nil, bytes: 9000).shown.count == 100)
    }

    @Test func whatATerminalTakesForOrdersIsSpelled() throws {
        let orders = "\u{1b}\u{7}\u{7f}\u{9b}\u{202e}\u{200b}"
        let found = try diagnostics("\"a\\e\\a\\u007f\\u009b\\u202e\\u200b\": 1\nworkers: \u{202e}no \u{200b}\n")
        for diagnostic in found {
            #expect(!diagnostic.rendered.unicodeScalars.contains { orders.unicodeScalars.contains($0) })
        }
        #expect(found.contains { $0.description.contains("\\u{1b}") })
        let second = try #require(found.first { $0.position.line == 2 }).rendered.split(separator: "\n")
        #expect(second[1] == "  2 | workers: \\u{202e}no \\u{200b}")
    }

    @Test(arguments: [
        "include: [\"a\\e.yaml\"]", "access_log: \"/var/log/a\\u202e.log\"",
        "state: { directory: \"/var/lib/a\\u200b\" }",
        "admin: { bind: \"unix:/run/a\\u007f.sock\" }", "access_log: \"syslog:/dev/\\elog\"",
    ])
    func pathsHaveNoOrders(line: String) throws {
        let found = try diagnostics(ConfigurationLoaderTests.minimal + "\n" + line + "\n")
        #expect(found.contains { $0.message.contains("a path has no control characters") }, "\(found)")
    }

    /// What stands behind such a name in a query is a secret wherever a line is quoted.
    @Test(arguments: ["path: \"/hz?token=Hunter2\"", "path: \"hz?a=b&sig=Hunter2\"", "path: /hz?token=Hunter2"])
    func queriesAreHidden(line: String) throws {
        let text = """
            listeners: [{ bind: 127.0.0.1:1 }]
            pools: { a: { endpoints: [127.0.0.1:2], health: { \(line), nonsense: 1 } } }
            """
        let found = try diagnostics(text)
        #expect(!found.isEmpty)
        for diagnostic in found { #expect(!diagnostic.rendered.contains("Hunter2"), "\(diagnostic.rendered)") }
    }

    @Test(arguments: [
        "X-Api-Key", "X_Api_Key", "X.Api.Key", "Pass_Word", "x.secret", "X-Session", "X-Auth-Key", "x_jwt",
        "Passphrase",
    ])
    func namesAreJudgedFolded(name: String) throws {
        #expect(isSensitive(fieldName: name))
        let text = "listeners: [{ bind: 127.0.0.1:1, x: { \(name): Hunter2 } }]\npools: { a: 1 }"
        for diagnostic in try diagnostics(text) { #expect(!diagnostic.rendered.contains("Hunter2")) }
    }
}
