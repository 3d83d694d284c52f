/// Figures in as few letters as a person needs.
enum Figures {
    /// `0`, `0.3`, `12`, `4,812`, `31.2k`, `1.5M`.
    static func count(_ value: Double) -> String {
        switch value {
        case ..<0.05: "0"
        case ..<9.95: decimal(value)
        case ..<9_999.5: grouped(Int(value.rounded()))
        case ..<999_950: decimal(value / 1_000) + "k"
        default: decimal(value / 1_000_000) + "M"
        }
    }

    /// Bytes: `0`, `812`, `3.2K`, `40.1M`, `1.2G`, by powers of 1,024.
    static func bytes(_ value: Double) -> String {
        var value = value
        for unit in ["", "K", "M", "G"] {
            if value < 1023.95 { return (unit.isEmpty ? "\(Int(value.rounded()))" : decimal(value) + unit) }
            value /= 1024
        }
        return decimal(value) + "T"
    }

    /// Seconds: `0.4ms`, `12ms`, `1.3s`; `-` for none.
    static func time(_ seconds: Double?) -> String {
        guard let seconds else { return "-" }
        return switch seconds {
        case ..<0.00995: decimal(seconds * 1_000) + "ms"
        case ..<0.9995: "\(Int((seconds * 1_000).rounded()))ms"
        default: decimal(seconds) + "s"
        }
    }

    /// `12%`.
    static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))%" }

    /// `42 s`, `5 min`, `3 h 12 min`, `12 d 4 h`.
    static func age(_ seconds: Double) -> String {
        let seconds = Int(max(0, seconds))
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) min"
        case ..<86_400: "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3_600 % 24) h"
        }
    }

    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private static func grouped(_ value: Int) -> String {
        value < 1_000 ? "\(value)" : "\(value / 1_000)," + String("\(1_000 + value % 1_000)".dropFirst())
    }
}
