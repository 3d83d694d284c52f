/// Rules for what a route's templates write from a request: what would be refused from a client is not written either.
public enum WrittenText {
    /// Whether it can be the value of Host.
    public static func isHost(_ text: Span<UInt8>) -> Bool { Authority.host(text, 0..<text.count) != nil }

    /// Whether it can be the path of a request that came with the path `original`.
    ///
    /// What a client may send it may also have rewritten: `//` at the beginning is a path in a request line. But a path
    /// must not begin with `/\` if the original does not, and must not have more `.` or `..` segments, in whatever spelling, than that: routes did not see those. No
    /// path leads above the root.
    public static func isPath(_ text: Span<UInt8>, from original: Span<UInt8>) -> Bool {
        guard text.count > 0, text[0] == UInt8(ascii: "/") else { return false }
        for index in 0..<text.count where !isTargetByte(text[index]) || text[index] == UInt8(ascii: "?") {
            return false
        }
        if beginsWithBackslash(text), !beginsWithBackslash(original) { return false }
        let dots = DotSegments(in: text)
        guard dots.count > 0 else { return true }
        if dots.leadAboveRoot { return false }
        let known = DotSegments(in: original)
        return dots.count <= known.count && dots.parents <= known.parents
    }

    /// Whether it can be the value of Location.
    ///
    /// A host in it must be one that a client could name, without user information, which people take for the host.
    ///
    /// - Parameter isOwnScheme: whether the template says itself what it begins with. If not, what came from the request
    ///   may begin with `http:` or `https:`, and with no other scheme.
    public static func isLocation(_ text: Span<UInt8>, isOwnScheme: Bool) -> Bool {
        for index in 0..<text.count where text[index] <= 0x20 || text[index] >= 0x7f { return false }
        let schemeEnd = text.schemeEnd
        let scheme = 0..<max(0, schemeEnd - 1)
        let isHTTP = text.equalsIgnoringCase(scheme, "http") || text.equalsIgnoringCase(scheme, "https")
        if schemeEnd > 0, !isHTTP { return isOwnScheme }
        let start = schemeEnd + 2
        guard start <= text.count, text[start - 2] == UInt8(ascii: "/"), text[start - 1] == UInt8(ascii: "/") else {
            return schemeEnd == 0
        }
        var end = start
        while end < text.count, !isAuthorityEnd(text[end]) { end += 1 }
        return Authority.host(text, start..<end) != nil
    }

    /// Whether it is a reference to a path, or the beginning of one, that names no scheme and no host (RFC 3986 section
    /// 4.2), and does not end the field's syntax around it.
    public static func isPathReference(_ text: Span<UInt8>) -> Bool {
        if text.count > 1, isSlash(text[0]), isSlash(text[1]) { return false }
        // In Refresh browsers take it off.
        if text.count > 0, text[0] == UInt8(ascii: "'") { return false }
        return !endsReference(text) && text.schemeEnd == 0
    }

    /// Whether it has what no reference has and ends one in Link or Refresh: quotation marks, angle brackets, blanks.
    public static func endsReference(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count {
            switch text[index] {
            case 0...0x20, 0x7f, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""): return true
            default: continue
            }
        }
        return false
    }

    /// Whether it can be part of a host's name: letters, digits, hyphens, underscores and dots.
    public static func isPartOfHost(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count {
            switch text[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                continue
            default: return false
            }
        }
        return true
    }

    /// Whether it is digits and nothing else; nothing at all will do.
    public static func isNumber(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count where !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) {
            return false
        }
        return true
    }

    /// Whether it can stand right behind a host without being more of it: it is empty, or begins a path or a query.
    public static func endsHost(_ text: Span<UInt8>) -> Bool { text.count == 0 || isAuthorityEnd(text[0]) }

    /// Whether it can be a part of a Set-Cookie field without adding an attribute to it (RFC 6265 section 4.1).
    public static func isCookiePart(_ text: Span<UInt8>) -> Bool {
        text.first(semicolon, in: 0..<text.count) == text.count
    }

    private static func isAuthorityEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }

    private static func isSlash(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") }

    /// Some servers take a backslash for a slash, and what follows for a host.
    private static func beginsWithBackslash(_ path: Span<UInt8>) -> Bool {
        path.count > 1 && path[0] == UInt8(ascii: "/") && path[1] == UInt8(ascii: "\\")
    }
}

/// The `.` and `..` segments of a path, as whoever is most generous reads them: escaped, between backslashes or escaped
/// slashes, with parameters.
private struct DotSegments {
    private(set) var count = 0
    /// How many of them are `..`.
    private(set) var parents = 0
    private(set) var leadAboveRoot = false
    private var depth = 0
    private var dots = 0
    private var isOther = false
    private var isParameter = false

    init(in path: Span<UInt8>) {
        var offset = 0
        while offset < path.count {
            let (byte, next) = Self.byte(path, offset)
            offset = next
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: "\\"): endSegment()
            case UInt8(ascii: ";"): isParameter = true
            case _ where isParameter: continue
            case UInt8(ascii: "."): dots += 1
            default: isOther = true
            }
        }
        endSegment()
    }

    private mutating func endSegment() {
        switch (isOther, dots) {
        case (true, _), (false, 3...): depth += 1
        case (false, 1): count += 1
        case (false, 2):
            count += 1
            parents += 1
            depth -= 1
            if depth < 0 { leadAboveRoot = true }
        default: break
        }
        (dots, isOther, isParameter) = (0, false, false)
    }

    /// The byte at `offset`, decoded if it is an escape, and the offset behind it.
    private static func byte(_ path: Span<UInt8>, _ offset: Int) -> (UInt8, Int) {
        guard path[offset] == UInt8(ascii: "%"), offset + 2 < path.count, let high = hexValue(path[offset + 1]),
            let low = hexValue(path[offset + 2])
        else { return (path[offset], offset + 1) }
        return (high << 4 | low, offset + 3)
    }
}

extension Span where Element == UInt8 {
    /// The offset behind the colon of a URI's scheme (RFC 3986 section 3.1); 0 if it begins with none.
    fileprivate var schemeEnd: Int {
        for index in 0..<count {
            switch self[index] {
            case colon: return index + 1
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return 0
            default: continue
            }
        }
        return 0
    }
}
