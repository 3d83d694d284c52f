import ApusModel
import Testing

@testable import ApusConfig

/// What the tools tell of `cors`: `explain`, `test` and `diff`, by the example that docs/configuration.md has.
@Suite struct CrossOriginToolsTests {
    static func documented() throws -> Snapshot {
        let example = try #require(
            DocumentationTests.examples.first { $0.page == "docs/configuration.md" && $0.text.contains("cors:") })
        return try ConfigurationLoader.scripted.load(text: example.completed, file: "apus.yaml").snapshot
    }

    static func explain(
        _ method: String, _ url: String, _ headers: [(String, String)]
    ) throws -> RequestExplanation {
        try RequestExplainer(try documented()).explain(
            DescribedRequest(method: method, url: url, headers: headers.map { .init(name: $0, value: $1) }))
    }

    @Test func anAllowedPageIsTold() throws {
        let explanation = try Self.explain(
            "GET", "http://a/api/users", [("Origin", "https://pr-7.preview.example.com")])
        #expect(
            explanation.cors
                == "https://pr-7.preview.example.com: allowed by \"https://*.preview.example.com\"")
        #expect(
            explanation.text.contains(
                """
                response  changed on its way back
                          set Access-Control-Allow-Origin: https://pr-7.preview.example.com
                          set Access-Control-Allow-Credentials: true
                          set Access-Control-Expose-Headers: X-Request-Id
                          add Vary: Origin
                """))
        #expect(explanation.rules.contains { $0.key == "cors" && $0.value.contains("credentials: on") })
    }

    @Test func aPreflightIsAnswered() throws {
        let explanation = try Self.explain(
            "OPTIONS", "http://a/api/users",
            [("Origin", "http://localhost:3000"), ("Access-Control-Request-Method", "PUT")])
        #expect(explanation.outcome == .respond(status: 204, body: "none"))
        #expect(
            explanation.text.contains("cors      preflight of http://localhost:3000: allowed by \"http://localhost:*\"")
        )
        #expect(explanation.pools.isEmpty)
    }

    @Test func aStrangerIsToldWhy() throws {
        let explanation = try Self.explain("GET", "http://a/api/users", [("Origin", "https://evil.test")])
        #expect(explanation.cors == "https://evil.test: not allowed, since `origins` does not have it")
        #expect(
            explanation.responseEdits == [
                .init(action: "remove", name: "Access-Control-Allow-Origin", value: nil),
                .init(action: "add", name: "Vary", value: "Origin"),
            ])
        #expect(try Self.explain("GET", "http://a/api/", []).cors == "the request names no Origin")
        #expect(try Self.explain("GET", "http://a/", [("Origin", "https://app.example.com")]).cors == nil)
    }

    @Test func testsExpectIt() throws {
        let text = """
            tests:
              - request: { method: OPTIONS, url: /api/x, headers: { Origin: https://app.example.com, Access-Control-Request-Method: PUT } }
                expect: { status: 204, response_headers: { Access-Control-Allow-Origin: https://app.example.com, Access-Control-Max-Age: "600" } }
              - request: { url: /api/x, headers: { Origin: https://app.example.com.evil.test } }
                expect: { pool: web, response_headers: { Access-Control-Allow-Origin: absent, Vary: Origin } }
              - request: { url: /fonts/x, headers: { Origin: https://any.test } }
                expect: { response_headers: { Access-Control-Allow-Origin: "*" } }
            """
        let results = try RoutingTests(text: text, file: "tests.yaml").run(try Self.documented())
        #expect(results.count == 3)
        for result in results where !result.passed { Issue.record("\(result.text)") }
    }

    @Test func changesAreTold() throws {
        let changes = try ConfigurationChangesTests.changes(
            (
                "{ path: /a, pool: web }",
                "{ path: /a, pool: web, cors: { origins: [https://a.test, \"https://*.b.test\"] } }"
            ))
        #expect(
            changes.lines == [
                "listener web: route /a: cors off -> { origins: [https://a.test, \"https://*.b.test\"] }"
            ])
    }
}
