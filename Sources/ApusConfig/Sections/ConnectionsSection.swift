import ApusModel

extension UpstreamConnectionLimits {
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        guard var section = Section(field, "`connections`", example: "{ max_idle: 64, idle: 60s }", &findings) else {
            return
        }
        let maxIdleField = section.take("max_idle")
        section.read("idle", into: &idleTimeout, &findings)
        section.read("max", into: &max, in: Bounds.counts, &findings)
        section.finish(&findings)
        guard let maxIdleField, let given = maxIdleField.integer(in: Bounds.countsOrNone, &findings) else {
            maxIdle = Swift.min(maxIdle, max)
            return
        }
        maxIdle = Swift.min(given, max)
        if given > max {
            findings.warning(
                "`max_idle` is \(given), but never more than `max` (\(max)) connections are open",
                at: maxIdleField.position)
        }
    }
}
