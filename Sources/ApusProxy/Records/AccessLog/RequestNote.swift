import ApusHTTP
import ApusTransport

/// What the access log will say of a request, kept in a borrowed buffer until its exchange ends: the head is gone then.
///
/// A table of where each part ends, and the parts behind one another, as they were received.
enum RequestNote {
    enum Part: Int {
        case method, host, target, referer, userAgent, requestID
    }

    /// Where a head has the parts; nil for those that a request need not have and does not.
    struct Parts {
        let method: Range<Int>
        let host: Range<Int>
        let target: Range<Int>
        var referer: Range<Int>?
        var userAgent: Range<Int>?
        var requestID: Range<Int>?

        fileprivate var byteCount: Int {
            method.count + host.count + target.count + (referer?.count ?? 0) + (userAgent?.count ?? 0)
                + (requestID?.count ?? 0)
        }

        /// The fields of the head that the log tells of; of a repeated one, the first.
        mutating func find(in fields: borrowing FieldTable, _ head: Span<UInt8>) {
            for index in 0..<fields.count where fields[index].field == .other {
                let field = fields[index]
                switch field.name.count {
                case 7 where referer == nil && head.equalsIgnoringCase(field.name, "referer"):
                    referer = field.value.prefix(fieldLimit)
                case 10 where userAgent == nil && head.equalsIgnoringCase(field.name, "user-agent"):
                    userAgent = field.value.prefix(fieldLimit)
                case 12 where requestID == nil && head.equalsIgnoringCase(field.name, "x-request-id"):
                    requestID = field.value.prefix(requestIDLimit)
                default: continue
                }
            }
        }
    }

    /// Bytes kept of Referer and of User-Agent, and of X-Request-Id.
    static let fieldLimit = 512
    static let requestIDLimit = 128

    /// Set in the table's entry for a part that the request has.
    private static let isPresent: UInt32 = 1 << 31
    private static let entrySize = 4
    private static let tableSize = 6 * entrySize

    /// Keeps parts that stand in `stretch`; nil when there is no memory for them.
    static func write(_ parts: Parts, of stretch: Stretch, to arena: inout BufferArena) -> Stretch? {
        guard let handle = arena.borrow(tableSize + parts.byteCount) else { return nil }
        var end = tableSize
        put(.method, parts.method, of: stretch, handle, &end, &arena)
        put(.host, parts.host, of: stretch, handle, &end, &arena)
        put(.target, parts.target, of: stretch, handle, &end, &arena)
        put(.referer, parts.referer, of: stretch, handle, &end, &arena)
        put(.userAgent, parts.userAgent, of: stretch, handle, &end, &arena)
        put(.requestID, parts.requestID, of: stretch, handle, &end, &arena)
        return Stretch(handle, 0..<end)
    }

    @inline(__always)
    private static func put(
        _ part: Part, _ range: Range<Int>?, of stretch: Stretch, _ handle: BufferHandle, _ end: inout Int,
        _ arena: inout BufferArena
    ) {
        var entry = UInt32(truncatingIfNeeded: end)
        if let range {
            arena.copy(from: stretch.handle, range.moved(by: Int(stretch.start)), to: handle, at: end)
            end += range.count
            entry = UInt32(truncatingIfNeeded: end) | isPresent
        }
        arena.setNumber(entry, at: part.rawValue * entrySize, in: handle)
    }

    /// Where a part stands in the buffer of `note`; nil when the request has none, or nothing was noted.
    static func range(of part: Part, in note: Stretch, _ arena: borrowing BufferArena) -> Range<Int>? {
        guard !note.isEmpty else { return nil }
        let own = arena.number(at: part.rawValue * entrySize, in: note.handle)
        guard own & isPresent != 0 else { return nil }
        let isFirst = part.rawValue == 0
        let before =
            isFirst
            ? UInt32(tableSize) : arena.number(at: (part.rawValue - 1) * entrySize, in: note.handle) & ~isPresent
        return Int(before)..<Int(own & ~isPresent)
    }
}
