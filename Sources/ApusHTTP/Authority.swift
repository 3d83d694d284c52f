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

    /// An IPv6 address in its brackets.
    private static func bracketed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        var offset = range.lowerBound + 1
        while offset < range.upperBound, bytes[offset] != 0x5d {
            let byte = bytes[offset]
            guard hexValue(byte) != nil || byte == colon || byte == 0x2e else { return nil }
            offset += 1
        }
        guard offset < range.upperBound, offset > range.lowerBound + 2 else { return nil }
        return range.lowerBound..<offset + 1
    }

    /// A name or an IPv4 address: unreserved, percent-encoded or sub-delims (RFC 3986 section 3.2.2).
    private static func registeredName(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        var offset = bytes.plainNameEnd(in: range)
        while offset < range.upperBound, bytes[offset] != colon {
            guard isNameByte(bytes[offset]) else { return nil }
            offset += 1
        }
        return range.lowerBound..<offset
    }

    /// Letters, digits and - . _ ~ ! $ & ' ( ) * + ; = %, but no comma: two hosts joined by one are two Host fields.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0x2bff_6ff2_0000_0000
        let high: UInt64 = 0x47ff_fffe_87ff_fffe
        let bits = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (bits >> UInt64(byte & 0x3f)) & 1 == 1
    }

    /// Nothing, or a colon and a number up to 65,535. RFC 3986 allows the number to be missing.
    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return true }
        let digits = range.lowerBound + 1..<range.upperBound
        guard bytes[range.lowerBound] == colon, digits.count <= 5 else { return false }
        return digits.isEmpty || decimal(bytes, digits).map { $0 <= 65_535 } == true
    }
}
