import ApusModel
import Testing

@testable import ApusConfig

/// What `/v1/config` shows of a file: not what `explain` hides, however it is written.
@Suite struct MaskedTextTests {
    static let secret = "k9Qz7Tt2-LetMeIn"

    static func file(_ pool: String, _ route: String = "pool: web") -> String {
        """
        listeners:
          - bind: 127.0.0.1:8080
            routes:
              - \(route)
        pools:
          web:
            endpoints: [127.0.0.1:1]
        \(pool)
        """
    }

    @Test(arguments: [
        "    health: { path: /, headers: { X-Api-Key: S } }",
        "    health: { path: /, headers: { x-apikey: \"S\", Accept: a } }",
        "    health: { path: /, headers: { \"X-Auth-Token\" : 'S' } }",
        "    health:\n      path: /\n      headers:\n        Authorization: Bearer S   # for the probe",
        "    health:\n      path: /\n      headers:\n        X-Api-Key: >-\n          S\n        Accept: a",
        "    health:\n      path: /\n      headers:\n        X-Api-Key: |\n          S\n        Accept: a",
        "    health:\n      path: /\n      headers:\n        X-Api-Key:\n          S\n        Accept: a",
        "    health:\n      path: /\n      headers:\n        X-Client-Secret: \"one\n          S\"",
        "    health:\n      path: /\n      headers:\n        Cookie: session=S",
        "    health:\n      path: /\n      headers: &h { X-Password: &p S }",
        "    health: { path: /ready?deep=1&token=S, every: 2s }",
        "    health: { path: \"/ready?X-Amz-Signature=S\" }",
        "    health:\n      path: /ready?s%69g=S\n      every: 2s",
        "    health: { path: /, headers: { X-Session: S, SID: S } }",
        "    health: &h\n      path: /\n      headers: &s { jwt: S }",
        "    health: { send: \"AUTH S\\r\\n\", expect: { reply: OK } }",
        "    sticky: { cookie: id, secret: S }",
        // The file's key is mistyped, and the secret stands under one that is unknown.
        "    sticky: { cookie: id, secret: { file: no, value: S } }",
        "    sticky: { cookie: id, secret: [S] }",
    ])
    func credentialsOfPoolsAreHidden(pool: String) {
        check(Self.file(pool.replacing(/\bS\b/, with: Self.secret)))
    }

    @Test(arguments: [
        "{ pool: web, request_headers: { set: { X-Api-Key: S } } }",
        "{ pool: web, header: { Authorization: S } }",
        "{ pool: web, query: { access_token: S } }",
        "{ pool: web, cookies: { session_token: S } }",
        "{ pool: web, cookies: { sid: S } }", "{ pool: web, cookies: { JSESSIONID: S } }",
        "{ pool: web, query: { sig: S } }", "{ pool: web, credentials: S }", "{ pool: web, credentials: \"on S\" }",
        "{ pool: web, cors: { origins: https://a.test, credentials: S } }",
    ])
    func credentialsOfRoutesAreHidden(route: String) {
        check(Self.file("", route.replacing(/\bS\b/, with: Self.secret)))
    }

    private func check(_ text: String) {
        let masked = ConfigurationFile(path: "apus.yaml", text: text).maskedText
        #expect(text.contains(Self.secret) && !masked.contains(Self.secret) && !masked.contains("LetMeIn"), "\(masked)")
        #expect(masked.contains("127.0.0.1:8080") && masked.contains("endpoints"))
    }

    /// The language's own words are shown.
    /// The text of a private key is one of a secret, whether the file can be read or not.
    @Test(arguments: [true, false]) func privateKeysAreHidden(isBroken: Bool) throws {
        let key = try #require(ConfigurationLoader.certificates["tls/site.key"])
        let lines = key.split(separator: "\n").map(String.init)
        let text = """
            listeners:
              - bind: 127.0.0.1:8443
                tls:
                  certificate: tls/site.pem
                  key: |
                    \(lines.joined(separator: "\n        "))
                \(isBroken ? "nonsense: [" : "routes: [{ pool: web }]")
            pools: { web: { endpoints: [127.0.0.1:1] } }
            """
        let shown: String
        do {
            let loaded = try ConfigurationLoader.scripted.load(text: text, file: "f")
            shown = loaded.files.map(\.maskedText).joined() + loaded.warnings.map(\.rendered).joined()
            #expect(!isBroken && loaded.snapshot.listeners[0].tls?.certificates.count == 1)
        } catch {
            shown = error.description
            #expect(isBroken)
        }
        for line in lines where !line.hasPrefix("-----") { #expect(!shown.contains(line)) }
        let file = ConfigurationFile(path: "f", text: text)
        for line in lines where !line.hasPrefix("-----") { #expect(!file.maskedText.contains(line)) }
    }

    @Test func namesOfCookiesAreShown() {
        let text = Self.file(
            "    sticky: { cookie: route_id }\n    hash: { cookie: who }", "{ pool: web, cookies: { a: b } }")
        #expect(ConfigurationFile(path: "apus.yaml", text: text).maskedText == text)
    }
}
