extension IPAddress {
    /// Reads an address as people write it: an IPv4 dotted quad, or any of the forms of RFC 4291 section 2.2.
    ///
    /// Strict: an IPv4 address has four decimal numbers without leading zeros (they read as octal elsewhere), and
    /// nothing may stand around the address: no brackets, port, zone or blank. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        self.init(utf8: bytes.span)
    }

    /// Reads the same from bytes, without allocating: for addresses that requests carry.
    public init?(utf8 text: Span<UInt8>) {
        for index in text.indices where text[index] == .colon {
            guard let address = Self.ipv6(text) else { return nil }
            self = address
            return
        }
        guard let bits = Self.ipv4(text, text.indices) else { return nil }
        self.init(ipv4: bits)
    }

    private static func ipv4(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt32? {
        var bits: UInt32 = 0
        var at = range.lowerBound
        for part in 0..<4 {
            if part > 0 {
                guard at < range.upperBound, text[at] == .dot else { return nil }
                at += 1
            }
            let start = at
            var value = 0
            while at < range.upperBound, at < start + 3, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[at]) {
                value = value * 10 + Int(text[at] - UInt8(ascii: "0"))
                at += 1
            }
            guard at > start, value <= 255, at == start + 1 || text[start] != UInt8(ascii: "0") else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return at == range.upperBound ? bits : nil
    }

    private static func ipv6(_ text: Span<UInt8>) -> IPAddress? {
        var groups = SIMD8<UInt16>()
        var count = 0
        /// How many groups stand before `::`; -1 while there is none.
        var gap = -1
        var at = 0
        if text.count >= 2, text[0] == .colon, text[1] == .colon {
            gap = 0
            at = 2
        }
        while at < text.count {
            var end = at
            var isIPv4 = false
            while end < text.count, text[end] != .colon {
                if text[end] == .dot { isIPv4 = true }
                end += 1
            }
            if isIPv4 {
                guard end == text.count, count <= 6, let bits = ipv4(text, at..<end) else { return nil }
                groups[count] = UInt16(bits >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: bits)
                count += 2
                break
            }
            guard count < 8, let group = hexadecimal(text, at..<end) else { return nil }
            groups[count] = group
            count += 1
            guard end < text.count else { break }
            at = end + 1
            if at == text.count { return nil }
            if text[at] == .colon {
                guard gap < 0 else { return nil }
                gap = count
                at += 1
            }
        }
        if gap >= 0 {
            guard count < 8 else { return nil }
            // What stands behind `::` goes to the end, the last first, and zeros come where it was.
            for behind in 0..<count - gap { groups[7 - behind] = groups[count - 1 - behind] }
            for index in gap..<8 - (count - gap) { groups[index] = 0 }
        } else if count != 8 {
            return nil
        }
        return IPAddress(
            high: (0..<4).reduce(0) { $0 << 16 | UInt64(groups[$1]) },
            low: (4..<8).reduce(0) { $0 << 16 | UInt64(groups[$1]) })
    }

    /// One to four hexadecimal digits of either case.
    private static func hexadecimal(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt16? {
        guard (1...4).contains(range.count) else { return nil }
        var value: UInt16 = 0
        for index in range {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return value
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address in the one form that RFC 5952 recommends; an IPv4 address as a dotted quad.
    public var description: String {
        let text = text
        return String(decoding: (0..<text.count).map { text.span[$0] }, as: UTF8.self)
    }

    /// The bytes of `description`. Nothing is allocated.
    public var text: AddressText {
        var text = AddressText()
        if isIPv4 { writeIPv4(to: &text) } else { writeIPv6(to: &text) }
        return text
    }

    @inline(__always)
    private func writeIPv4(to text: inout AddressText) {
        text.append(decimal: UInt8(truncatingIfNeeded: low &>> 24))
        text.append(UInt8(ascii: "."))
        text.append(decimal: UInt8(truncatingIfNeeded: low &>> 16))
        text.append(UInt8(ascii: "."))
        text.append(decimal: UInt8(truncatingIfNeeded: low &>> 8))
        text.append(UInt8(ascii: "."))
        text.append(decimal: UInt8(truncatingIfNeeded: low))
    }

    private func writeIPv6(to text: inout AddressText) {
        let gap = longestZeroRun
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                text.append(UInt8(ascii: ":"))
                text.append(UInt8(ascii: ":"))
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound { text.append(UInt8(ascii: ":")) }
            let value = group(index)
            var shift = max(0, (15 - value.leadingZeroBitCount) & ~3)
            while shift >= 0 {
                let digit = UInt8(truncatingIfNeeded: (value >> UInt16(shift)) & 0xf)
                text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
                shift -= 4
            }
            index += 1
        }
    }

    private func group(_ index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
    }

    /// The groups that `::` stands for: the longest run of at least two zero groups, the first of equals
    /// (RFC 5952 section 4.2); empty when there is none.
    private var longestZeroRun: Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0..<8 {
            guard group(index) == 0 else {
                start = index + 1
                continue
            }
            let run = start..<(index + 1)
            if run.count >= 2, run.count > longest.count { longest = run }
        }
        return longest
    }
}

/// The text of an address: at most 39 bytes, where they are.
public struct AddressText: Sendable, BitwiseCopyable {
    private var bytes = InlineArray<40, UInt8>(repeating: 0)
    /// How many bytes there are.
    public private(set) var count = 0

    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { bytes.span.extracting(0..<count) }
    }

    @inline(__always)
    fileprivate mutating func append(_ byte: UInt8) {
        bytes[count] = byte
        count &+= 1
    }

    @inline(__always)
    fileprivate mutating func append(decimal value: UInt8) {
        if value >= 100 { append(0x30 &+ value / 100) }
        if value >= 10 { append(0x30 &+ value / 10 % 10) }
        append(0x30 &+ value % 10)
    }
}

/// A decimal number without sign or leading zeros, no greater than `bound`.
func decimal(_ text: ArraySlice<UInt8>, atMost bound: Int) -> Int? {
    guard let first = text.first, text.count == 1 || first != UInt8(ascii: "0") else { return nil }
    var value = 0
    for byte in text {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
        guard value <= bound else { return nil }
    }
    return value
}

extension UInt8 {
    static var colon: UInt8 { UInt8(ascii: ":") }
    static var dot: UInt8 { UInt8(ascii: ".") }
}
