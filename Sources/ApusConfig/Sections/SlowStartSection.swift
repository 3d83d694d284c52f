import ApusModel

extension SlowStart {
    /// A duration, `off`, or a mapping with a window; nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        guard case .mapping = field.node.content else {
            var field = field
            field.alternative = "off"
            guard !field.isOff, let window = field.duration(in: Section.durations, &findings) else { return nil }
            self.init(window: window)
            return
        }
        let example = "{ window: 30s, aggression: 1.5 }"
        guard var section = Section(field, "`slow_start`", example: example, &findings) else { return nil }
        let window = section.require("window", example: "30s")?
            .duration(in: Section.durations, &findings)
        self.init(window: window ?? .seconds(30))
        if let given = section.take("aggression")?.decimal(in: Bounds.aggressions, example: "1.5", &findings) {
            aggression = given
        }
        section.finish(&findings)
    }
}
