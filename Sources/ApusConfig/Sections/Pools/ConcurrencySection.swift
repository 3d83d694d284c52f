import ApusModel

extension ConcurrencyRules: Keyed {
    static let usual = ConcurrencyRules()

    static let keys: [SectionKey<ConcurrencyRules>] = [
        SectionKey("min", \.minimum, Kind.integer(in: Bounds.counts), "The least that the limit may be."),
        SectionKey("initial", \.initial, Kind.integer(in: Bounds.counts), "The limit at first."),
        SectionKey("max", \.maximum, Kind.integer(in: Bounds.counts), "The most that the limit may be."),
        SectionKey("interval", \.interval, Kind.duration(), "How often the limit is looked at."),
        SectionKey(
            "tolerance", \.tolerancePercent, Kind.percent(in: Bounds.tolerances, example: usual.tolerancePercent),
            "How much longer than without load answers may take before the limit shrinks."),
        SectionKey(
            "priority_header", \.priorityHeader, Kind.headerName.ifWritten,
            "A header by which a request says its priority."),
        SectionKey(
            "retry_after", \.retryAfter, Kind.seconds(in: Bounds.retryAfter),
            "Retry-After of requests that are refused."),
    ]

    /// What is written holds; what is left out gives way to it.
    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let limits = [("min", minimum), ("initial", initial), ("max", maximum)]
        let given = limits.filter { written.isRight($0.0) }.map(\.1)
        guard given == given.sorted() else {
            findings.error(
                "`min`, `initial` and `max` must not fall in this order, found "
                    + given.map(String.init).joined(separator: ", "), at: written.position)
            return
        }
        let (lowest, highest) = (given.first ?? initial, given.last ?? initial)
        if !written.isRight("min") { minimum = min(minimum, lowest) }
        if !written.isRight("max") { maximum = max(maximum, highest) }
        if !written.isRight("initial") { initial = min(max(initial, minimum), maximum) }
    }
}
