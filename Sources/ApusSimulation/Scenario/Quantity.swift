/// Reads numbers with units as they are written on the command line. Without a unit, none is guessed.
enum Quantity {
    private static let units: [(name: String, length: Double)] = [
        ("us", 1), ("ms", 1000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
    ]

    /// `10m`, `1m30s`, `1.5s`, `250us`, in microseconds; nil for anything else, and beyond 1,000 hours.
    static func duration(_ text: String) -> VirtualTime? {
        var total = 0.0
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let length = units.first(where: { $0.name == unit })?.length else {
                return nil
            }
            total += number * length
        }
        return total <= 3_600_000_000_000 ? VirtualTime(total.rounded()) : nil
    }

    /// `10x`: how many times; a million at most.
    static func factor(_ text: String) -> Double? {
        guard text.hasSuffix("x"), let factor = number(text.dropLast()), factor <= 1_000_000 else { return nil }
        return factor
    }

    /// `30%`, as a share from 0 to 1.
    static func share(_ text: String) -> Double? {
        guard text.hasSuffix("%"), let percent = number(text.dropLast()), percent <= 100 else { return nil }
        return percent / 100
    }

    /// A plain number, not negative.
    private static func number(_ text: Substring) -> Double? {
        guard text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(text) else {
            return nil
        }
        return value
    }

    // MARK: - Whole arguments

    static func duration(_ text: String, of argument: String) throws(ArgumentMistake) -> VirtualTime {
        guard let duration = duration(text), duration > 0 else {
            throw ArgumentMistake(
                argument, found: text, expected: "a duration with its unit (us, ms, s, m, h)",
                example: "\(argument) 1m30s")
        }
        return duration
    }

    /// `2000/s`, `120/m`, in requests per second.
    static func rate(_ text: String, of argument: String) throws(ArgumentMistake) -> Double {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let seconds: [Substring: Double] = ["s": 1, "m": 60, "h": 3600]
        guard parts.count == 2, let count = number(parts[0]), let unit = seconds[parts[1]], count > 0,
            count <= 10_000_000
        else {
            throw ArgumentMistake(
                argument, found: text, expected: "requests per second, minute or hour", example: "\(argument) 2000/s")
        }
        return count / unit
    }

    static func count(
        _ text: String, of argument: String, in range: ClosedRange<Int>
    ) throws(ArgumentMistake) -> Int {
        guard let count = Int(text), range.contains(count) else {
            throw ArgumentMistake(
                argument, found: text, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
                example: "\(argument) \(min(64, range.upperBound))")
        }
        return count
    }

    static func percent(_ text: String, of argument: String) throws(ArgumentMistake) -> Double {
        guard let share = share(text) else {
            throw ArgumentMistake(
                argument, found: text, expected: "a share from 0% to 100%", example: "\(argument) 10%")
        }
        return share
    }

    static func seed(_ text: String, of argument: String) throws(ArgumentMistake) -> UInt64 {
        guard let seed = UInt64(text) else {
            throw ArgumentMistake(argument, found: text, expected: "a whole number from 0 on", example: "\(argument) 7")
        }
        return seed
    }

    /// `4x`: the slowest of a hundred requests takes 4 times as long as the middle one; or `exponential`.
    static func tail(_ text: String, of argument: String) throws(ArgumentMistake) -> ServiceTime.Shape {
        if text == "exponential" { return .exponential }
        guard let factor = factor(text), factor >= 1, factor <= 1000 else {
            throw ArgumentMistake(
                argument, found: text,
                expected: "how many times longer than the median the slowest of a hundred takes (1x to 1000x), "
                    + "or exponential",
                example: "\(argument) 4x")
        }
        return .logNormal(tail: factor)
    }
}
