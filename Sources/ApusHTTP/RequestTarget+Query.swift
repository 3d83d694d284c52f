extension RequestTarget {
    /// The query, without its `?`; nil when the target has none. It may be empty.
    @inlinable
    public var query: Range<Int>? {
        path.upperBound < pathAndQuery.upperBound ? path.upperBound &+ 1..<pathAndQuery.upperBound : nil
    }

    /// The value of the first query parameter of that name; nil when there is none.
    ///
    /// The query is split at `&`, and each part at its first `=`, as forms are encoded (WHATWG URL, section 5.1); a
    /// parameter without `=` has an empty value. `;` separates nothing. Names are compared decoded: `%61` is `a`, and `+`
    /// a blank. The value is returned as it stands.
    ///
    /// - Parameter bytes: those that were parsed.
    @inlinable
    public func queryParameter(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        _ = containsQueryParameter(name, in: bytes) { value in
            found = value
            return true
        }
        return found
    }

    /// Whether a query parameter of that name has a value that `isWanted`; otherwise as `queryParameter(_:in:)`.
    @inlinable
    public func containsQueryParameter(
        _ name: Span<UInt8>, in bytes: Span<UInt8>, where isWanted: (Range<Int>) -> Bool
    ) -> Bool {
        guard let query else { return false }
        var start = query.lowerBound
        while start < query.upperBound {
            let end = bytes.first(ampersand, in: start..<query.upperBound)
            let equals = bytes.first(equalsSign, in: start..<end)
            if bytes.isFormText(start..<equals, name), isWanted(min(equals &+ 1, end)..<end) { return true }
            start = end &+ 1
        }
        return false
    }
}

@usableFromInline let ampersand: UInt8 = 0x26

/// Names and values of forms (WHATWG URL, section 5.1): `+` is a blank, and an escape the byte that it stands for. A `%`
/// that begins no escape stands for itself.
extension Span where Element == UInt8 {
    /// The character at `offset`, decoded, and the offset of the next.
    @inlinable @inline(__always)
    public func formByte(at offset: Int) -> (byte: UInt8, next: Int) {
        let byte = self[offset]
        if byte == 0x2b { return (0x20, offset &+ 1) }
        guard byte == 0x25, offset &+ 2 < count, let high = hexValue(self[offset &+ 1]),
            let low = hexValue(self[offset &+ 2])
        else { return (byte, offset &+ 1) }
        return (high &<< 4 | low, offset &+ 3)
    }

    /// Whether this, decoded, is `text`, or begins with it.
    @inlinable
    public func isForm(of text: Span<UInt8>, orLonger: Bool = false) -> Bool {
        var offset = 0
        for index in text.indices {
            guard offset < count else { return false }
            let (byte, next) = formByte(at: offset)
            guard byte == text[index] else { return false }
            offset = next
        }
        return orLonger || offset == count
    }

    @inlinable
    func isFormText(_ range: Range<Int>, _ text: Span<UInt8>) -> Bool { extracting(range).isForm(of: text) }

    /// This, decoded.
    public func decodedForm() -> [UInt8] {
        var decoded: [UInt8] = []
        var offset = 0
        while offset < count {
            let (byte, next) = formByte(at: offset)
            decoded.append(byte)
            offset = next
        }
        return decoded
    }
}
