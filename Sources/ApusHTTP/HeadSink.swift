/// Where a rewritten head goes: an output buffer that can also copy from the bytes that were parsed.
///
/// The writers below name what they keep by offsets and never look at the input again, so that input and output may
/// belong to the same owner.
public protocol HeadSink: ~Copyable {
    /// Appends bytes of the head that was parsed.
    mutating func append(input range: Range<Int>)
    mutating func append(_ text: StaticString)
    mutating func append(_ byte: UInt8)
}

extension HeadSink where Self: ~Copyable {
    /// Appends every line that `keeps` accepts and that was not dropped, neighbours in one copy.
    @inlinable
    mutating func append(_ fields: borrowing FieldTable, where keeps: (KnownField) -> Bool) {
        var runStart = 0
        var runEnd = 0
        for index in 0..<fields.count {
            let line = fields[index]
            guard !line.isDropped, keeps(line.field) else { continue }
            if runEnd != Int(line.start) {
                if runEnd > runStart { append(input: runStart..<runEnd) }
                runStart = Int(line.start)
            }
            runEnd = Int(line.end)
        }
        if runEnd > runStart { append(input: runStart..<runEnd) }
    }

    /// Appends `value` in decimal.
    @inlinable
    public mutating func append(decimal value: UInt64) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends `value` in hexadecimal, without leading zeros.
    @inlinable
    public mutating func append(hexadecimal value: UInt64) {
        var shift = value == 0 ? 0 : (63 - value.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: (value >> UInt64(shift)) & 0xf)
            append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            shift -= 4
        }
    }
}
