/// One way in which a server may read a path: what it takes for a slash, what it leaves out, and whether it resolves dot
/// segments after that.
///
/// Every reading decodes the escapes of unreserved characters and writes the others in upper case, since no server tells
/// those spellings apart.
public struct PathReading: Sendable, Equatable, BitwiseCopyable {
    public enum Backslashes: UInt8, Sendable, BitwiseCopyable {
        /// A backslash is a character like any other.
        case characters
        /// A backslash is a slash, and `%5C` is not: so do browsers, and URL parsers made after them.
        case slashes
        /// Both are.
        case slashesDecoded
    }

    public enum Parameters: UInt8, Sendable, BitwiseCopyable {
        /// `;x` belongs to its segment.
        case kept
        /// Cut before anything is decoded: from `;` to the next slash that is written as one.
        case cut
        /// Cut after decoding: from `;` or `%3B` to whatever the reading takes for a slash.
        case cutDecoded
    }

    /// `%2F` is a slash.
    public var decodesSlashes = false
    public var backslashes = Backslashes.characters
    public var parameters = Parameters.kept
    /// Empty segments are left out, except the last.
    public var mergesSlashes = false
    /// `.` and `..` segments are resolved.
    public var resolvesDots = true

    /// The normal form of RFC 3986.
    public static let normal = PathReading()

    public init() {}
}

extension PathReading {
    /// Rewrites the path that `path` holds as this reading has it, in place: it never becomes longer.
    ///
    /// What does not begin with a slash, such as `*`, stays as it is.
    ///
    /// - Returns: how many bytes of `path`, from its start, are the reading.
    /// - Throws: `Reason.badPath` when `..` leads above the root.
    @_lifetime(path: copy path)
    public func apply(to path: inout MutableSpan<UInt8>) throws(Reason) -> Int {
        guard path.count > 0, path[0] == slash else { return path.count }
        var read = 0
        var written = 0
        while read < path.count {
            // Here stands what this reading takes for the slash before a segment; `written` never overtakes `read`.
            let start = written
            read &+= path[read] == percent ? 3 : 1
            path[written] = slash
            written &+= 1
            read = copySegment(&path, from: read, to: &written)
            let isLast = read == path.count
            if mergesSlashes, !isLast, written == start &+ 1 { written = start }
            guard resolvesDots else { continue }
            switch Self.dots(path, start &+ 1..<max(written, start &+ 1)) {
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

    /// `path` in this reading.
    public func of(_ path: [UInt8]) throws(Reason) -> [UInt8] {
        var path = path
        var span = path.mutableSpan
        let count = try apply(to: &span)
        return Array(path[..<count])
    }

    /// Copies what stands at `read`, up to the next slash of this reading.
    ///
    /// - Returns: the offset of that slash; the count if there is none.
    @_lifetime(path: copy path)
    private func copySegment(_ path: inout MutableSpan<UInt8>, from start: Int, to written: inout Int) -> Int {
        var read = start
        while read < path.count {
            let byte = path[read]
            switch byte {
            case slash: return read
            case backslash where backslashes != .characters: return read
            case semicolon where parameters != .kept: return endOfParameters(path.span, from: read)
            case percent:
                guard let value = pathEscape(path.span, read) else { break }
                if isSlash(escaped: value) { return read }
                if value == semicolon, parameters == .cutDecoded { return endOfParameters(path.span, from: read) }
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
                read &+= 3
                continue
            default: break
            }
            path[written] = byte
            written &+= 1
            read &+= 1
        }
        return read
    }

    /// Where the parameters end that begin at `start`: at a slash, or with the path.
    private func endOfParameters(_ path: Span<UInt8>, from start: Int) -> Int {
        var offset = start
        while offset < path.count {
            switch path[offset] {
            case slash: return offset
            case backslash where parameters == .cutDecoded && backslashes != .characters: return offset
            case percent where parameters == .cutDecoded:
                if let value = pathEscape(path, offset), isSlash(escaped: value) { return offset }
            default: break
            }
            offset &+= 1
        }
        return offset
    }

    @inline(__always)
    private func isSlash(escaped value: UInt8) -> Bool {
        (value == slash && decodesSlashes) || (value == backslash && backslashes == .slashesDecoded)
    }

    /// 1 for a segment that is `.`, 2 for `..`, else 0.
    private static func dots(_ path: borrowing MutableSpan<UInt8>, _ segment: Range<Int>) -> Int {
        guard segment.count <= 2 else { return 0 }
        for index in segment where path[index] != dot { return 0 }
        return segment.count
    }
}

/// The byte that the escape at `offset` stands for; nil if none stands there.
@inline(__always)
func pathEscape(_ path: Span<UInt8>, _ offset: Int) -> UInt8? {
    guard offset &+ 2 < path.count, let high = hexValue(path[offset &+ 1]), let low = hexValue(path[offset &+ 2])
    else { return nil }
    return high << 4 | low
}

/// Letters, digits, `-`, `.`, `_` and `~` (RFC 3986 section 2.3).
@inline(__always)
func isUnreserved(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03ff_6000_0000_0000
    let high: UInt64 = 0x47ff_fffe_87ff_fffe
    let bits = byte & 0x40 == 0 ? low : high
    return byte < 0x80 && (bits >> UInt64(byte & 0x3f)) & 1 == 1
}

private func upper(_ digit: UInt8) -> UInt8 { digit >= 0x61 ? digit & ~0x20 : digit }
