/// What of a path lets servers read it in several ways, or is written in another way than in its normal form.
///
/// Found in one pass, for all readings at once: a segment that is empty or has only dots counts if it is so in any of
/// them, and sometimes if it only might be.
public struct PathOddities: OptionSet, Sendable, BitwiseCopyable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `%2F`.
    public static let escapedSlash = PathOddities(rawValue: 1)
    public static let backslash = PathOddities(rawValue: 2)
    /// `%5C`.
    public static let escapedBackslash = PathOddities(rawValue: 4)
    public static let semicolon = PathOddities(rawValue: 8)
    /// `%3B`.
    public static let escapedSemicolon = PathOddities(rawValue: 16)
    /// Two slashes in a row.
    public static let emptySegment = PathOddities(rawValue: 32)
    /// `.` or `..`.
    public static let dotSegment = PathOddities(rawValue: 64)
    /// An escape that the normal form decodes, or writes in upper case.
    public static let spelling = PathOddities(rawValue: 128)
    /// An escape of a control character: no server means one by a path, and some end the path there.
    public static let control = PathOddities(rawValue: 256)

    /// What `path` has of them; nothing for one that does not begin with a slash.
    public init(_ path: Span<UInt8>) {
        var found: PathOddities = []
        var segment = Segment()
        var offset = 1
        let isPath = path.count > 0 && path[0] == slash
        while isPath, offset < path.count {
            var byte = path[offset]
            var isEscape = false
            if byte == percent, let value = pathEscape(path, offset) {
                isEscape = true
                byte = value
                if value < 0x20 || value == 0x7f { found.insert(.control) }
                if isUnreserved(value) || path[offset &+ 1] >= 0x61 || path[offset &+ 2] >= 0x61 {
                    found.insert(.spelling)
                }
            }
            switch byte {
            case slash:
                if isEscape { found.insert(.escapedSlash) }
                segment.end(&found)
            case backslashByte:
                found.insert(isEscape ? .escapedBackslash : .backslash)
                segment.end(&found)
            case semicolonByte:
                found.insert(isEscape ? .escapedSemicolon : .semicolon)
                segment.end(&found)
                segment.others = 1
            case dot: segment.dots &+= 1
            default: segment.others = 1
            }
            offset &+= isEscape ? 3 : 1
        }
        // An empty segment at the end is that of every path that ends in a slash.
        if segment.hasOnlyDots { found.insert(.dotSegment) }
        self = found
    }

    /// What has come of a segment, as far as any reading may cut it off.
    private struct Segment {
        var dots = 0
        var others = 0

        var hasOnlyDots: Bool { others == 0 && (dots == 1 || dots == 2) }

        mutating func end(_ found: inout PathOddities) {
            if others | dots == 0 { found.insert(.emptySegment) }
            if hasOnlyDots { found.insert(.dotSegment) }
            self = Segment()
        }
    }
}

private let backslashByte = backslash
private let semicolonByte = semicolon

/// All readings of a path that are usual among servers: every combination of those that its oddities make possible. The
/// first is its normal form.
///
/// docs/design/0015-path-readings.md says which count, and why.
public struct PathReadings: Sendable, BitwiseCopyable {
    private let slashes: Int
    private let backslashes: Int
    private let parameters: Int
    private let merges: Int
    private let dots: Int
    private let hasBareBackslashes: Bool
    private let hasBareSemicolons: Bool

    public init(_ oddities: PathOddities) {
        hasBareBackslashes = oddities.contains(.backslash)
        hasBareSemicolons = oddities.contains(.semicolon)
        slashes = oddities.contains(.escapedSlash) ? 2 : 1
        let hasEscapedBackslash = oddities.contains(.escapedBackslash)
        backslashes = 1 + (hasBareBackslashes ? 1 : 0) + (hasEscapedBackslash ? 1 : 0)
        // When parameters are cut matters only where something in them is a slash to some, or is escaped itself.
        let hasOtherSlashes = slashes > 1 || backslashes > 1
        let isCutDecoded = oddities.contains(.escapedSemicolon) || (hasBareSemicolons && hasOtherSlashes)
        parameters = 1 + (hasBareSemicolons ? 1 : 0) + (isCutDecoded ? 1 : 0)
        merges = oddities.contains(.emptySegment) ? 2 : 1
        dots = oddities.contains(.dotSegment) ? 2 : 1
    }

    /// How many there are; 1 for a path that can be read in one way only.
    public var count: Int { slashes &* backslashes &* parameters &* merges &* dots }

    /// The reading of that number, below `count`. 0 is the normal form.
    public subscript(_ number: Int) -> PathReading {
        var rest = number
        func take(_ kinds: Int) -> Int {
            defer { rest /= kinds }
            return rest % kinds
        }
        var reading = PathReading()
        reading.resolvesDots = take(dots) == 0
        reading.mergesSlashes = take(merges) == 1
        reading.decodesSlashes = take(slashes) == 1
        switch take(backslashes) {
        case 0: break
        case 1: reading.backslashes = hasBareBackslashes ? .slashes : .slashesDecoded
        default: reading.backslashes = .slashesDecoded
        }
        switch take(parameters) {
        case 0: break
        case 1: reading.parameters = hasBareSemicolons ? .cut : .cutDecoded
        default: reading.parameters = .cutDecoded
        }
        return reading
    }

    /// More readings of one path than this are not compared.
    public static let limit = 16
    /// Nor are more bytes of readings than this.
    public static let byteLimit = 16 << 10

    /// Whether the readings of a path of `pathCount` bytes are few enough to compare where they go. A path that mixes more
    /// is refused: nobody writes one by accident.
    public func areFew(pathCount: Int) -> Bool { count <= Self.limit && count &* pathCount <= Self.byteLimit }
}
