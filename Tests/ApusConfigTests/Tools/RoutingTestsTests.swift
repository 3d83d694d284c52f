import ApusConfig
import ApusModel
import Testing

/// Files of tests: what they say of a configuration, and of themselves.
@Suite struct RoutingTestsTests {
    func run(_ text: String) throws -> [RoutingTestResult] {
        try RoutingTests(text: text, file: "tests.yaml").run(RequestExplainerTests.snapshot)
    }

    @Test func everythingThatCanBeExpectedIsFound() throws {
        let results = try run(
            """
            tests:
              - name: canary
                request:
                  method: GET
                  url: http://api.example.com:8080/v1/x?q=1
                  headers: { X-Debug: "1" }
                  client: 10.1.2.3
                expect:
                  listener: web
                  route: v1
                  pools: { stable: 95, next: 5 }
                  path: /x
                  host: origin.internal
                  headers: { X-Real-IP: 10.1.2.3, X-Debug: absent, X-Other: untouched }
              - request: { url: /old/y, listener: web }
                expect: { status: 308, location: https://new.test/y }
              - request: { url: "/", listener: inside }
                expect: { pool: next, pools: [next] }
              - request: { method: POST, url: /, listener: web }
                expect: { status: 404, reason: no_route, route: none }
            """)
        #expect(results.flatMap(\.failures) == [])
        #expect(results.map(\.name) == ["canary", "2: GET /old/y", "3: GET /", "4: POST /"])
    }

    @Test func aFailureTellsWhatWasExpectedAndFoundAndWhy() throws {
        let results = try run(
            """
            tests:
              - name: reads go to next
                request: { url: "http://api.example.com:8080/v1" }
                expect: { pool: next }
            """)
        #expect(
            results.map(\.text) == [
                """
                tests.yaml:4: reads go to next: `pool`: expected next, found none
                  routes
                    - posts  method: asks for POST, found GET
                    + v1     matches
                """
            ])
        #expect(results.junit.contains("failures=\"1\""))
    }

    @Test func aFileWithMistakesTellsAllOfThem() {
        let errors = #expect(throws: ConfigurationErrors.self) {
            try run(
                """
                tests:
                  - request: { url: ftp://x, client: home, metod: GET }
                    expect: { pol: web }
                  - expect: { pool: web }
                """)
        }
        #expect(
            errors?.diagnostics.map(\.description) == [
                "tests.yaml:2:21: error: `url`: expected a URL such as `https://example.com/v1`, or a path, found `ftp://x`",
                "tests.yaml:2:38: error: `client`: expected an address such as `10.1.2.3`, found `home`",
                "tests.yaml:2:44: error: unknown key `metod` in a request; did you mean `method`?",
                "tests.yaml:3:15: error: unknown key `pol` in what is expected; did you mean `pool`?",
                "tests.yaml:4:5: error: a test needs `request`, such as `request: { url: /v1 }`",
            ])
    }
}
