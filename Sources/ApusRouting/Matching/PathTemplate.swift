/// A path with places: `/users/{id}/posts`, where `{id}` stands for one whole segment, or `/files/{path*}`, whose last
/// place takes the rest.
///
/// A place takes at least one byte; the rest may be empty, but the slash before it must be there. Compared byte by byte,
/// like every path.
public struct PathTemplate: Sendable, Equatable {
    public enum Segment: Sendable, Equatable {
        /// These bytes and no others; none between two slashes.
        case literal([UInt8])
        /// One segment that is not empty.
        case capture(String)
        /// All segments from here on, with their slashes. Only the last.
        case rest(String)
    }

    /// As it was written.
    public let text: String
    /// What stands behind each of its slashes.
    public let segments: [Segment]

    /// - Throws: what is wrong with it, and where.
    public init(_ text: String) throws(PathTemplateError) {
        self.text = text
        let bytes = Array(text.utf8)
        guard bytes.first == .slash else {
            throw PathTemplateError(message: "a path begins with `/`", offset: 0)
        }
        if let offset = bytes.firstIndex(where: { !(0x21...0x7e).contains($0) }) {
            throw PathTemplateError(
                message: "write blanks and characters beyond ASCII as they are sent, such as `%20`", offset: offset)
        }
        if let offset = bytes.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            throw PathTemplateError(message: "routes match the path alone, without its query", offset: offset)
        }
        var segments: [Segment] = []
        var offset = 1
        for part in bytes[1...].split(separator: .slash, omittingEmptySubsequences: false) {
            if case .rest(let name) = segments.last {
                throw PathTemplateError(
                    message: "nothing may stand behind `{\(name)*}`, which takes the rest of the path",
                    offset: offset - 1)
            }
            let segment = try Self.segment(part, at: offset)
            if let name = segment.name, let first = segments.firstIndex(where: { $0.name == name }) {
                throw PathTemplateError(
                    message: "`\(name)` names segment \(first + 1) already; each place needs its own name",
                    offset: offset)
            }
            segments.append(segment)
            offset += part.count + 1
        }
        self.segments = segments
    }

    /// The names of its places, in order.
    public var captureNames: [String] { segments.compactMap(\.name) }

    private static func segment(_ part: ArraySlice<UInt8>, at offset: Int) throws(PathTemplateError) -> Segment {
        guard let open = part.firstIndex(where: { special.contains($0) }) else { return .literal(Array(part)) }
        func fail(_ message: String, at index: Int) -> PathTemplateError {
            PathTemplateError(message: message, offset: offset + index - part.startIndex)
        }
        if part[open] == UInt8(ascii: "*") {
            throw fail("`*` stands behind a name only, as in `{rest*}`; write `{name}` for one segment", at: open)
        }
        guard part[open] == UInt8(ascii: "{") else { throw fail("`}` without a `{` before it", at: open) }
        guard open == part.startIndex else {
            throw fail("a place takes a whole segment: `/` must stand before `{`", at: open)
        }
        guard let close = part.firstIndex(of: UInt8(ascii: "}")) else {
            throw fail("this `{` is not closed by `}` within its segment", at: open)
        }
        guard close == part.endIndex - 1 else {
            throw fail("a place takes a whole segment: `/` or the end must stand behind `}`", at: close + 1)
        }
        var name = part[(open + 1)..<close]
        let takesRest = name.last == UInt8(ascii: "*")
        if takesRest { name.removeLast() }
        guard isName(name) else {
            throw fail("a name consists of letters, digits and `_` and does not begin with a digit", at: open + 1)
        }
        let text = String(decoding: name, as: UTF8.self)
        return takesRest ? .rest(text) : .capture(text)
    }

    private static let special: [UInt8] = Array("{}*".utf8)

    private static func isName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, !first.isDigit else { return false }
        return name.allSatisfy(\.isWord)
    }
}

/// Why a text is no path template.
public struct PathTemplateError: Error, Sendable, Equatable {
    /// For people: what was found, what was expected.
    public var message: String
    /// Bytes before it.
    public var offset: Int

    public init(message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}

extension PathTemplate.Segment {
    /// The name of a place.
    public var name: String? {
        switch self {
        case .literal: nil
        case .capture(let name), .rest(let name): name
        }
    }
}

extension PathTemplate {
    public func matches(_ path: Span<UInt8>) -> Bool {
        walk(path) { _ in }
    }

    /// What each place takes of `path`, in their order; nil when it does not match.
    public func captures(in path: Span<UInt8>) -> [Range<Int>?]? {
        var ranges: [Range<Int>?] = []
        return walk(path, taking: { ranges.append($0) }) ? ranges : nil
    }

    private func walk(_ path: Span<UInt8>, taking take: (Range<Int>) -> Void) -> Bool {
        // Where the next segment's slash must be.
        var offset = 0
        for segment in segments {
            guard offset < path.count, path[offset] == .slash else { return false }
            let start = offset + 1
            offset = start
            while offset < path.count, path[offset] != .slash { offset += 1 }
            switch segment {
            case .literal(let bytes):
                guard pathEquals(path.extracting(start..<offset), bytes.span) else { return false }
            case .capture:
                guard offset > start else { return false }
                take(start..<offset)
            case .rest:
                take(start..<path.count)
                return true
            }
        }
        return offset == path.count
    }
}

extension UInt8 {
    var isDigit: Bool { self &- 0x30 < 10 }
    /// Letters, digits and `_`.
    var isWord: Bool { isDigit || (self | 0x20) &- 0x61 < 26 || self == 0x5f }
}
