import ApusModel

/// A pool's `retries`, and how long a hedge waits: what is said about second attempts.
struct RetriesSection {
    var rules = RetryRules()
    /// Nil when it was left out: `limits.attempts` holds then.
    var attempts: Int?
    /// Where `per_try` was written.
    var perTryPosition: SourcePosition?

    init() {}

    /// `off`, which is one attempt, or a mapping.
    init(_ field: Field, _ findings: inout Findings) {
        switch Setting(field, word: nil, example: "{ attempts: 2, status: [502, 503] }", &findings) {
        case nil, .on: break
        case .off: attempts = 1
        case .section(var section):
            attempts = section.take("attempts")?.integer(in: 1...16, &findings)
            if let field = section.take("status") { rules.statuses = Self.statuses(field, &findings) }
            let perTry = section.take("per_try")
            perTryPosition = perTry?.position
            rules.perTryTimeout = perTry?.duration(in: Section.durations, &findings)
            if let given = section.take("body")?.size(in: 0...16 << 20, example: "64KiB", &findings) {
                rules.bodyBytes = given
            }
            section.read("backoff", into: &rules.backoff, upTo: "max_backoff", &rules.maximumBackoff, &findings)
            section.read("budget", into: &rules.budgetPercent, percent: 0...100, &findings)
            section.read("min_per_second", into: &rules.minimumPerSecond, in: 0...1_000_000, &findings)
            section.finish(&findings)
        }
    }

    /// Statuses that are errors; a response that is none is the answer.
    private static func statuses(_ field: Field, _ findings: inout Findings) -> [Int] {
        let ranges = field.statuses(in: 400...599, example: "[502, 503, 504]", &findings) ?? []
        return Set(ranges.flatMap(\.self)).sorted()
    }
}

/// A pool's `hedge`.
struct HedgeSection {
    var rules: HedgingRules
    var position: SourcePosition

    /// Nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        let example = "{ after: 100ms }"
        guard case .section(var section) = Setting(field, word: nil, example: example, &findings) else { return nil }
        let after = section.require("after", example: "100ms", &findings)?.duration(in: Section.durations, &findings)
        section.finish(&findings)
        guard let after else { return nil }
        rules = HedgingRules(after: after)
        position = field.key.position
    }
}
