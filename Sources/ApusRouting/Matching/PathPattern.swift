/// What a route asks of the request's path (the target without its query).
public enum PathPattern: Sendable, Equatable {
    case any
    case exact([UInt8])
    /// This path and everything below it, by whole segments: `/v1` matches `/v1` and `/v1/x`, never `/v10`.
    case prefix([UInt8])
    /// A path with places, by whole segments.
    case template(PathTemplate)
    /// Found anywhere in the path, unless it says where (`^`, `$`).
    case regex(RegularExpression)
}

extension PathPattern {
    /// Whether `path` is what this pattern asks for, byte by byte: paths have case, and nothing is decoded.
    ///
    /// A prefix that ends in a slash matches what lies below it only: `/v1/` matches `/v1/x`, not `/v1`.
    public func matches(_ path: Span<UInt8>) -> Bool {
        switch self {
        case .any: true
        case .exact(let exact): pathEquals(path, exact.span)
        case .prefix(let prefix): pathIsWithin(path, prefix.span)
        case .template(let template): template.matches(path)
        case .regex(let regex): regex.matches(path)
        }
    }

    /// The names of its captures, in the order in which they stand.
    public var captureNames: [String] {
        switch self {
        case .any, .exact, .prefix: []
        case .template(let template): template.captureNames
        case .regex(let regex): regex.captureNames
        }
    }

    /// Bytes of a path that its prefix takes up, without a slash at its end; nil for other patterns.
    public var prefixCount: Int? { if case .prefix(let prefix) = self { Self.count(ofPrefix: prefix) } else { nil } }

    /// `/v1/` stands for what lies below `/v1`: the slash belongs to the rest.
    private static func count(ofPrefix prefix: [UInt8]) -> Int {
        prefix.last == .slash ? prefix.count - 1 : prefix.count
    }

    /// What the parts of this pattern took of `path`; nil when it does not match.
    ///
    /// For routes that rewrite with it, once it is known that they match. Allocates; linear in the path's length.
    public func captures(in path: Span<UInt8>) -> PathCaptures? {
        switch self {
        case .any: return PathCaptures(rest: path.count..<path.count)
        case .exact(let exact):
            return pathEquals(path, exact.span) ? PathCaptures(rest: path.count..<path.count) : nil
        case .prefix(let prefix):
            guard pathIsWithin(path, prefix.span) else { return nil }
            return PathCaptures(rest: Self.count(ofPrefix: prefix)..<path.count)
        case .template(let template):
            guard let ranges = template.captures(in: path) else { return nil }
            return PathCaptures(names: template.captureNames, ranges: ranges, rest: path.count..<path.count)
        case .regex(let regex):
            guard let ranges = regex.captures(in: path) else { return nil }
            return PathCaptures(names: regex.captureNames, ranges: ranges, rest: path.count..<path.count)
        }
    }
}

/// What the parts of a path pattern took of a path, as ranges of the path.
public struct PathCaptures: Sendable, Equatable {
    /// The pattern's `captureNames`.
    public var names: [String]
    /// What each took; nil for a part of a regular expression that had no part in the match.
    public var ranges: [Range<Int>?]
    /// What lies below the matched prefix, with its slash; empty for the prefix itself, and for other patterns.
    public var rest: Range<Int>

    public init(names: [String] = [], ranges: [Range<Int>?] = [], rest: Range<Int>) {
        self.names = names
        self.ranges = ranges
        self.rest = rest
    }

    /// What the capture of that name took; nil when there is none, or it had no part in the match.
    public subscript(name: String) -> Range<Int>? {
        names.firstIndex(of: name).flatMap { ranges[$0] }
    }
}

@usableFromInline
func pathEquals(_ path: Span<UInt8>, _ exact: Span<UInt8>) -> Bool {
    path.count == exact.count && pathStarts(path, with: exact)
}

@usableFromInline
func pathIsWithin(_ path: Span<UInt8>, _ prefix: Span<UInt8>) -> Bool {
    let count = prefix.count
    guard pathStarts(path, with: prefix) else { return false }
    if path.count == count { return true }
    return path[count] == .slash || (count > 0 && prefix[count - 1] == .slash)
}

func pathStarts(_ path: Span<UInt8>, with prefix: Span<UInt8>) -> Bool {
    guard path.count >= prefix.count else { return false }
    for index in prefix.indices where path[index] != prefix[index] { return false }
    return true
}

extension UInt8 {
    static var slash: UInt8 { UInt8(ascii: "/") }
}
