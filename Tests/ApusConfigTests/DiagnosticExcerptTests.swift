import Testing

@testable import ApusConfig

@Suite struct DiagnosticExcerptTests {
    /// So many routes to pools that do not exist, and before each a method that HTTP does not define.
    private func load(_ routes: Int) throws -> ConfigurationErrors {
        let text =
            "listeners:\n  - bind: 127.0.0.1:8080\n    routes:\n"
            + (1...routes).map { "      - { host: h\($0).test, method: GETS, pool: missing\($0) }\n" }.joined()
            + "pools: { web: { endpoints: [127.0.0.1:1] } }\n"
        return try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader().load(text: text, file: "apus.yaml")
        }
    }

    @Test func ofVeryManyTheFirstAreShownAndTheOthersCounted() throws {
        let all = try load(150).diagnostics
        #expect(all.count == 300)
        let excerpt = DiagnosticExcerpt(all)
        #expect(excerpt.shown == Array(all.prefix(200)))
        #expect(excerpt.omittedErrors == 50)
        #expect(excerpt.omittedWarnings == 50)
        #expect(
            excerpt.omission == "50 more errors and 50 more warnings are not shown; `apus check --all` shows all")
    }

    @Test func whatIsThrownDescribesItselfSo() throws {
        let text = try load(101).description
        #expect(text.hasSuffix("\n1 more error and 1 more warning are not shown; `apus check --all` shows all"))
        #expect(text.contains("missing100") && !text.contains("missing101"))
    }

    @Test func aHundredOfEachAreAll() throws {
        let excerpt = DiagnosticExcerpt(try load(100).diagnostics)
        #expect(excerpt.shown.count == 200)
        #expect(excerpt.omission == nil)
    }

    @Test func manyWarningsHideNoErrors() throws {
        let both = try load(150).diagnostics
        let warnings = both.filter { $0.severity == .warning }
        let error = try #require(both.last { $0.severity == .error })
        let excerpt = DiagnosticExcerpt(warnings + [error])
        #expect(excerpt.shown.last == error)
        #expect(excerpt.omission == "50 more warnings are not shown; `apus check --all` shows all")
    }

    @Test func allAreShownOnRequest() throws {
        let all = try load(150).diagnostics
        let excerpt = DiagnosticExcerpt(all, limit: nil)
        #expect(excerpt.shown == all)
        #expect(excerpt.omission == nil)
    }
}
