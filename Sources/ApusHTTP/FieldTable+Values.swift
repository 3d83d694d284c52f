// Single values out of a head that has been parsed. All of these answer with ranges of the bytes that were parsed, which
// must be where they were, and allocate nothing. Cost: one look at each line, and at the bytes of those that are read.

extension FieldTable {
    /// The value of the first field of that name; nil when there is none. It may be empty.
    ///
    /// Lines that are not forwarded count too, except for those that are dropped because of their names or because
    /// Connection names them: what origins do not get from a client decides nothing.
    ///
    /// - Parameter name: in lower case.
    @inlinable
    public func value(of name: Span<UInt8>, in bytes: Span<UInt8>) -> Range<Int>? {
        for index in 0..<count where bytes.isName(self[index].name, name) && !self[index].isHidden {
            return self[index].value
        }
        return nil
    }

    /// Whether a field of that name has a value that `isWanted`: of several the first for which it is so is the last that
    /// is asked about.
    ///
    /// - Parameter name: in lower case.
    @inlinable
    public func containsValue(
        of name: Span<UInt8>, in bytes: Span<UInt8>, where isWanted: (Range<Int>) -> Bool
    ) -> Bool {
        for index in 0..<count where bytes.isName(self[index].name, name) && !self[index].isHidden {
            if isWanted(self[index].value) { return true }
        }
        return false
    }

    /// The value of the first cookie of that name that a request carries, in whichever of its Cookie fields (RFC 6265
    /// section 4.2; several are what HTTP/2 makes of one, RFC 9113 section 8.2.3); nil when there is none.
    ///
    /// As it stands, without the white space around it: quotes are a part of it (RFC 6265 section 4.1.1). It may be empty.
    /// What has no `=` is no cookie.
    ///
    /// - Parameter name: as it is written; cookies' names know lower and upper case apart.
    @inlinable
    public func cookie(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        _ = containsCookie(name, in: bytes) { value in
            found = value
            return true
        }
        return found
    }

    /// Whether a cookie of that name has a value that `isWanted`, with its quotes or without: origins read both (RFC 6265
    /// section 4.1.1). Otherwise as `cookie(_:in:)`.
    @inlinable
    public func containsCookie(
        _ name: Span<UInt8>, in bytes: Span<UInt8>, where isWanted: (Range<Int>) -> Bool
    ) -> Bool {
        for index in 0..<count where bytes.isCookieField(self[index].name) {
            let line = self[index].value
            var start = line.lowerBound
            while start < line.upperBound {
                let end = bytes.first(semicolon, in: start..<line.upperBound)
                if let value = bytes.pairValue(of: name, in: start..<end) {
                    if isWanted(value) { return true }
                    if value.count >= 2, bytes[value.lowerBound] == 0x22, bytes[value.upperBound &- 1] == 0x22,
                        isWanted(value.lowerBound &+ 1..<value.upperBound &- 1)
                    {
                        return true
                    }
                }
                start = end &+ 1
            }
        }
        return false
    }

    /// The value that a response gives a cookie of that name by Set-Cookie (RFC 6265 section 5.2); nil when it does not.
    ///
    /// The last, if it does so several times, as that is what the client keeps (section 5.3). As it stands, without the
    /// white space around it; it may be empty. Attributes, such as an expiry that has passed, are not looked at.
    ///
    /// - Parameter name: as it is written; cookies' names know lower and upper case apart.
    @inlinable
    public func setCookie(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        for index in 0..<count where bytes.isSetCookieField(self[index].name) {
            let line = self[index].value
            let end = bytes.first(semicolon, in: line)
            if let value = bytes.pairValue(of: name, in: line.lowerBound..<end) { found = value }
        }
        return found
    }

    /// Whether a response is a stream of events (`text/event-stream`), which come when they come.
    public func isEventStream(in bytes: Span<UInt8>) -> Bool {
        for index in 0..<count where bytes.equalsIgnoringCase(self[index].name, "content-type") {
            let value = self[index].value
            return bytes.equalsIgnoringCase(
                bytes.trimmed(value.lowerBound..<bytes.first(semicolon, in: value)), "text/event-stream")
        }
        return false
    }
}

@usableFromInline let semicolon: UInt8 = 0x3b
@usableFromInline let equalsSign: UInt8 = 0x3d

extension Span where Element == UInt8 {
    /// Whether the bytes of `range` are `name`, which is lower case, whatever their own case.
    @inlinable @inline(__always)
    func isName(_ range: Range<Int>, _ name: Span<UInt8>) -> Bool {
        guard range.count == name.count else { return false }
        for index in 0..<range.count where lowercased(self[range.lowerBound &+ index]) != name[index] { return false }
        return true
    }

    /// Whether the bytes of `range` are exactly `text`.
    @inlinable @inline(__always)
    func isText(_ range: Range<Int>, _ text: Span<UInt8>) -> Bool {
        guard range.count == text.count else { return false }
        for index in 0..<range.count where self[range.lowerBound &+ index] != text[index] { return false }
        return true
    }

    @inlinable @inline(__always)
    func isCookieField(_ name: Range<Int>) -> Bool { equalsIgnoringCase(name, "cookie") }

    @inlinable @inline(__always)
    func isSetCookieField(_ name: Range<Int>) -> Bool { equalsIgnoringCase(name, "set-cookie") }

    /// The value of the pair `name=value` in `range`, if that is its name: behind the first `=`, both without the white
    /// space around them.
    @inlinable
    func pairValue(of name: Span<UInt8>, in range: Range<Int>) -> Range<Int>? {
        let equals = first(equalsSign, in: range)
        guard equals < range.upperBound, isText(trimmed(range.lowerBound..<equals), name) else { return nil }
        return trimmed(equals &+ 1..<range.upperBound)
    }
}
