/// The one spelling of a path among those that mean the same (RFC 3986 sections 6.2.2 and 5.2.4), so that no other
/// spelling leads past a route.
///
/// `.` and `..` segments are resolved, also where they are written with `%2e`; escapes of unreserved characters are
/// decoded; the hexadecimal digits of the others become upper case. Everything else stays: `%2F` and `%5C`, a backslash,
/// doubled slashes, and a `%` that begins no escape. What is decoded is not decoded again.
public enum PathNormalization {
    /// Whether `path`, which begins with a slash, is as it would be after `normalize`: true for nearly every request there
    /// is. One pass, most of it eight bytes at a time.
    public static func isNormal(_ path: Span<UInt8>) -> Bool {
        var offset = 0
        let end = path.count
        while offset &+ 8 <= end {
            let word = path.word(at: offset)
            let hits = mask(of: word, equalTo: percent) | mask(of: word, equalTo: dot)
            guard hits != 0 else {
                offset &+= 8
                continue
            }
            offset &+= hits.trailingZeroBitCount &>> 3
            if !isNormal(path, at: offset) { return false }
            offset &+= 1
        }
        while offset < end {
            if !isNormal(path, at: offset) { return false }
            offset &+= 1
        }
        return true
    }

    /// Normalizes the path that `path` holds, in place: it never becomes longer.
    ///
    /// What does not begin with a slash, such as `*`, stays as it is.
    ///
    /// - Returns: how many bytes of `path`, from its start, are the normalized one.
    /// - Throws: `Reason.badPath` when `..` leads above the root.
    @_lifetime(path: copy path)
    public static func normalize(_ path: inout MutableSpan<UInt8>) throws(Reason) -> Int {
        guard path.count > 0, path[0] == slash else { return path.count }
        var read = 0
        var written = 0
        while read < path.count {
            // Here stands the slash before a segment; `written` never overtakes `read`.
            let start = written
            path[written] = slash
            written &+= 1
            read &+= 1
            while read < path.count, path[read] != slash {
                read = copy(&path, from: read, to: &written)
            }
            let isLast = read == path.count
            switch dots(path, start &+ 1..<written) {
            case 1: written = isLast ? start &+ 1 : start
            case 2:
                guard start > 0 else { throw .badPath }
                written = start
                repeat { written &-= 1 } while path[written] != slash
                if isLast { written &+= 1 }
            default: break
            }
        }
        return written
    }

    /// `path`, normalized.
    public static func normalized(_ path: [UInt8]) throws(Reason) -> [UInt8] {
        var path = path
        var span = path.mutableSpan
        let count = try normalize(&span)
        return Array(path[..<count])
    }

    // MARK: One place

    /// Whether nothing at `offset` is to be changed. Dots are looked at where their segment begins.
    private static func isNormal(_ path: Span<UInt8>, at offset: Int) -> Bool {
        switch path[offset] {
        case percent:
            guard let value = escape(path, offset) else { return true }
            return !isUnreserved(value) && !isLower(path[offset &+ 1]) && !isLower(path[offset &+ 2])
        case dot:
            guard offset > 0, path[offset &- 1] == slash, path[0] == slash else { return true }
            var end = offset
            while end < path.count, end < offset &+ 3, path[end] == dot { end &+= 1 }
            return end == offset &+ 3 || (end < path.count && path[end] != slash)
        default: return true
        }
    }

    /// Copies the character at `read`, decoded if it may be.
    ///
    /// - Returns: the offset behind it.
    @_lifetime(path: copy path)
    private static func copy(_ path: inout MutableSpan<UInt8>, from read: Int, to written: inout Int) -> Int {
        guard path[read] == percent, let value = escape(path.span, read) else {
            path[written] = path[read]
            written &+= 1
            return read &+ 1
        }
        if isUnreserved(value) {
            path[written] = value
            written &+= 1
        } else {
            let (high, low) = (upper(path[read &+ 1]), upper(path[read &+ 2]))
            path[written] = percent
            path[written &+ 1] = high
            path[written &+ 2] = low
            written &+= 3
        }
        return read &+ 3
    }

    /// 1 for a segment that is `.`, 2 for `..`, else 0.
    private static func dots(_ path: borrowing MutableSpan<UInt8>, _ segment: Range<Int>) -> Int {
        guard segment.count <= 2 else { return 0 }
        for index in segment where path[index] != dot { return 0 }
        return segment.count
    }

    /// The byte that the escape at `offset` stands for; nil if none stands there.
    private static func escape(_ path: Span<UInt8>, _ offset: Int) -> UInt8? {
        guard offset &+ 2 < path.count, let high = hexValue(path[offset &+ 1]), let low = hexValue(path[offset &+ 2])
        else { return nil }
        return high << 4 | low
    }

    /// Letters, digits, `-`, `.`, `_` and `~` (RFC 3986 section 2.3).
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0x03ff_6000_0000_0000
        let high: UInt64 = 0x47ff_fffe_87ff_fffe
        let bits = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (bits >> UInt64(byte & 0x3f)) & 1 == 1
    }

    private static func isLower(_ digit: UInt8) -> Bool { digit >= 0x61 }

    private static func upper(_ digit: UInt8) -> UInt8 { digit >= 0x61 ? digit & ~0x20 : digit }
}

private let percent: UInt8 = 0x25
private let dot: UInt8 = 0x2e
private let slash: UInt8 = 0x2f
