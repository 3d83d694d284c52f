import ApusModel

extension SlowStart: Keyed {
    static let usual = SlowStart(window: .seconds(30))

    static let keys: [SectionKey<SlowStart>] = [
        SectionKey(
            "window", \.window, duration, "How long it takes until an endpoint has its full share.", needed: "30s"),
        SectionKey(
            "aggression", \.aggression, Kind.decimal(in: Bounds.aggressions, example: "1.5"),
            "How fast the share grows; 1 is evenly."),
    ]

    private static let duration = Kind.duration()

    /// A duration, `off`, or a mapping with a window.
    static let kind = Kind<SlowStart?>(
        .either([duration.shape, shape]).or("off"), told: { $0.map { .section(Settings($0)) } ?? .word("off") },
        read: { field, findings in
            if case .mapping = field.node.content {
                return .some(SlowStart(field, example: "{ window: 30s, aggression: 1.5 }", &findings))
            }
            var field = field
            field.alternative = "off"
            if field.isOff { return .some(nil) }
            return duration.read(field, &findings).map { .some(SlowStart(window: $0)) }
        })
}
