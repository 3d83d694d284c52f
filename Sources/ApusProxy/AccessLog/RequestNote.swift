import ApusHTTP
import ApusTransport

/// What the access log will say of a request, kept in a borrowed buffer until its exchange ends: the head is gone then.
///
/// A table of where each part ends, and the parts behind one another, as they were received.
enum RequestNote {
    enum Part: Int, CaseIterable {
        case method, host, target, referer, userAgent, requestID
    }

    /// Bytes kept of Referer and of User-Agent, and of X-Request-Id.
    static let fieldLimit = 512
    static let requestIDLimit = 128

    /// Set in the table's entry for a part that the request has.
    private static let isPresent: UInt32 = 1 << 31
    private static let tableSize = Part.allCases.count * 4

    /// Appends the note for parts that stand in `stretch`; nil for those that the request does not have.
    static func append(_ parts: InlineArray<6, Range<Int>?>, of stretch: Stretch, to arena: inout BufferArena) {
        var end = tableSize
        for index in parts.indices {
            let part = parts[index]
            end += part?.count ?? 0
            var entry = UInt32(truncatingIfNeeded: end) | (part == nil ? 0 : isPresent)
            for _ in 0..<4 {
                arena.append(UInt8(truncatingIfNeeded: entry))
                entry >>= 8
            }
        }
        for index in parts.indices {
            guard let part = parts[index] else { continue }
            arena.append(copying: stretch.handle, part.moved(by: Int(stretch.start)))
        }
    }

    /// Where a part stands in the buffer of `note`; nil when the request has none, or nothing was noted.
    static func range(of part: Part, in note: Stretch, _ arena: borrowing BufferArena) -> Range<Int>? {
        guard !note.isEmpty else { return nil }
        let own = entry(part.rawValue, note, arena)
        guard own & isPresent != 0 else { return nil }
        let start = part.rawValue == 0 ? UInt32(tableSize) : entry(part.rawValue - 1, note, arena) & ~isPresent
        return Int(start)..<Int(own & ~isPresent)
    }

    private static func entry(_ index: Int, _ note: Stretch, _ arena: borrowing BufferArena) -> UInt32 {
        let bytes = arena.bytes(note.handle, index * 4..<index * 4 + 4)
        var entry: UInt32 = 0
        for place in 0..<4 { entry |= UInt32(bytes[place]) << UInt32(8 * place) }
        return entry
    }
}
