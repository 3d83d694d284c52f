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
        guard let query else { return nil }
        var start = query.lowerBound
        while start < query.upperBound {
            let end = bytes.first(ampersand, in: start..<query.upperBound)
            let equals = bytes.first(equalsSign, in: start..<end)
            if bytes.isText(start..<equals, name) { return min(equals &+ 1, end)..<end }
            start = end &+ 1
        }
        return nil
    }
}

@usableFromInline let ampersand: UInt8 = 0x26
