/// Where a rewritten head goes: an output buffer that can also copy from the bytes that were parsed.
///
/// The writers below name what they keep by offsets and never look at the input again, so that input and output may
/// belong to the same owner.
public protocol HeadSink: ~Copyable {
    /// Appends bytes of the head that was parsed.
    mutating func append(input range: Range<Int>)
    mutating func append(_ text: StaticString)
    mutating func append(_ byte: UInt8)
    /// Appends the line that has the mark, and the empty line behind it.
    mutating func append(lineOf mark: LoopMark)
}

extension HeadSink where Self: ~Copyable {
    public mutating func append(lineOf mark: LoopMark) {
        for place in 0..<LoopMark.lineCount { append(mark.byte(place)) }
    }

    /// Appends every line that is not one of `others` and was not dropped, each as `Name: value`.
    ///
    /// Neighbours that came in this form go on in one copy.
    @inlinable
    mutating func append(_ fields: borrowing FieldTable, without others: KnownField.Set) {
        var runStart = 0
        var runEnd = 0
        for index in 0..<fields.count {
            let line = fields[index]
            guard !line.isDropped, !others.contains(line.field) else { continue }
            if line.isCanonical {
                if runEnd != Int(line.start) {
                    if runEnd > runStart { append(input: runStart..<runEnd) }
                    runStart = Int(line.start)
                }
                runEnd = Int(line.end)
            } else {
                if runEnd > runStart { append(input: runStart..<runEnd) }
                append(anew: line)
                runStart = Int(line.end)
                runEnd = runStart
            }
        }
        if runEnd > runStart { append(input: runStart..<runEnd) }
    }

    /// Appends every line that was not dropped, each as `Name: value`.
    @inlinable
    public mutating func append(_ fields: borrowing FieldTable) { append(fields, without: []) }

    /// Appends a line in the form that Apus gives it.
    @inlinable
    mutating func append(anew line: FieldLine) {
        append(input: line.name)
        append(": ")
        append(input: line.value)
        append("\r\n")
    }

    /// Appends `value` in decimal.
    @inlinable
    public mutating func append(decimal value: UInt64) {
        if value < 10 { return append(UInt8(truncatingIfNeeded: 0x30 + value)) }
        let sixteenDigits: UInt64 = 10_000_000_000_000_000
        guard value >= sixteenDigits else { return append(digitsOf: value, atLeast: 1) }
        append(digitsOf: value / sixteenDigits, atLeast: 1)
        append(digitsOf: value % sixteenDigits, atLeast: 16)
    }

    /// Appends up to sixteen digits. They are found last one first: each becomes four bits of a number, the last the
    /// highest.
    @inlinable
    mutating func append(digitsOf value: UInt64, atLeast least: Int) {
        var rest = value
        var digits: UInt64 = 0
        var count = 0
        while rest > 0 || count < least {
            digits = digits << 4 | rest % 10
            rest /= 10
            count += 1
        }
        for _ in 0..<count {
            append(UInt8(truncatingIfNeeded: 0x30 + digits & 0xf))
            digits >>= 4
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
