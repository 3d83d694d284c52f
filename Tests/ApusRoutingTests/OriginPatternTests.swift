import ApusRouting
import Testing

/// Which origins a pattern allows. What it was not written for never matches by accident.
@Suite struct OriginPatternTests {
    static func matches(_ pattern: OriginPattern, _ origin: String) -> Bool {
        pattern.matches(Array(origin.utf8).span)
    }

    static func parts(
        _ scheme: String, _ host: HostPattern, _ port: OriginParts.Port = .usual
    ) -> OriginPattern {
        .parts(OriginParts(scheme: Array(scheme.utf8), host: host, port: port))
    }

    static let exact = OriginPattern.exact(Array("https://app.example.com".utf8))
    static let below = parts("https", .suffix(Array(".example.com".utf8)))
    static let local = parts("http", .exact(Array("localhost".utf8)), .any)
    static let port = parts("https", .suffix(Array(".example.com".utf8)), .number(Array("8443".utf8)))

    @Test func whatIsMeantMatches() throws {
        #expect(Self.matches(Self.exact, "https://app.example.com"))
        for origin in ["https://app.example.com", "https://a.b.example.com", "https://x-1.example.com"] {
            #expect(Self.matches(Self.below, origin))
        }
        for origin in ["http://localhost", "http://localhost:3000", "http://localhost:65535"] {
            #expect(Self.matches(Self.local, origin))
        }
        #expect(Self.matches(Self.port, "https://a.example.com:8443"))
        let regex = OriginPattern.regex(try RegularExpression("https://pr-[0-9]+\\.example\\.com"))
        #expect(Self.matches(regex, "https://pr-17.example.com"))
        #expect(Self.matches(.exact(Array("http://[::1]:3000".utf8)), "http://[::1]:3000"))
        #expect(Self.matches(.exact(Array("chrome-extension://abcdef".utf8)), "chrome-extension://abcdef"))
    }

    static let hostile = [
        "", "null", "*", "https", "https:", "https://", "https:///", "//app.example.com", "://app.example.com",
        "https://app.example.com.evil.test", "https://evil.test#.example.com", "https://evil.test/.example.com",
        "https://evil.test?.example.com", "https://evil.test\\.example.com", "https://evil.test@app.example.com",
        "https://app.example.com@evil.test", "https://evilexample.com", "https://example.com", "https://.example.com",
        "https://..example.com", "https://a..example.com", "https://-\".example.com", "https://a b.example.com",
        "https://evil.test%2F.example.com", "https://evil.test:.example.com", "https://app.example.com/",
        "https://app.example.com.", "https://app.example.com:", "https://app.example.com:443",
        "https://app.example.com:08443", "https://app.example.com:99999", "https://app.example.com:8443:8443",
        "https://app.example.com:x", "HTTPS://app.example.com", "https://APP.example.com", "https://App.Example.Com",
        "http://app.example.com", "httpss://app.example.com", "xhttps://app.example.com", " https://app.example.com",
        "https://app.example.com ", "https://app.example.com,https://evil.test",
        "https://app.example.com https://evil.test", "\"https://app.example.com\"", "https://app.example.com\u{0}",
        "https://äpp.example.com", "https://[::1].example.com", "https://[.example.com", "https://].example.com",
        "https://" + String(repeating: "a", count: 400) + ".example.com", "http://localhost:", "http://localhost:0",
        "http://localhost.evil.test", "http://localhost:3000.evil.test", "http://localhost:3000/", "http://localhost:*",
        "http://localhost@evil.test:3000", "https://*.example.com",
    ]

    @Test(arguments: hostile) func nothingElseMatches(origin: String) throws {
        let regexes = try ["https://pr-[0-9]+\\.example\\.com", "https://.*\\.example\\.com", ".*\\.example\\.com"].map
        {
            OriginPattern.regex(try RegularExpression($0))
        }
        // What is an origin with another port or scheme is one that the last would have allowed.
        let isOrigin = SerializedOrigin(Array(origin.utf8).span) != nil
        for pattern in [Self.exact, Self.below, Self.local, Self.port] + (isOrigin ? Array(regexes.prefix(1)) : regexes)
        {
            #expect(!Self.matches(pattern, origin), "\(pattern)")
        }
        #expect(Self.matches(.any, origin))
    }

    /// Browsers name a file, a sandboxed frame and what was redirected across origins all alike: `null`.
    @Test func nullIsNotMatchedByAPattern() throws {
        for text in [".*", "null", "(.*|null)", "[a-z]+"] {
            #expect(!Self.matches(.regex(try RegularExpression(text)), "null"), "\(text)")
        }
        #expect(!Self.matches(.exact(Array("null".utf8)), "null"))
    }

    @Test func partsOfAnOrigin() throws {
        func parts(_ text: String) -> [String]? {
            let bytes = Array(text.utf8)
            return SerializedOrigin(bytes.span).map { form in
                [form.scheme, form.host, form.port].map { String(decoding: bytes[$0], as: UTF8.self) }
            }
        }
        #expect(parts("https://a.test") == ["https", "a.test", ""])
        #expect(parts("http://a:80") == ["http", "a", "80"])
        #expect(parts("http://[2001:db8::1]:8080") == ["http", "[2001:db8::1]", "8080"])
        #expect(parts("http://[]") == nil)
        #expect(parts("http://[::1") == nil)
        #expect(parts("http://[::1]x") == nil)
        #expect(parts("1http://a") == nil)
        #expect(parts("moz-extension+1.0://a") == ["moz-extension+1.0", "a", ""])
    }

    /// Never traps, and takes nothing that is not one of few characters.
    @Test func whateverComes() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "https", "://", ":", "/", "[", "]", "a", ".", "0", "8080", "::1", "#", "@", "\u{80}", "%", "null", "-",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...7, using: &random)).map { _ in pieces.randomElement(using: &random)! }
                .joined()
            guard let form = SerializedOrigin(Array(text.utf8).span) else { continue }
            #expect(!form.scheme.isEmpty && !form.host.isEmpty, "\(text)")
            #expect(!text.contains { "/#@% ".contains($0) } || text.firstRange(of: "://") != nil, "\(text)")
            #expect(text.utf8.dropFirst(form.host.lowerBound).allSatisfy { !"/#@%".utf8.contains($0) }, "\(text)")
        }
    }
}
