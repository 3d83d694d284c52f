import ApusModel

extension RequestLimits {
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        let example = "{ max_per_endpoint: 100 }"
        guard var section = Section(field, "`requests`", example: example, &findings) else { return }
        for (key, limit) in [("max_per_endpoint", \RequestLimits.perEndpoint), ("max", \.perPool)] {
            section.read(key, into: &self[keyPath: limit], or: "unlimited", &findings) { field, findings in
                field.integer(in: Bounds.counts, &findings)
            }
        }
        let queueField = section.take("queue")
        queue = queueField.flatMap { QueueRules($0, &findings) }
        section.finish(&findings)
        if let queueField, queue != nil, perEndpoint == nil, perPool == nil {
            findings.warning(
                "`queue` has no effect without a limit that requests wait for; add `max_per_endpoint` or `max`",
                at: queueField.key.position)
        }
    }
}

extension QueueRules {
    /// `on`, `off`, or a mapping; nil when it is off or wrong.
    fileprivate init?(_ field: Field, _ findings: inout Findings) {
        switch Setting(field, example: "{ length: 1000, timeout: 5s }", &findings) {
        case nil, .off: return nil
        case .on: self.init()
        case .section(var section):
            self.init()
            section.read("length", into: &length, in: Bounds.counts, &findings)
            section.read("timeout", into: &timeout, &findings)
            if let given = section.take("order")?.choice(of: Order.self, &findings) { order = given }
            section.finish(&findings)
        }
    }
}
