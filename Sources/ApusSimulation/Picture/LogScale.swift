#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Where values stand on an axis of which each step is ten times the one before.
struct LogScale {
    private let low: Double
    private let high: Double
    private let ticksFrom: Int
    private let ticksTo: Int

    /// A scale over whole decades that has room for all of these; 1 ms to 1 s when there are none.
    init(holding values: [VirtualTime]) {
        let least = Double(max(1, values.min() ?? 1000))
        let most = Double(max(1, values.max() ?? 1_000_000))
        // Half decades at the ends, so that a chart is not half empty: 3 is about the middle of one.
        low = Self.floorStep(least)
        // Two decades at least, so that pictures of the same day can be laid side by side.
        high = max(low * 100, Self.ceilStep(most))
        ticksFrom = Int(log10(low).rounded(.up))
        ticksTo = Int((log10(high) + 1e-9).rounded(.down))
    }

    /// From 0, at the bottom, to 1.
    func place(_ value: VirtualTime) -> Double {
        let share = (log10(Double(max(1, value))) - log10(low)) / (log10(high) - log10(low))
        return min(1, max(0, share))
    }

    /// The decades, and what stands between: labelled, or a faint line only.
    var ticks: [(value: VirtualTime, isLabelled: Bool)] {
        var ticks: [(VirtualTime, Bool)] = []
        for power in (ticksFrom - 1)...ticksTo {
            let decade = pow(10, Double(power))
            for step in [1.0, 2, 5] where decade * step >= low * 0.999 && decade * step <= high * 1.001 {
                ticks.append((VirtualTime((decade * step).rounded()), step == 1 || ticksTo - ticksFrom < 2))
            }
        }
        return ticks
    }

    private static func floorStep(_ value: Double) -> Double {
        let decade = pow(10, log10(value).rounded(.down))
        return value >= decade * 5 ? decade * 5 : value >= decade * 2 ? decade * 2 : decade
    }

    private static func ceilStep(_ value: Double) -> Double {
        let decade = pow(10, log10(value).rounded(.down))
        return value <= decade
            ? decade : value <= decade * 2 ? decade * 2 : value <= decade * 5 ? decade * 5 : decade * 10
    }
}

extension VirtualTime {
    /// On an axis: `10 ms`, `2 s`.
    var axisText: String {
        if self >= 1_000_000 { return (Double(self) / 1_000_000).text + " s" }
        if self >= 1000 { return (Double(self) / 1000).text + " ms" }
        return "\(self) us"
    }
}
