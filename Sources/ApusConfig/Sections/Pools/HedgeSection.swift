import ApusModel

extension HedgingRules: Keyed {
    static let usual = HedgingRules(after: .zero)

    static let keys: [SectionKey<HedgingRules>] = [
        SectionKey("after", \.after, Kind.duration(), "When the second is sent.", needed: "100ms")
    ]
}
