import ApusModel

extension BreakerRules {
    /// `on`, `off`, or a mapping; nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        switch Setting(field, example: "{ failures: 50%, open: 5s }", &findings) {
        case nil, .off: return nil
        case .on: self.init()
        case .section(var section):
            self.init()
            read(&section, &findings)
            let slowAfterField = section.take("slow_after")
            if let given = slowAfterField?.duration(in: Section.durations, &findings) { slowAfter = given }
            section.finish(&findings)
            if consecutiveFailures == nil, failurePercent == nil, slowPercent == nil {
                findings.error(
                    "`\(field.key.value)` looks at nothing: `consecutive_failures`, `failures` and `slow` are off; keep "
                        + "one, or write `\(field.key.value): off`", at: field.key.position)
            } else if let slowAfterField, slowPercent == nil {
                findings.warning(
                    "`slow_after` has no effect without a share of slow responses; add one, such as `slow: 50%`",
                    at: slowAfterField.key.position)
            }
        }
    }

    private mutating func read(_ section: inout Section, _ findings: inout Findings) {
        section.read("consecutive_failures", into: &consecutiveFailures, or: "off", &findings) { field, findings in
            field.integer(in: Bounds.failuresInARow, &findings)
        }
        section.read("failures", into: &failurePercent, or: "off", &findings) { field, findings in
            field.percent(in: Bounds.shares, &findings)
        }
        section.read("slow", into: &slowPercent, or: "off", &findings) { field, findings in
            field.percent(in: Bounds.shares, &findings)
        }
        if let given = section.take("window")?.duration(in: Bounds.breakerWindows, &findings) {
            window = given
        }
        section.read("min_volume", into: &minimumVolume, in: Bounds.volumes, &findings)
        section.read("open", into: &open, upTo: "max_open", &maximumOpen, &findings)
        section.read("trials", into: &trials, in: Bounds.trials, &findings)
    }
}
