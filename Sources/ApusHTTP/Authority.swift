/// The host and port of a Host field or of an absolute-form target (RFC 3986 section 3.2, without user information).
enum Authority {
    /// The host's part of `range`, without the port; nil when the whole is not `host [":" port]`.
    static func host(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        guard !range.isEmpty else { return nil }
        let host =
            bytes[range.lowerBound] == 0x5b ? bracketed(bytes, range) : registeredName(bytes, range)
        guard let host, !host.isEmpty, isPort(bytes, host.upperBound..<range.upperBound) else { return nil }
        return host
    }

    /// The digits of the port behind `host` in an authority that `host` accepted, without leading zeros.
    @inline(__always)
    static func port(_ bytes: Span<UInt8>, _ authority: Range<Int>, behind host: Range<Int>) -> Range<Int> {
        var start = min(host.upperBound &+ 1, authority.upperBound)
        while start < authority.upperBound, bytes[start] == 0x30 { start &+= 1 }
        return start..<authority.upperBound
    }

    /// An IPv6 address in its brackets, without a zone: that means something on the client's machine alone.
    ///
    /// An address of a later version is refused, as RFC 3986 section 3.2.2 has it: there is none.
    private static func bracketed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        let end = bytes.first(0x5d, in: range)
        guard end < range.upperBound, isIPv6(bytes, range.lowerBound + 1..<end) else { return nil }
        return range.lowerBound..<end + 1
    }

    /// Eight groups, or fewer around one `::`; an IPv4 address may stand for the last two.
    private static func isIPv6(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var offset = range.lowerBound
        var groups = 0
        var hasGap = false
        if range.count >= 2, bytes[offset] == colon, bytes[offset + 1] == colon {
            hasGap = true
            offset += 2
        }
        while offset < range.upperBound {
            let start = offset
            while offset < range.upperBound, hexValue(bytes[offset]) != nil { offset += 1 }
            if offset < range.upperBound, bytes[offset] == dot {
                guard isIPv4(bytes, start..<range.upperBound) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(offset - start) else { return false }
            groups += 1
            if offset == range.upperBound { break }
            guard bytes[offset] == colon, offset + 1 < range.upperBound else { return false }
            offset += 1
            guard bytes[offset] == colon else { continue }
            guard !hasGap else { return false }
            hasGap = true
            offset += 1
        }
        return hasGap ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var start = range.lowerBound
        for part in 0..<4 {
            let end = bytes.first(dot, in: start..<range.upperBound)
            guard part < 3 ? end < range.upperBound : end == range.upperBound else { return false }
            guard isShortest(bytes, start..<end), let value = decimal(bytes, start..<end), value <= 255 else {
                return false
            }
            start = end + 1
        }
        return true
    }

    /// A name or an IPv4 address: unreserved, percent-encoded or sub-delims (RFC 3986 section 3.2.2).
    private static func registeredName(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        var offset = bytes.plainNameEnd(in: range)
        while offset < range.upperBound, bytes[offset] != colon {
            if isNameByte(bytes[offset]) {
                offset += 1
            } else {
                guard bytes[offset] == 0x25, offset + 2 < range.upperBound,
                    isEncoded(bytes[offset + 1], bytes[offset + 2])
                else { return nil }
                offset += 3
            }
        }
        return range.lowerBound..<offset
    }

    /// Whether the two digits stand for a byte that a host can have in this way only.
    ///
    /// What need not be encoded would name the same host in two spellings, and an encoded delimiter another host to
    /// whoever decodes it. Controls are in no name.
    private static func isEncoded(_ first: UInt8, _ second: UInt8) -> Bool {
        guard let high = hexValue(first), let low = hexValue(second) else { return false }
        let byte = high << 4 | low
        switch byte {
        // # % , / : ? @ [ \ ]
        case 0...0x1f, 0x7f, 0x23, 0x25, 0x2c, 0x2f, 0x3a, 0x3f, 0x40, 0x5b...0x5d: return false
        // Letters, digits and - . _ ~
        case 0x2d, 0x2e, 0x5f, 0x7e: return false
        default: return !isDigit(byte) && lowercased(byte) &- 0x61 >= 26
        }
    }

    /// Letters, digits and - . _ ~ ! $ & ' ( ) * + ; =, but no comma: two hosts joined by one are two Host fields.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0x2bff_6fd2_0000_0000
        let high: UInt64 = 0x47ff_fffe_87ff_fffe
        let bits = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (bits >> UInt64(byte & 0x3f)) & 1 == 1
    }

    /// Nothing, or a colon and a number up to 65,535 in its shortest form. RFC 3986 allows the number to be missing.
    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return true }
        let digits = range.lowerBound + 1..<range.upperBound
        guard bytes[range.lowerBound] == colon, digits.count <= 5 else { return false }
        guard !digits.isEmpty else { return true }
        return isShortest(bytes, digits) && decimal(bytes, digits).map { $0 <= 65_535 } == true
    }

    /// Whether a number has no zero in front.
    private static func isShortest(_ bytes: Span<UInt8>, _ digits: Range<Int>) -> Bool {
        digits.count == 1 || !digits.isEmpty && bytes[digits.lowerBound] != 0x30
    }

    private static let dot: UInt8 = 0x2e
}
