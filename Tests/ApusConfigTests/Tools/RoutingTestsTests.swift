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
                tests.yaml:4: reads go to next: `pool`: expected next, found several: stable, next
                  routes
                    - posts  method: asks for POST, found GET
                    + v1     matches
                """
            ])
        #expect(results.junit.contains("failures=\"1\""))
    }

    /// What there is not is expected by `none`.
    @Test func noneIsExpectedWhereThereIsNothing() throws {
        let results = try run(
            """
            tests:
              - request: { url: /old/y, listener: web }
                expect: { pool: none, reason: none, path: none }
              - request: { url: "/", listener: inside }
                expect: { status: none, reason: none, location: none, certificate: none }
              - request: { url: "http://api.example.com:8080/v1/x", client: 10.1.2.3 }
                expect: { pool: none, handshake: made, headers: { X-Other: none } }
            """)
        #expect(
            results.flatMap(\.failures).map(\.words) == [
                "handshake: made, found none: the request comes without TLS", "pool: none, found several: stable, next",
                "headers.X-Other: none, found untouched",
            ])
    }

    private static let tls = """
        listeners:
          - { name: plain, bind: ":80", redirect_to_https: on }
          - bind: :443
            tls:
              certificates:
                - { certificate: tls/site.pem, key: tls/site.key }
                - { certificate: tls/site-rsa.pem, key: tls/site-rsa.key }
                - { certificate: tls/other.pem, key: tls/other.key, clients: { ca: tls/ca.pem, names: ["CN=bob", "CN=eve"] } }
              strict: on
            routes:
              - { path: /own, pool: web, headers: { request: { remove: [Client-Cert] } } }
              - { pool: web }
        pools: { web: { endpoints: ["10.0.0.1:80"] } }
        """

    private func failures(_ text: String) throws -> [String] {
        let loaded = try ConfigurationLoader.scripted.load(text: Self.tls, file: "f")
        return try RoutingTests(text: text, file: "tests.yaml").run(loaded.snapshot).flatMap(\.failures).map(\.words)
    }

    @Test func handshakesAndCertificatesAreExpected() throws {
        #expect(
            try failures(
                """
                tests:
                  - request: { url: "https://other.test/" }
                    expect: { handshake: refused, certificate: other.pem, listener: ":443" }
                  - request: { url: "https://other.test/", client_certificate: CN=carol }
                    expect: { handshake: refused }
                  - request: { url: "https://other.test/", client_certificate: CN=bob }
                    expect: { handshake: made, certificate: tls/other.pem, pool: web }
                  - request: { url: "https://a.site.test/" }
                    expect: { handshake: made, certificate: ./tls/site-rsa.pem }
                  - request: { url: "https://nobody.test/" }
                    expect: { handshake: refused }
                  - request: { url: "http://other.test/" }
                    expect: { certificate: none, status: 308 }
                """) == [])
    }

    @Test func aFailureSaysThatTheHandshakeFails() throws {
        let asks = "the name asks for a certificate of the client"
        let names = "the client's certificate has none of the names that are let in: CN=bob, CN=eve"
        let nobody = "there is no certificate for nobody.test, and `strict` is on"
        #expect(
            try failures(
                """
                tests:
                  - request: { url: "https://other.test/" }
                    expect: { handshake: made, pool: web, reason: none, route: none, pools: [web], headers: { A: untouched } }
                  - request: { url: "https://other.test/", client_certificate: CN=carol }
                    expect: { handshake: made, status: 403 }
                  - request: { url: "https://nobody.test/" }
                    expect: { handshake: made, certificate: none }
                  - request: { url: "https://site.test/" }
                    expect: { handshake: refused, certificate: other.pem }
                """) == [
                    "handshake: made, found refused: \(asks)", "route: none, found no handshake: \(asks)",
                    "pool: web, found no handshake: \(asks)", "pools: web, found no handshake: \(asks)",
                    "reason: none, found no handshake: \(asks)", "headers.A: untouched, found no handshake: \(asks)",
                    "handshake: made, found refused: \(names)", "status: 403, found no handshake: \(names)",
                    "handshake: made, found refused: \(nobody)", "certificate: none, found no handshake: \(nobody)",
                    "handshake: refused, found made", "certificate: other.pem, found tls/site.pem or tls/site-rsa.pem",
                ])
    }

    /// What Apus sets or takes is not untouched.
    @Test func fieldsOfApusAreNotUntouched() throws {
        #expect(
            try failures(
                """
                tests:
                  - request: { url: "https://other.test/", client_certificate: CN=bob }
                    expect: { headers: { Client-Cert: untouched, client-cert: set, X-Forwarded-Client-Cert: absent } }
                  - request: { url: "https://other.test/own", client_certificate: CN=bob }
                    expect: { headers: { Client-Cert: absent } }
                  - request:
                      url: "https://site.test/"
                      headers: { Client-Cert: x, X-Real-IP: 1.1.1.1, X-Forwarded-For: 1.1.1.1, A: b }
                    expect: { headers: { Client-Cert: untouched, X-Real-IP: untouched, X-Forwarded-For: untouched, A: untouched } }
                """) == [
                    "headers.Client-Cert: untouched, found set", "headers.Client-Cert: untouched, found absent",
                    "headers.X-Real-IP: untouched, found absent", "headers.X-Forwarded-For: untouched, found set",
                ])
    }

    @Test func aFileWithMistakesTellsAllOfThem() {
        let errors = #expect(throws: ConfigurationErrors.self) {
            try run(
                """
                tests:
                  - request: { url: ftp://x, client: home, metod: GET }
                    expect: { pol: web }
                  - expect: { pool: web }
                  - request: { url: / }
                    expect: { handshake: refuse, certificate: [] }
                """)
        }
        #expect(
            errors?.diagnostics.map(\.description) == [
                "tests.yaml:2:21: error: `url`: expected a URL such as `https://example.com/v1`, or a path, found `ftp://x`",
                "tests.yaml:2:38: error: `client`: expected an address such as `10.1.2.3`, found `home`",
                "tests.yaml:2:44: error: unknown key `metod` in a request; did you mean `method`?",
                "tests.yaml:3:15: error: unknown key `pol` in what is expected; did you mean `pool`?",
                "tests.yaml:4:5: error: a test needs `request`, such as `request: { url: /v1 }`",
                "tests.yaml:6:26: error: `handshake`: expected one of `made`, `refused`, found `refuse`; did you mean `refused`?",
                "tests.yaml:6:47: error: `certificate`: expected the file of a certificate, such as `site.pem`, found a list",
            ])
    }
}

extension RoutingTestResult.Failure {
    fileprivate var words: String { "\(what): \(expected), found \(found)" }
}
