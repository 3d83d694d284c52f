/// How a number with a unit can be wrong.
enum QuantityError: Error {
    case malformed
    /// A bare number.
    case noUnit
    case unknownUnit(String)
}

/// The digits and the unit at the beginning of `text`, which are removed from it: `1.5h` is 15 tenths of `h`.
func takeQuantity(
    _ text: inout Substring
) throws(QuantityError) -> (digits: Int, scale: Int, unit: Substring) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard !number.isEmpty, parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }),
        // Twelve digits before the point and six behind it are far beyond every bound, and cannot overflow.
        parts[0].count <= 12, parts.count == 1 || parts[1].count <= 6,
        let digits = Int(parts.joined())
    else { throw .malformed }
    var scale = 1
    for _ in 0..<(parts.count == 2 ? parts[1].count : 0) { scale *= 10 }
    text = text[number.endIndex...]
    let unit = text.prefix { $0.isLetter }
    text = text[unit.endIndex...]
    guard !unit.isEmpty else {
        if text.isEmpty { throw .noUnit }
        throw .malformed
    }
    return (digits, scale, unit)
}

extension Duration {
    /// Reads `500ms`, `5s`, `1.5m`, `24h`, `1d` or a sum such as `1m30s`.
    init(configured text: String) throws(QuantityError) {
        var rest = text[...]
        var total = Duration.zero
        repeat {
            let (digits, scale, unit) = try takeQuantity(&rest)
            let each: Duration =
                switch unit {
                case "ms": .milliseconds(1)
                case "s": .seconds(1)
                case "m": .seconds(60)
                case "h": .seconds(3600)
                case "d": .seconds(24 * 3600)
                default: throw .unknownUnit(String(unit))
                }
            total += each * digits / scale
        } while !rest.isEmpty
        self = total
    }

    /// In the largest unit that leaves a whole number: `90s`, `24h`.
    var configured: String {
        let (seconds, attoseconds) = components
        if attoseconds != 0 { return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms" }
        if seconds != 0, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        return seconds != 0 && seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
    }
}

/// A number of bytes as it stands in a configuration.
enum ByteSize {
    private static let units: KeyValuePairs = [
        "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
    ]

    /// Reads `512B`, `64KiB` (1,024 bytes each), `10MB` (1,000,000 bytes each); units in any case.
    static func read(_ text: String) throws(QuantityError) -> Int {
        var rest = text[...]
        let (digits, scale, unit) = try takeQuantity(&rest)
        guard rest.isEmpty else { throw .malformed }
        guard let each = units.first(where: { $0.key == unit.lowercased() })?.value else {
            throw .unknownUnit(String(unit))
        }
        let (bytes, overflow) = digits.multipliedReportingOverflow(by: each)
        return overflow ? .max : bytes / scale
    }

    /// In the largest binary unit that leaves a whole number: `64KiB`.
    static func write(_ bytes: Int) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)B"
    }
}
