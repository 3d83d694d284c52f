import ApusAddresses
import ApusModel
import Foundation
import Testing

@testable import ApusConfig

@Suite struct SecretTests {
    static let secret = "Hunter2-Hunter2-Hunter2-Hunter2"

    static func text(_ sticky: String, endpoints: String = "[127.0.0.1:1, web.test:2]") -> String {
        """
        listeners: [{ bind: 127.0.0.1:8080 }]
        pools: { web: { sticky: \(sticky), endpoints: \(endpoints) } }
        """
    }

    static func tokens(_ text: String) throws -> [String] {
        var loader = ConfigurationLoader.scripted
        // A name that has one address.
        loader.resolve = { _ in [IPAddress(ipv4: 0x0a00_0001)] }
        return try loader.load(text: text, file: "f").snapshot.endpoints.map {
            String(decoding: $0.sessionToken, as: UTF8.self)
        }
    }

    /// Computed apart from this code: HMAC-SHA256 of the pool, a zero byte and the endpoint, in base64url.
    @Test func aTokenIsTheSignatureOfPoolAndEndpoint() throws {
        let tokens = try Self.tokens(Self.text("{ cookie: id, secret: \(Self.secret) }"))
        #expect(tokens == ["q4cs2Z0QgxQ2f3uSygl08m", "_bHjUsYQo5imfwKxoMIjND"])
    }

    @Test func theSameEndpointWrittenInAnotherWayHasTheSameToken() throws {
        let sticky = "{ cookie: id, secret: \(Self.secret) }"
        let one = try Self.tokens(Self.text(sticky, endpoints: "[\"[::1]:80\", WEB.test:80]"))
        let other = try Self.tokens(Self.text(sticky, endpoints: "[\"[0:0:0::0:1]:0080\", web.test:80]"))
        #expect(one == other)
    }

    @Test func poolsSecretsAndEndpointsAllMakeADifference() throws {
        var all: Set<String> = []
        for secret in ["0123456789abcdef", "0123456789abcdeg"] {
            let endpoints = (1...2000).map { "127.0.0.1:\($0)" }.joined(separator: ", ")
            let pool = "{ sticky: { cookie: id, secret: \(secret) }, endpoints: [\(endpoints)] }"
            let text = """
                listeners: [{ bind: 127.0.0.1:8080, routes: [{ host: a, pool: a }, { host: b, pool: b }] }]
                pools: { a: \(pool), b: \(pool) }
                """
            let tokens = try Self.tokens(text)
            #expect(tokens.allSatisfy { $0.utf8.count == SessionSigner.tokenLength })
            all.formUnion(tokens)
        }
        #expect(all.count == 2 * 2 * 2000)
    }

    @Test func withoutASecretEachStartHasItsOwn() throws {
        var loader = ConfigurationLoader.scripted
        loader.makeSecret = RandomSecret.make
        let text = Self.text("{ cookie: id }")
        let starts = try (0..<2).map { _ in
            try loader.load(text: text, file: "f").snapshot.endpoints.map(\.sessionToken)
        }
        #expect(starts[0] != starts[1])
        #expect(RandomSecret.make().count == 32)
        #expect(RandomSecret.make() != RandomSecret.make())
    }

    @Test func aPoolWithoutACookieOfItsOwnHasNoTokens() throws {
        #expect(try Self.tokens(Self.text("{ learn: id }")) == ["", ""])
        #expect(try Self.tokens(Self.text("off")) == ["", ""])
    }

    /// A file is cut short, or any of its characters replaced: whatever is said about it, the secret is not in it.
    @Test(arguments: [
        "sticky: { cookie: id, secret: SECRET, lifetime: 8h }",
        "sticky: { cookie: id, secret: \"SECRET\", lifetime: long }",
        "sticky: { 'secret': 'SECRET', cookie: id }",
        "sticky:\n      cookie: id\n      secret: SECRET\n      lifetime: long",
        "sticky:\n      secret:\n        SECRET\n      cookie: id",
        "sticky:\n      secret: |\n        SECRET\n      cookie: id\n      more: 1",
        "sticky: { cookie: id, Secret: SECRET }",
    ])
    func noDiagnosticTellsASecret(sticky: String) throws {
        let complete = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools:
              web:
                \(sticky.replacing("SECRET", with: Self.secret))
                endpoints: [127.0.0.1:3001]
                oops: 1
            """
        let characters = Array(complete)
        // What is left of the secret at a cut or around a replaced character may be shown where its key is gone too.
        let start = try #require(complete.range(of: Self.secret)).lowerBound
        let begin = complete.distance(from: complete.startIndex, to: start)
        let cuts = (begin...characters.count).map { String(characters[..<$0]) }
        let others = characters.indices.filter { $0 < begin - 12 || $0 > begin + Self.secret.count }
        let damaged = others.enumerated().map { turn, index in
            let mark = ["\"", "{", ":"][turn % 3]
            return String(characters[..<index]) + mark + String(characters[(index + 1)...])
        }
        for text in cuts + damaged {
            do {
                let loaded = try ConfigurationLoader.scripted.load(text: text, file: "f")
                expectNoSecret(loaded.warnings, in: text)
            } catch {
                expectNoSecret(error.diagnostics, in: text)
            }
        }
    }

    private func expectNoSecret(_ diagnostics: [Diagnostic], in text: String) {
        for diagnostic in diagnostics {
            #expect(!diagnostic.rendered.contains("Hunter2-Hunter2"), "\(text)")
        }
    }

    @Test func aLongSecretIsHiddenWhereItsBeginningIsQuoted() throws {
        let long = String(repeating: "0123456789", count: 9)
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(
                text: Self.text("{ cookie: id, secret: &s \(long) }", endpoints: "[*s]"), file: "f")
        }
        #expect(!errors.description.contains("0123456789"))
    }

    @Test func keysThatLookAlikeAreShown() throws {
        let errors = try #require(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.scripted.load(
                text: Self.text("{ cookie: id, secure: true, pth: /, secret: \"\(Self.secret)\" }"), file: "f")
        }
        #expect(errors.description.contains("secure: true, pth: /, secret: \"*****"))
    }
}

@Suite struct NodeNameTests {
    @Test(arguments: [
        ("edge-1", "edge-1"), ("edge-1.example.com", "edge-1.example.com"), ("", "apus"), ("edge 1", "apus"),
        (String(repeating: "a", count: 65), "apus"), ("kanté", "apus"),
    ])
    func aHostNameIsANodeNameIfItCanBe(host: String, node: String) {
        #expect(HostName.nodeName(ofHost: host) == node)
    }

    @Test func theHostNamesTheNodeUnlessToldOtherwise() throws {
        #expect(isName(HostName.current))
        var loader = ConfigurationLoader.scripted
        loader.defaultNode = "here"
        let text = ConfigurationLoaderTests.minimal
        #expect(try loader.load(text: text, file: "f").snapshot.node == "here")
        #expect(try loader.load(text: "node: there\n" + text, file: "f").snapshot.node == "there")
    }
}
