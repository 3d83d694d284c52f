import ApusModel

extension ConcurrencyRules {
    /// `adaptive`, `off`, or a mapping; nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        switch Setting(field, word: "adaptive", example: "{ min: 10, max: 1000 }", &findings) {
        case nil, .off: return nil
        case .on: self.init()
        case .section(var section):
            self.init()
            readLimits(&section, at: field.key.position, &findings)
            section.read("interval", into: &interval, &findings)
            section.read("tolerance", into: &tolerancePercent, percent: Bounds.tolerances, &findings)
            priorityHeader = section.take("priority_header")?.headerName(&findings)
            if let given = section.take("retry_after")?
                .seconds(in: Bounds.retryAfter, &findings)
            {
                retryAfter = given
            }
            section.finish(&findings)
        }
    }

    /// What is written holds; what is left out gives way to it.
    private mutating func readLimits(
        _ section: inout Section, at position: SourcePosition, _ findings: inout Findings
    ) {
        let given = ["min", "initial", "max"].map { section.take($0)?.integer(in: Bounds.counts, &findings) }
        let written = given.compactMap(\.self)
        guard written == written.sorted() else {
            findings.error(
                "`min`, `initial` and `max` must not fall in this order, found \(written.map(String.init).joined(separator: ", "))",
                at: position)
            return
        }
        let (lowest, highest) = (written.first ?? initial, written.last ?? initial)
        minimum = given[0] ?? min(minimum, lowest)
        maximum = given[2] ?? max(maximum, highest)
        initial = given[1] ?? min(max(initial, minimum), maximum)
    }
}
