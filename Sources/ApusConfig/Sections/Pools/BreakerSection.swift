import ApusModel

extension BreakerRules: Keyed {
    static let usual = BreakerRules()

    static let keys: [SectionKey<BreakerRules>] = [
        SectionKey(
            "consecutive_failures", \.consecutiveFailures, Kind.integer(in: Bounds.failuresInARow).or("off"),
            "Failures in a row that open it."),
        SectionKey(
            "failures", \.failurePercent, Kind.percent(in: Bounds.shares).or("off"),
            "The share of failures in the window that opens it."),
        SectionKey(
            "slow", \.slowPercent, Kind.percent(in: Bounds.shares).or("off"),
            "The share of slow responses in the window that opens it."),
        SectionKey("slow_after", \.slowAfter, Kind.duration(), "When a response counts as slow."),
        SectionKey("window", \.window, Kind.duration(in: Bounds.breakerWindows), "How far back shares are counted."),
        SectionKey(
            "min_volume", \.minimumVolume, Kind.integer(in: Bounds.volumes),
            "Requests in the window below which no share is looked at."),
        SectionKey("open", \.open, Kind.duration(), "How long it stays open at first."),
        SectionKey("max_open", \.maximumOpen, Kind.duration(), "What that grows to while trials fail."),
        SectionKey("trials", \.trials, Kind.integer(in: Bounds.trials), "Requests that must succeed until it closes."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        written.settle("open", &open, upTo: "max_open", &maximumOpen, &findings)
        if consecutiveFailures == nil, failurePercent == nil, slowPercent == nil {
            let name = written.name
            findings.error(
                "`\(name)` looks at nothing: `consecutive_failures`, `failures` and `slow` are off; keep one, or write "
                    + "`\(name): off`", at: written.position)
            return
        }
        if slowPercent == nil {
            written.warnOfNoEffect(
                ["slow_after"], "without a share of slow responses; add one, such as `slow: 50%`", &findings)
        }
        if failurePercent == nil, slowPercent == nil {
            written.warnOfNoEffect(
                ["window", "min_volume"], "without a share; add one, such as `failures: 50%`", &findings)
        }
    }
}
