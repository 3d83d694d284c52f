extension RequestTarget {
    /// The query, without its `?`; nil when the target has none. It may be empty.
    @inlinable
    public var query: Range<Int>? {
        path.upperBound < pathAndQuery.upperBound ? path.upperBound &+ 1..<pathAndQuery.upperBound : nil
    }

    /// The value of the first query parameter of that name; nil when there is none.
    ///
    /// The query is split at `&`, and each part at its first `=`, as forms are encoded (WHATWG URL, section 5.1); a
    /// parameter without `=` has an empty value. Nothing is decoded, neither the name nor the value: they are compared,
    /// and returned, as they stand.
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
            if bytes.isText(start..<equals, name), isWanted(min(equals &+ 1, end)..<end) { return true }
            start = end &+ 1
        }
        return false
    }
}

@usableFromInline let ampersand: UInt8 = 0x26
