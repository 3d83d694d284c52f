extension IPAddress {
    /// Reads an address as people write it: an IPv4 dotted quad, or any of the forms of RFC 4291 section 2.2.
    ///
    /// Strict: an IPv4 address has four decimal numbers without leading zeros (they read as octal elsewhere), and
    /// nothing may stand around the address: no brackets, port, zone or blank. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)[...]
        if bytes.contains(.colon) {
            guard let address = Self.ipv6(bytes) else { return nil }
            self = address
        } else {
            guard let bits = Self.ipv4(bytes) else { return nil }
            self.init(ipv4: bits)
        }
    }

    private static func ipv4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: .dot, maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let value = decimal(part, atMost: 255) else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return bits
    }

    private static func ipv6(_ text: ArraySlice<UInt8>) -> IPAddress? {
        var groups: [UInt16] = []
        /// How many groups stand before `::`.
        var gap: Int? = nil
        var rest = text
        if rest.starts(with: [.colon, .colon]) {
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let piece = rest.prefix { $0 != .colon }
            if piece.contains(.dot) {
                guard piece.endIndex == rest.endIndex, let bits = ipv4(piece) else { return nil }
                groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
                break
            }
            guard groups.count < 8, let group = hexadecimal(piece) else { return nil }
            groups.append(group)
            rest = rest[piece.endIndex...]
            guard rest.popFirst() != nil else { break }
            if rest.first == .colon {
                guard gap == nil else { return nil }
                gap = groups.count
                rest.removeFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        return IPAddress(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }

    /// One to four hexadecimal digits of either case.
    private static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for byte in text {
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
    ///
    /// An IPv4 address costs no allocation: its text fits into a small string.
    public var description: String {
        var bytes: [UInt8] = []
        writeText { bytes.append($0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Hands the text's bytes to `append`, one by one, without allocating.
    public func writeText(_ append: (UInt8) -> Void) {
        guard isIPv4 else { return writeIPv6(append) }
        for shift in stride(from: 24, through: 0, by: -8) {
            let byte = UInt8(truncatingIfNeeded: low >> UInt64(shift))
            if byte >= 100 { append(0x30 + byte / 100) }
            if byte >= 10 { append(0x30 + byte / 10 % 10) }
            append(0x30 + byte % 10)
            if shift > 0 { append(UInt8(ascii: ".")) }
        }
    }

    private func writeIPv6(_ append: (UInt8) -> Void) {
        let gap = longestZeroRun
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                append(UInt8(ascii: ":"))
                append(UInt8(ascii: ":"))
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound { append(UInt8(ascii: ":")) }
            let value = group(index)
            var shift = max(0, (15 - value.leadingZeroBitCount) & ~3)
            while shift >= 0 {
                let digit = UInt8(truncatingIfNeeded: (value >> UInt16(shift)) & 0xf)
                append(digit < 10 ? 0x30 + digit : 0x57 + digit)
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
    static var slash: UInt8 { UInt8(ascii: "/") }
}
