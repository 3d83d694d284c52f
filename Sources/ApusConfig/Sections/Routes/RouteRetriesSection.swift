import ApusModel

/// A route's `retries`: what was written; the rest is as the route's pool has it.
struct RouteRetriesSection {
    private var given = RetriesSection()
    private var written: Set<String> = []
    var perTryPosition: SourcePosition? { given.perTryPosition }
    var bodyPosition: SourcePosition? { given.bodyPosition }
    var bodyBytes: Int { given.rules.bodyBytes }
    var makesMoreAttempts: Bool { given.setsAttempts && given.rules.attempts > 1 }
    var perTry: Duration? { given.rules.perTryTimeout }

    /// `off`, which is one attempt.
    static let off: RouteRetriesSection = {
        var section = RouteRetriesSection()
        section.given = .off
        section.written = ["attempts"]
        return section
    }()

    /// The rules of a pool, with what the route says instead.
    func rules(over pool: RetryRules) -> RetryRules {
        var section = RetriesSection(rules: pool)
        for key in RetriesSection.keysOfRoutes where written.contains(key.name) { key.copy(given, &section) }
        // What is written holds; what is left out gives way to it.
        if written.contains("max_backoff") {
            section.rules.backoff = min(section.rules.backoff, section.rules.maximumBackoff)
        } else {
            section.rules.maximumBackoff = max(section.rules.maximumBackoff, section.rules.backoff)
        }
        return section.rules
    }
}

extension RouteRetriesSection: Keyed {
    static let usual = RouteRetriesSection()

    static let keys: [SectionKey<RouteRetriesSection>] = RetriesSection.keysOfRoutes.map { key in
        SectionKey(
            key.name, key.shape, key.about, words: key.words, usually: "what the pool says",
            read: { field, owner, findings in key.read(field, &owner.given, &findings) })
    }

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        given.check(written, &findings)
        if given.setsAttempts, given.rules.attempts == 1 { given.warnOfOneAttempt(&findings) }
        self.written = Set(Self.keys.map(\.name).filter(written.isRight))
    }
}
