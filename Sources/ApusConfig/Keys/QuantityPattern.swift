/// Regular expressions for numbers within bounds, so that the JSON Schema refuses what the loader refuses.
///
/// A number with decimals and a sum of durations are checked for their form alone.
enum QuantityPattern {
    static func percent(_ bounds: ClosedRange<Int>) -> String { "^0*(\(digits(bounds)))%$" }

    static func duration(_ bounds: ClosedRange<Duration>) -> String {
        let (least, most) = (milliseconds(bounds.lowerBound), milliseconds(bounds.upperBound))
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        let plain = units.compactMap { whole($0.0, $0.1, least, most) }
        let unit = units.map(\.0).joined(separator: "|")
        let sum = "([0-9]+(\\.[0-9]+)?(\(unit))){2,}"
        return "^(\((plain + ["[0-9]+\\.[0-9]+(\(unit))", sum]).joined(separator: "|")))$"
    }

    static func size(_ bounds: ClosedRange<Int>) -> String {
        let units = [
            ("[bB]", 1), ("[kK][bB]", 1_000), ("[mM][bB]", 1_000_000), ("[gG][bB]", 1_000_000_000),
            ("[kK][iI][bB]", 1 << 10), ("[mM][iI][bB]", 1 << 20), ("[gG][iI][bB]", 1 << 30),
        ]
        let plain = units.compactMap { whole($0.0, $0.1, bounds.lowerBound, bounds.upperBound) }
        return "^(\((plain + ["[0-9]+\\.[0-9]+[kKmMgG]?[iI]?[bB]"]).joined(separator: "|")))$"
    }

    private static func milliseconds(_ duration: Duration) -> Int { Int(duration / .milliseconds(1)) }

    /// Whole numbers of one unit; nil when none is within the bounds.
    private static func whole(_ unit: String, _ each: Int, _ least: Int, _ most: Int) -> String? {
        let first = least / each + (least % each == 0 ? 0 : 1)
        guard first <= most / each else { return nil }
        return "0*(\(digits(first...(most / each))))\(unit)"
    }

    /// Every whole number from one to another, as alternatives whose digits are each of a range.
    static func digits(_ bounds: ClosedRange<Int>) -> String {
        // Twelve digits are what the loader reads.
        let (least, most) = (bounds.lowerBound, min(bounds.upperBound, 999_999_999_999))
        var ends: Set<Int> = [most]
        var power = 10
        while power <= most {
            let nines = least - least % power + power - 1
            if nines < most { ends.insert(nines) }
            let zeros = (most + 1) - (most + 1) % power - 1
            if zeros >= least { ends.insert(zeros) }
            power *= 10
        }
        var parts: [String] = []
        var start = least
        for end in ends.sorted() {
            parts.append(sameLength(start, end))
            start = end + 1
        }
        return parts.joined(separator: "|")
    }

    private static func sameLength(_ first: Int, _ last: Int) -> String {
        zip(String(first), String(last)).map { $0 == $1 ? "\($0)" : "[\($0)-\($1)]" }.joined()
    }
}
