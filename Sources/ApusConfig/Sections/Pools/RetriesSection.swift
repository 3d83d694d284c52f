import ApusModel

/// A pool's `retries`: what is said about second attempts.
struct RetriesSection {
    var rules = RetryRules()
    /// Whether `attempts` was written: `limits.attempts` holds otherwise.
    var setsAttempts = false
    private(set) var written: WrittenKeys?
    /// Where `per_try` was written.
    var perTryPosition: SourcePosition? { written?["per_try"]?.position }
    /// Where `body` was written, and understood.
    var bodyPosition: SourcePosition? { written.flatMap { $0.isRight("body") ? $0["body"]?.position : nil } }

    /// `off`, which is one attempt.
    static let off: RetriesSection = {
        var section = RetriesSection()
        section.rules.attempts = 1
        section.setsAttempts = true
        return section
    }()
}

extension RetriesSection: Keyed {
    static let usual = RetriesSection()

    static let keys: [SectionKey<RetriesSection>] =
        keysOfRoutes + [
            SectionKey(
                "budget", \.rules.budgetPercent,
                Kind.percent(in: Bounds.percentages, example: usual.rules.budgetPercent),
                "The share of the requests in flight that may be retries."),
            SectionKey(
                "min_per_second", \.rules.minimumPerSecond, Kind.integer(in: Bounds.countsOrNone),
                "Retries that there may always be."),
        ]

    /// Those that a route may set too.
    static let keysOfRoutes: [SectionKey<RetriesSection>] = [
        SectionKey(
            "attempts", \.rules.attempts, Kind.integer(in: Bounds.attempts),
            "How often a request is tried, the first included.", usually: "what `limits.attempts` says"),
        SectionKey(
            "status", \.rules.statuses, statuses,
            "Responses that are not passed on while another attempt may be made."),
        SectionKey(
            "per_try", \.rules.perTryTimeout, perTry, "How long one attempt may take until its response begins."),
        SectionKey(
            "body", \.rules.bodyBytes, Kind.size(in: Bounds.keptBodyBytes, example: "64KiB"),
            "Bytes of a request's body that are kept to be sent again."),
        SectionKey(
            "non_idempotent", \.rules.repeatsAll, Kind.flag,
            "Whether requests of methods that are not idempotent, such as POST, are tried again as well."),
        SectionKey("backoff", \.rules.backoff, Kind.duration(), "The longest pause before the second attempt."),
        SectionKey("max_backoff", \.rules.maximumBackoff, Kind.duration(), "What it grows to."),
    ]

    /// Statuses that are errors; a response that is not one is the answer.
    private static let statuses = Kind<[Int]>(
        .statuses(Bounds.retriedStatuses), told: { .word(statusWords(ranges($0))) },
        read: { field, findings in
            field.statuses(in: Bounds.retriedStatuses, example: "[502, 503, 504]", &findings)
                .map { Set($0.flatMap(\.self)).sorted() }
        })

    private static let perTry = Kind<Duration?>(
        .duration(Bounds.durations), told: { .word($0?.configured ?? "none") },
        read: { field, findings in field.duration(in: Bounds.durations, &findings) })

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        setsAttempts = written.isRight("attempts")
        self.written = written
        written.settle("backoff", &rules.backoff, upTo: "max_backoff", &rules.maximumBackoff, &findings)
    }

    /// Warns of what has no effect where one attempt is made.
    func warnOfOneAttempt(_ findings: inout Findings) {
        written?.warnOfNoEffect(
            ["status", "body", "non_idempotent", "backoff", "max_backoff", "budget", "min_per_second"],
            "where one attempt is made: nothing is tried again; write `attempts: 2`", &findings)
    }
}
