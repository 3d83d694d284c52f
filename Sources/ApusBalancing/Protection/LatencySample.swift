/// Latencies of a while, and what they were about: their geometric mean, and how sure that is.
///
/// Latencies are spread by factors, not by sums. In the geometric mean one answer that took a minute does not hide a
/// thousand that took ten milliseconds, while a load that makes all of them twice as long doubles it. Nothing is kept but
/// three sums: adding one costs a few nanoseconds and no table of buckets.
@usableFromInline
struct LatencySample: Sendable, BitwiseCopyable {
    @usableFromInline var count = 0
    /// Of the logarithms to base 2, and of their squares.
    @usableFromInline var sum = 0.0
    @usableFromInline var squares = 0.0

    @inlinable
    init() {}

    @inlinable
    mutating func add(_ microseconds: Int64) {
        let log = Self.log2(Double(max(1, microseconds)))
        count += 1
        sum += log
        squares += log * log
    }

    /// In microseconds; asked only when there is one.
    var mean: Double { Self.exp2(sum / Double(count)) }

    /// What the mean is at least, in microseconds, with a confidence of five in six: one standard error below it.
    var lowerBound: Double {
        let number = Double(count)
        let mean = sum / number
        guard count > 1 else { return 0 }
        let variance = max(0, squares / number - mean * mean) * number / (number - 1)
        return Self.exp2(mean - (variance / number).squareRoot())
    }

    /// Whether one standard error is less than a tenth or so of the mean.
    var isSure: Bool { lowerBound > 0.93 * mean }

    // A number's bits, read as an integer, are its logarithm but for scale and offset: its exponent, then a fraction that
    // stands for the logarithm's with an error of at most 0.086 (Mitchell, "Computer multiplication and division using
    // binary logarithms", 1962). The inverse undoes it exactly, and means of such numbers are compared only with each
    // other.

    @inlinable
    static func log2(_ number: Double) -> Double {
        Double(number.bitPattern) / 0x1p52 - 1023
    }

    static func exp2(_ log: Double) -> Double {
        Double(bitPattern: UInt64(max(0, (log + 1023) * 0x1p52)))
    }
}
