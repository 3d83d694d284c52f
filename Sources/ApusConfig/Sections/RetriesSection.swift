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
            attempts = section.take("attempts")?.integer(in: Bounds.attempts, &findings)
            if let field = section.take("status") { rules.statuses = Self.statuses(field, &findings) }
            let perTry = section.take("per_try")
            perTryPosition = perTry?.position
            rules.perTryTimeout = perTry?.duration(in: Section.durations, &findings)
            if let given = section.take("body")?.size(in: Bounds.keptBodyBytes, example: "64KiB", &findings) {
                rules.bodyBytes = given
            }
            section.read("backoff", into: &rules.backoff, upTo: "max_backoff", &rules.maximumBackoff, &findings)
            section.read("budget", into: &rules.budgetPercent, percent: Bounds.percentages, &findings)
            section.read("min_per_second", into: &rules.minimumPerSecond, in: Bounds.countsOrNone, &findings)
            section.finish(&findings)
        }
    }

    /// Statuses that are errors; a response that is none is the answer.
    static func statuses(_ field: Field, _ findings: inout Findings) -> [Int] {
        let ranges = field.statuses(in: Bounds.retriedStatuses, example: "[502, 503, 504]", &findings) ?? []
        return Set(ranges.flatMap(\.self)).sorted()
    }
}

/// A route's `retries`: what was written; the rest is as the route's pool has it.
struct RouteRetriesSection {
    private var attempts: Int?
    private var statuses: [Int]?
    private(set) var perTry: Located<Duration>?
    private var body: Int?
    private var backoff: Duration?
    private var maximumBackoff: Duration?

    /// `off`, which is one attempt, or a mapping; nil when it is wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        switch Setting(field, word: nil, example: "{ attempts: 2, status: 502-503 }", &findings) {
        case nil, .on: return nil
        case .off: attempts = 1
        case .section(var section):
            attempts = section.take("attempts")?.integer(in: Bounds.attempts, &findings)
            statuses = section.take("status").map { RetriesSection.statuses($0, &findings) }
            let perTryField = section.take("per_try")
            if let perTryField, let given = perTryField.duration(in: Section.durations, &findings) {
                perTry = Located(value: given, position: perTryField.position)
            }
            body = section.take("body")?.size(in: Bounds.keptBodyBytes, example: "64KiB", &findings)
            backoff = section.take("backoff")?.duration(in: Section.durations, &findings)
            maximumBackoff = section.take("max_backoff")?.duration(in: Section.durations, &findings)
            section.finish(&findings)
        }
    }

    /// The rules of a pool, with what the route says instead.
    func rules(over pool: RetryRules) -> RetryRules {
        var rules = pool
        if let attempts { rules.attempts = attempts }
        if let statuses { rules.statuses = statuses }
        if let perTry { rules.perTryTimeout = perTry.value }
        if let body { rules.bodyBytes = body }
        if let backoff { rules.backoff = backoff }
        // What is written holds; what is left out gives way to it.
        rules.maximumBackoff = max(maximumBackoff ?? rules.maximumBackoff, backoff ?? .zero)
        rules.backoff = min(rules.backoff, rules.maximumBackoff)
        return rules
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
        let after = section.require("after", example: "100ms")?.duration(in: Section.durations, &findings)
        section.finish(&findings)
        guard let after else { return nil }
        rules = HedgingRules(after: after)
        position = field.key.position
    }
}
