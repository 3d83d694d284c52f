/// What one end tells the other that it takes (RFC 9113 section 6.5.2).
public struct HTTP2Settings: Sendable, Equatable {
    /// Bytes that the table of a block's fields may have.
    public var tableBytes: UInt32 = 4_096
    /// Whether a server may push. Apus never does, and takes nothing that is pushed.
    public var allowsPush = true
    /// Streams that the other may have open at a time.
    public var streams: UInt32 = .max
    /// Bytes of a stream's body that may be under way.
    public var window: Int32 = 65_535
    /// Bytes of a frame, without its header.
    public var frameBytes: Int = 16_384
    /// Bytes of a head's fields, decoded, with 32 for each; a hint.
    public var fieldBytes: UInt32 = .max
    /// Whether CONNECT may name a protocol (RFC 8441).
    public var allowsConnectProtocol = false
    /// The priorities of RFC 7540 have no effect (RFC 9218 section 2.1).
    public var ignoresOldPriorities = false

    public init() {}

    static let frameBounds = 16_384...16_777_215

    private enum Key {
        static let table: UInt16 = 1
        static let push: UInt16 = 2
        static let streams: UInt16 = 3
        static let window: UInt16 = 4
        static let frame: UInt16 = 5
        static let fields: UInt16 = 6
        static let connectProtocol: UInt16 = 8
        static let oldPriorities: UInt16 = 9
    }

    /// Bytes of a setting.
    static let entryBytes = 6

    /// Takes the settings of a frame, one after the other; those that are unknown are ignored.
    ///
    /// - Parameters:
    ///   - range: where they stand; a multiple of six bytes.
    ///   - isOfServer: a server has sent them.
    /// - Returns: the smallest table that was asked for on the way.
    @discardableResult
    public mutating func take(_ bytes: Span<UInt8>, _ range: Range<Int>, isOfServer: Bool) throws(HTTP2Error) -> UInt32
    {
        var offset = range.lowerBound
        var leastTable = tableBytes
        while offset < range.upperBound {
            let key = UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
            try take(key, bytes.bigEndian(at: offset + 2), isOfServer: isOfServer)
            offset += Self.entryBytes
            leastTable = min(leastTable, tableBytes)
        }
        return leastTable
    }

    private mutating func take(_ key: UInt16, _ value: UInt32, isOfServer: Bool) throws(HTTP2Error) {
        switch key {
        case Key.table: tableBytes = value
        case Key.push:
            // A server must not allow what nobody could do (section 6.5.2).
            guard value <= 1, !isOfServer || value == 0 else { throw .protocolError }
            allowsPush = value == 1
        case Key.streams: streams = value
        case Key.window:
            guard value <= UInt32(Int32.max) else { throw .flowControl }
            window = Int32(value)
        case Key.frame:
            guard Self.frameBounds.contains(Int(value)) else { throw .protocolError }
            frameBytes = Int(value)
        case Key.fields: fieldBytes = value
        case Key.connectProtocol:
            // What was allowed cannot be taken back (RFC 8441 section 3).
            guard value <= 1, value == 1 || !allowsConnectProtocol else { throw .protocolError }
            allowsConnectProtocol = value == 1
        case Key.oldPriorities:
            guard value <= 1 else { throw .protocolError }
            ignoresOldPriorities = value == 1
        default: break
        }
    }

    /// Writes a frame that says in what these differ from what both ends take without a word.
    public func write(to sink: inout some FrameSink & ~Copyable, isOfServer: Bool) {
        let usual = HTTP2Settings()
        var entries: [(UInt16, UInt32)] = []
        if tableBytes != usual.tableBytes { entries.append((Key.table, tableBytes)) }
        if !isOfServer, !allowsPush { entries.append((Key.push, 0)) }
        if streams != usual.streams { entries.append((Key.streams, streams)) }
        if window != usual.window { entries.append((Key.window, UInt32(window))) }
        if frameBytes != usual.frameBytes { entries.append((Key.frame, UInt32(frameBytes))) }
        if fieldBytes != usual.fieldBytes { entries.append((Key.fields, fieldBytes)) }
        if allowsConnectProtocol { entries.append((Key.connectProtocol, 1)) }
        if ignoresOldPriorities { entries.append((Key.oldPriorities, 1)) }
        FrameHeader(.settings, length: entries.count * Self.entryBytes).write(to: &sink)
        for (key, value) in entries {
            sink.append(UInt8(truncatingIfNeeded: key >> 8))
            sink.append(UInt8(truncatingIfNeeded: key))
            sink.append(number: value)
        }
    }
}
