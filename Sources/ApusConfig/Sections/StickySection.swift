import ApusModel

/// A pool's `sticky`: sessions by a cookie that Apus sets, or by one of the application's.
struct StickySection {
    var rules: StickySessions
    /// What the cookie's values are signed with; nil when it was left out, or when they are not signed.
    var secret: SecretSection?
    /// Whether a secret was written, right or wrong.
    var isSecretWritten = false
    var position: SourcePosition

    private static let cookieKeys = ["path", "domain", "secure", "http_only", "same_site", "secret"]

    /// Nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        let example = "{ cookie: apus }"
        guard case .section(var section) = Setting(field, word: nil, example: example, &findings) else { return nil }
        position = field.key.position
        let cookie = section.take("cookie")
        let learned = section.take("learn")
        if let cookie, learned == nil {
            rules = StickySessions(.cookie(.init()))
            readCookie(cookie, &section, &findings)
        } else if let learned, cookie == nil {
            rules = StickySessions(.learned(name: "", lifetime: .seconds(3600), capacity: 100_000))
            readLearned(learned, &section, &findings)
        } else {
            let found = cookie == nil ? "neither" : "both"
            findings.error(
                "`sticky` needs `cookie` (Apus sets one) or `learn` (the application sets one), found \(found)",
                at: learned?.key.position ?? field.key.position)
            return nil
        }
        section.finish(&findings)
    }

    private mutating func readCookie(_ field: Field, _ section: inout Section, _ findings: inout Findings) {
        var cookie = StickySessions.Cookie()
        if let name = field.cookieName(&findings) { cookie.name = name }
        section.read("lifetime", into: &cookie.lifetime, or: "session", &findings) { field, findings in
            field.seconds(in: Bounds.sessionLifetimes, &findings)
        }
        if let path = section.take("path").flatMap({ Self.path($0, &findings) }) { cookie.path = path }
        if let field = section.take("domain") { cookie.domain = Self.domain(field, &findings) }
        section.read("secure", into: &cookie.isSecure, &findings)
        section.read("http_only", into: &cookie.isHTTPOnly, &findings)
        section.read("same_site", into: &cookie.sameSite, or: "off", &findings) { field, findings in
            field.choice(of: StickySessions.Cookie.SameSite.self, &findings)
        }
        if let other = section.take("capacity") {
            findings.error(
                "`capacity` bounds what `learn` remembers, and a cookie that Apus sets needs no memory; remove it",
                at: other.key.position)
        }
        if let field = section.take("secret") {
            isSecretWritten = true
            secret = SecretSection(field, &findings)
        }
        rules = StickySessions(.cookie(cookie))
        warn(of: cookie, at: field.position, &findings)
    }

    private mutating func readLearned(_ field: Field, _ section: inout Section, _ findings: inout Findings) {
        guard case .learned(_, var lifetime, var capacity) = rules.kind else { return }
        let name = field.cookieName(&findings) ?? ""
        if let given = section.take("lifetime")?.duration(in: Bounds.sessionLifetimes, &findings) { lifetime = given }
        section.read("capacity", into: &capacity, in: Bounds.learnedSessions, &findings)
        rules = StickySessions(.learned(name: name, lifetime: lifetime, capacity: capacity))
        for key in Self.cookieKeys {
            guard let other = section.take(key) else { continue }
            findings.error(
                "`\(key)` belongs to a cookie that Apus sets, and `learn` reads the application's; remove it",
                at: other.key.position)
        }
    }

    /// Cookies that browsers refuse (RFC 6265bis sections 4.1.3 and 5.7), so that no session would last.
    private func warn(of cookie: StickySessions.Cookie, at position: SourcePosition, _ findings: inout Findings) {
        if cookie.sameSite == StickySessions.Cookie.SameSite.none, !cookie.isSecure {
            findings.warning(
                "browsers refuse a cookie with `same_site: none` that is not secure; add `secure: true`", at: position)
        }
        if cookie.name.hasPrefix("__Secure-"), !cookie.isSecure {
            findings.warning(
                "browsers refuse a cookie named `__Secure-...` that is not secure; add `secure: true`", at: position)
        }
        if cookie.name.hasPrefix("__Host-"), !cookie.isSecure || cookie.path != "/" || cookie.domain != nil {
            findings.warning(
                "browsers refuse a cookie named `__Host-...` unless it has `secure: true`, `path: /` and no `domain`",
                at: position)
        }
    }

    /// A Path attribute (RFC 6265 section 4.1.1).
    private static func path(_ field: Field, _ findings: inout Findings) -> String? {
        guard let path = field.node.text, path.hasPrefix("/"),
            path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ";") })
        else {
            field.reject(expected: "a path that begins with `/`, without blanks and `;`, such as `/shop`", &findings)
            return nil
        }
        return path
    }

    private static func domain(_ field: Field, _ findings: inout Findings) -> String? {
        guard let domain = field.node.text, isHostName(domain) else {
            let hint = field.node.text?.hasPrefix(".") == true ? "leave the first dot out" : nil
            field.reject(expected: "a host name, such as `example.com`", hint: hint, &findings)
            return nil
        }
        return domain.lowercased()
    }
}
