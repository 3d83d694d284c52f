import ApusHTTP
import ApusTransport

/// The values of the access log as text.
extension BufferArena {
    /// Appends bytes that a client chose, so that they can neither end the value nor the line; as many of them as leave
    /// room for `reserve` bytes.
    mutating func append(
        escaping handle: BufferHandle, _ range: Range<Int>, _ style: AccessLogLine.Style, reserve: Int
    ) {
        var start = range.lowerBound
        var index = range.lowerBound
        while index < range.upperBound {
            guard sendRoom - (index - start) >= reserve + 8 else { break }
            let length =
                style == .json ? plainLengthInJSON(handle, index, range.upperBound) : plainLength(handle, index)
            if length > 0 {
                index += length
                continue
            }
            append(copying: handle, start..<index)
            let byte = bytes(handle, index..<index + 1)[0]
            if style == .json { append(escapedInJSON: byte) } else { append(escaped: byte) }
            index += 1
            start = index
        }
        append(copying: handle, start..<index)
    }

    /// Bytes at `index` that stand as they are in a JSON string: an ASCII character, or a whole sequence of UTF-8.
    private func plainLengthInJSON(_ handle: BufferHandle, _ index: Int, _ end: Int) -> Int {
        let rest = bytes(handle, index..<min(end, index + 4))
        let byte = rest[0]
        if byte < 0x80 {
            return byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? 0 : 1
        }
        return rest.lengthOfUTF8Sequence
    }

    private func plainLength(_ handle: BufferHandle, _ index: Int) -> Int {
        let byte = bytes(handle, index..<index + 1)[0]
        return byte < 0x20 || byte >= 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? 0 : 1
    }

    private mutating func append(escapedInJSON byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append("\\")
            append(byte)
        // Not UTF-8: the replacement character.
        case 0x80...: append("\\ufffd")
        default:
            append("\\u00")
            append(twoDigits: byte)
        }
    }

    /// As Apache httpd escapes what it logs.
    private mutating func append(escaped byte: UInt8) {
        append("\\")
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append("b")
        case 0x09: append("t")
        case 0x0a: append("n")
        case 0x0b: append("v")
        case 0x0d: append("r")
        default:
            append("x")
            append(twoDigits: byte)
        }
    }

    private mutating func append(twoDigits byte: UInt8) {
        let (high, low) = (byte >> 4, byte & 0xf)
        append(high < 10 ? 0x30 + high : 0x57 + high)
        append(low < 10 ? 0x30 + low : 0x57 + low)
    }

    // MARK: Times

    /// Appends a time, given as microseconds since 1970, in UTC (RFC 3339).
    mutating func append(timestamp microseconds: Int64) {
        let (year, month, day) = civilDate(microseconds / 86_400_000_000)
        append(UInt64(year), digits: 4)
        append("-")
        append(UInt64(month), digits: 2)
        append("-")
        append(UInt64(day), digits: 2)
        append("T")
        append(timeOfDay: microseconds)
        append(".")
        append(UInt64(microseconds % 1_000_000), digits: 6)
        append("Z")
    }

    /// Appends a time as the Common Log Format has it: `10/Oct/2000:13:55:36 +0000`.
    mutating func append(commonTime microseconds: Int64) {
        let (year, month, day) = civilDate(microseconds / 86_400_000_000)
        append(UInt64(day), digits: 2)
        append("/")
        append(monthName(month))
        append("/")
        append(UInt64(year), digits: 4)
        append(":")
        append(timeOfDay: microseconds)
        append(" +0000")
    }

    private mutating func append(timeOfDay microseconds: Int64) {
        let seconds = UInt64(microseconds / 1_000_000 % 86_400)
        append(seconds / 3_600, digits: 2)
        append(":")
        append(seconds / 60 % 60, digits: 2)
        append(":")
        append(seconds % 60, digits: 2)
    }

    private mutating func append(_ value: UInt64, digits: Int) {
        var divisor: UInt64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
            divisor /= 10
        }
    }
}

extension Span<UInt8> {
    /// Bytes of the sequence of UTF-8 at the start (Unicode, table 3-7); 0 when there is no whole one.
    fileprivate var lengthOfUTF8Sequence: Int {
        let first = self[0]
        let length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
        guard length > 0, count >= length else { return 0 }
        let second: ClosedRange<UInt8> =
            switch first {
            case 0xe0: 0xa0...0xbf
            case 0xed: 0x80...0x9f
            case 0xf0: 0x90...0xbf
            case 0xf4: 0x80...0x8f
            default: 0x80...0xbf
            }
        guard second.contains(self[1]) else { return 0 }
        for index in 2..<Swift.max(2, length) where self[index] & 0xc0 != 0x80 { return 0 }
        return length
    }
}

private func monthName(_ month: Int64) -> StaticString {
    switch month {
    case 1: "Jan"
    case 2: "Feb"
    case 3: "Mar"
    case 4: "Apr"
    case 5: "May"
    case 6: "Jun"
    case 7: "Jul"
    case 8: "Aug"
    case 9: "Sep"
    case 10: "Oct"
    case 11: "Nov"
    default: "Dec"
    }
}

/// The date that is `days` after 1970-01-01 in the Gregorian calendar.
///
/// Counts in years that begin in March, so that the leap day is a year's last, and in eras of 400 years, which all
/// have 146,097 days.
func civilDate(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}
