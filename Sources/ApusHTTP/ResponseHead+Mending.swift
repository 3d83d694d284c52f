extension ResponseHead {
    /// As `parse(_:method:limits:into:)`, but mends in place what RFC 9112 has proxies mend in responses: a blank before a
    /// colon (section 5.1) and folded lines (section 5.2).
    ///
    /// The head keeps its length. A blank and the colon behind it change places, and a fold's line end becomes blanks.
    /// Fields that frame the body are not mended, since others may overlook them, and nor is a fold that has nothing but
    /// blanks, which others take for the head's end: those are refused. Call it when `parse` has refused the
    /// response for what `Reason.canBeMended`.
    ///
    /// - Returns: nil when the head has not arrived whole.
    public static func parse(
        mending bytes: inout MutableSpan<UInt8>, method: Method, limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> ResponseHead? {
        let visible = min(bytes.count, limits.bytes)
        let isWhole = mend(&bytes, visible)
        do throws(Reason) {
            return try parse(bytes.span, method: method, limits: limits, into: &fields)
        } catch {
            // Whether the line that has not arrived whole can be mended will be known when it has.
            guard !isWhole, error.canBeMended else { throw error }
            if visible == limits.bytes { throw .responseHeadTooLarge }
            return nil
        }
    }

    /// Mends the lines of the head up to its end, to a line that cannot be mended, or to one that has not arrived whole.
    ///
    /// - Returns: false in the last case.
    private static func mend(_ bytes: inout MutableSpan<UInt8>, _ count: Int) -> Bool {
        guard var start = fieldsStart(bytes.span, count) else { return false }
        var canContinue = false
        while true {
            let feed = bytes.span.first(lf, in: start..<count)
            guard feed < count else { return false }
            // An empty line is the head's end. The parser finds the defect of a line that does not end in CR LF.
            guard feed > start + 1, bytes[feed - 1] == cr else { return true }
            let line = start..<feed - 1
            if bytes[start] == space || bytes[start] == tab {
                guard canContinue, !bytes.span.trimmed(line).isEmpty else { return true }
                bytes[start - 2] = space
                bytes[start - 1] = space
            } else {
                guard let framesBody = mendName(&bytes, line) else { return true }
                canContinue = !framesBody
            }
            start = feed + 1
        }
    }

    /// Behind the status line; nil when it has not arrived whole.
    private static func fieldsStart(_ bytes: Span<UInt8>, _ count: Int) -> Int? {
        let start = count > 1 && bytes[0] == cr && bytes[1] == lf ? 2 : 0
        let feed = bytes.first(lf, in: start..<count)
        return feed < count ? feed + 1 : nil
    }

    /// Moves the colon of a field line to where the name ends.
    ///
    /// - Returns: whether the field frames the body; nil when the line cannot be mended.
    private static func mendName(_ bytes: inout MutableSpan<UInt8>, _ line: Range<Int>) -> Bool? {
        var isOdd = false
        let nameEnd = min(bytes.span.tokenEnd(from: line.lowerBound, isOdd: &isOdd), line.upperBound)
        guard nameEnd > line.lowerBound else { return nil }
        let field = KnownField(bytes.span, line.lowerBound..<nameEnd)
        let framesBody = field == .contentLength || field == .transferEncoding
        var offset = nameEnd
        while offset < line.upperBound, bytes[offset] == space || bytes[offset] == tab { offset += 1 }
        guard offset < line.upperBound, bytes[offset] == colon else { return nil }
        guard offset > nameEnd else { return framesBody }
        guard !framesBody else { return nil }
        bytes[nameEnd] = colon
        bytes[offset] = space
        return false
    }
}
