import ApusHTTP
import ApusTransport

/// The values of the access log as text.
extension BufferArena {
    /// What a byte takes when it is escaped, and what a sequence of UTF-8 may reach beyond the last byte that counts.
    private static var escapeMargin: Int { 8 }

    /// Appends bytes that a client chose, so that they can neither end the value nor the line; as many of them as leave
    /// room for `reserve` bytes.
    mutating func append(
        escaping handle: BufferHandle, _ range: Range<Int>, _ style: AccessLogLine.Style, reserve: Int
    ) {
        let margin = Self.escapeMargin
        var index = range.lowerBound
        while index < range.upperBound {
            let room = sendRoom - reserve - margin
            guard room >= 0 else { return }
            let plain = bytes(handle, index..<range.upperBound).plainPrefix(style, endingBefore: room + 1)
            append(copying: handle, index..<index + plain)
            index += plain
            guard index < range.upperBound, plain <= room else { continue }
            let byte = bytes(handle, index..<index + 1)[0]
            if style == .json { append(escapedInJSON: byte) } else { append(escaped: byte) }
            index += 1
        }
    }

    /// The same of bytes that stand elsewhere.
    mutating func append(escaping text: Span<UInt8>, _ style: AccessLogLine.Style, reserve: Int) {
        var index = 0
        while index < text.count {
            let room = sendRoom - reserve - Self.escapeMargin
            guard room >= 0 else { return }
            let plain = text.extracting(droppingFirst: index).plainPrefix(style, endingBefore: room + 1)
            append(text.extracting(index..<index + plain))
            index += plain
            guard index < text.count, plain <= room else { continue }
            if style == .json { append(escapedInJSON: text[index]) } else { append(escaped: text[index]) }
            index += 1
        }
    }

    private mutating func append(escapedInJSON byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append(UInt8(ascii: "\\"))
            append(byte)
        // Not UTF-8: the replacement character.
        case 0x80...: append("\\ufffd")
        default:
            append("\\u00")
            append(hexadecimalOf: byte)
        }
    }

    /// As Apache httpd escapes what it logs.
    private mutating func append(escaped byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0a: append(UInt8(ascii: "n"))
        case 0x0b: append(UInt8(ascii: "v"))
        case 0x0d: append(UInt8(ascii: "r"))
        default:
            append(UInt8(ascii: "x"))
            append(hexadecimalOf: byte)
        }
    }

    private mutating func append(hexadecimalOf byte: UInt8) {
        let (high, low) = (byte >> 4, byte & 0xf)
        append(high < 10 ? 0x30 + high : 0x57 + high)
        append(low < 10 ? 0x30 + low : 0x57 + low)
    }

    // MARK: Times

    /// Appends a time, given as microseconds since 1970, in UTC (RFC 3339).
    mutating func append(timestamp microseconds: Int64) {
        let (seconds, fraction) = UInt64(microseconds).quotientAndRemainder(dividingBy: 1_000_000)
        let (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civilDate(Int64(days))
        append(twoDigits: UInt64(year) / 100)
        append(twoDigits: UInt64(year) % 100)
        append(UInt8(ascii: "-"))
        append(twoDigits: UInt64(month))
        append(UInt8(ascii: "-"))
        append(twoDigits: UInt64(day))
        append(UInt8(ascii: "T"))
        append(timeOfDay: second)
        append(UInt8(ascii: "."))
        append(twoDigits: fraction / 10_000)
        append(twoDigits: fraction / 100 % 100)
        append(twoDigits: fraction % 100)
        append(UInt8(ascii: "Z"))
    }

    /// Appends a time as the Common Log Format has it: `10/Oct/2000:13:55:36 +0000`.
    mutating func append(commonTime microseconds: Int64) {
        let (days, second) = (UInt64(microseconds) / 1_000_000).quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civilDate(Int64(days))
        append(twoDigits: UInt64(day))
        append(UInt8(ascii: "/"))
        append(monthName(month))
        append(UInt8(ascii: "/"))
        append(twoDigits: UInt64(year) / 100)
        append(twoDigits: UInt64(year) % 100)
        append(UInt8(ascii: ":"))
        append(timeOfDay: second)
        append(" +0000")
    }

    private mutating func append(timeOfDay second: UInt64) {
        append(twoDigits: second / 3_600)
        append(UInt8(ascii: ":"))
        append(twoDigits: second / 60 % 60)
        append(UInt8(ascii: ":"))
        append(twoDigits: second % 60)
    }
}

extension Span<UInt8> {
    /// Bytes at the start that stand in a log line as they are: printable ASCII, in JSON whole sequences of UTF-8 as well.
    /// The last of them begins before `limit`.
    fileprivate func plainPrefix(_ style: AccessLogLine.Style, endingBefore limit: Int) -> Int {
        let end = Swift.min(count, limit)
        var index = 0
        while index < end {
            let byte = self[index]
            if byte &- 0x20 < 0x5f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                index += 1
                continue
            }
            guard style == .json, byte >= 0x80 else { break }
            let length = extracting(index..<Swift.min(count, index + 4)).lengthOfUTF8Sequence
            guard length > 0 else { break }
            index += length
        }
        return index
    }

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
        return commandsTerminals ? 0 : length
    }

    /// Whether the sequence at the start is a control of C1 (U+0080 to U+009F), or turns the direction of what follows (U+202A to
    /// U+202E, U+2066 to U+2069): whoever looks at the log would be shown something else.
    private var commandsTerminals: Bool {
        switch (self[0], self[1]) {
        case (0xc2, 0x80...0x9f): true
        case (0xe2, 0x80): (0xaa...0xae).contains(self[2])
        case (0xe2, 0x81): (0xa6...0xa9).contains(self[2])
        default: false
        }
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
