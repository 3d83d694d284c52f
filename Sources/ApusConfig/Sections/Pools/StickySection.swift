import ApusModel

/// A pool's `sticky`: sessions by a cookie that Apus sets, or by one of the application's.
struct StickySection {
    var rules = StickySessions(.cookie(.init()))
    /// What the cookie's values are signed with; nil when it was left out, or when they are not signed.
    var secret: SecretSection?
    /// Whether a secret was written, right or wrong.
    var isSecretWritten = false
    /// Whether it says which cookie.
    private var isUnderstood = true

    private init() {}

    init(_ rules: StickySessions) { self.rules = rules }

    /// What holds for `learn` where nothing else is written.
    private static let usualLearned: (lifetime: Duration, capacity: Int) = (.seconds(3600), 100_000)

    /// Nil when it is off or wrong.
    static let kind = Kind<StickySection?>(
        shape.or("off"), told: { $0.map { .section(Settings($0)) } ?? .word("off") },
        read: { field, findings in
            switch Setting(field, word: nil, example: "{ cookie: apus }", &findings) {
            case nil, .on: return nil
            case .off: return .some(nil)
            case .section(var section):
                var sticky = usual
                sticky.read(&section, of: field.key, &findings)
                return sticky.isUnderstood ? .some(sticky) : nil
            }
        })

    private var cookie: StickySessions.Cookie? { if case .cookie(let cookie) = rules.kind { cookie } else { nil } }

    private var learned: (name: String, lifetime: Duration, capacity: Int)? {
        if case .learned(let name, let lifetime, let capacity) = rules.kind { (name, lifetime, capacity) } else { nil }
    }
}

extension StickySection: Keyed {
    static let usual = StickySection()

    private static let lifetimes = Kind.duration(in: Bounds.sessionLifetimes)
    private static let capacity = Kind.integer(in: Bounds.learnedSessions)
    private static let sameSite = Kind<StickySessions.Cookie.SameSite>.choice.or("off")

    private static let ofCookies: [SectionKey<StickySection>] = [
        SectionKey(
            "path", .text(pattern: "^/|\\$\\{"), "The cookie's path.", words: "a path",
            told: { $0.cookie.map { .word($0.path) } }),
        SectionKey(
            "domain", .text(), "The cookie's domain.", words: "a host name",
            told: { $0.cookie?.domain.map { .word($0) } }),
        SectionKey(
            "secure", .flag, "Whether browsers send it over TLS only.",
            told: { $0.cookie.map { .word("\($0.isSecure)") } }),
        SectionKey(
            "http_only", .flag, "Whether scripts cannot read it.",
            told: { $0.cookie.map { .word("\($0.isHTTPOnly)") } }),
        SectionKey(
            "same_site", sameSite.shape, "Whether browsers send it with requests of other sites.",
            told: { $0.cookie.flatMap { sameSite.told($0.sameSite) } }),
        SectionKey(
            "secret", .named(.secret), "What the cookie is signed with, 16 bytes or more.",
            usually: "a random one at each start"),
    ]

    static let keys: [SectionKey<StickySection>] =
        [
            SectionKey(
                "cookie", .text(), "The name of a cookie that Apus sets.", words: "the name of a cookie that Apus sets",
                usually: "this or `learn`", told: { $0.cookie.map { .word($0.name) } }
            ).usual { _ in false },
            SectionKey(
                "learn", .text(), "The name of a cookie that the application sets.",
                words: "the name of a cookie that the application sets", usually: "this or `cookie`",
                told: { $0.learned.map { .word($0.name) } }),
            SectionKey(
                "lifetime", lifetimes.shape.or("session"), "How long a session lasts.",
                usually: "session; with `learn` \(usualLearned.lifetime.configured)",
                told: { sticky in
                    .word((sticky.learned?.lifetime ?? sticky.cookie?.lifetime)?.configured ?? "session")
                }
            ).usual { sticky in
                sticky.learned.map { $0.lifetime == usualLearned.lifetime } ?? (sticky.cookie?.lifetime == nil)
            },
        ] + ofCookies + [
            SectionKey(
                "capacity", capacity.shape, "Sessions that each worker remembers, with `learn`.",
                usually: "\(usualLearned.capacity)", told: { $0.learned.flatMap { capacity.told($0.capacity) } })
        ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        switch (written["cookie"], written["learn"]) {
        case (let cookie?, nil): readCookie(cookie, written, &findings)
        case (nil, let learned?): readLearned(learned, written, &findings)
        case (let cookie, let learned):
            isUnderstood = false
            findings.error(
                "`sticky` needs `cookie` (Apus sets one) or `learn` (the application sets one), found "
                    + (cookie == nil ? "neither" : "both"), at: learned?.key.position ?? written.position)
        }
    }

    private mutating func readCookie(_ field: Field, _ written: WrittenKeys, _ findings: inout Findings) {
        var cookie = StickySessions.Cookie()
        if let name = field.cookieName(&findings) { cookie.name = name }
        let lifetime = Kind<Duration>.seconds(in: Bounds.sessionLifetimes).or("session")
        if let given = written["lifetime"].flatMap({ lifetime.read($0, &findings) }) { cookie.lifetime = given }
        if let path = written["path"]?.cookiePath(&findings) { cookie.path = path }
        if let field = written["domain"] { cookie.domain = field.cookieDomain(&findings) }
        if let given = written["secure"]?.flag(&findings) { cookie.isSecure = given }
        if let given = written["http_only"]?.flag(&findings) { cookie.isHTTPOnly = given }
        if let given = written["same_site"].flatMap({ Self.sameSite.read($0, &findings) }) { cookie.sameSite = given }
        if let other = written["capacity"] {
            findings.error(
                "`capacity` bounds what `learn` remembers, and a cookie that Apus sets needs no memory; remove it",
                at: other.key.position)
        }
        if let field = written["secret"] {
            isSecretWritten = true
            secret = SecretSection(field, &findings)
        }
        rules = StickySessions(.cookie(cookie))
        warn(of: cookie, at: field.position, &findings)
    }

    private mutating func readLearned(_ field: Field, _ written: WrittenKeys, _ findings: inout Findings) {
        let name = field.cookieName(&findings) ?? ""
        let lifetime = written["lifetime"].flatMap { Self.lifetimes.read($0, &findings) }
        let capacity = written["capacity"].flatMap { Self.capacity.read($0, &findings) }
        rules = StickySessions(
            .learned(
                name: name, lifetime: lifetime ?? Self.usualLearned.lifetime,
                capacity: capacity ?? Self.usualLearned.capacity))
        for other in written.these(Self.ofCookies.map(\.name)) {
            findings.error(
                "`\(other.key.value)` belongs to a cookie that Apus sets, and `learn` reads the application's; remove it",
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
}
