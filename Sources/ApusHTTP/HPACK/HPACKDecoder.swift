/// What takes the fields of a block, one after the other.
public protocol FieldReceiver: ~Copyable {
    /// A field. Both spans are good until this returns, and hold whatever bytes the peer has sent.
    ///
    /// - Parameter isSecret: it must not be remembered on its way (RFC 7541 section 6.2.3).
    mutating func receive(name: Span<UInt8>, value: Span<UInt8>, isSecret: Bool)

    /// A field whose name or value is longer than `HPACKScratch.capacity`.
    mutating func receivedTooLong()
}

/// What takes heads, one after the other.
public protocol HeadReceiver: FieldReceiver, ~Copyable {
    /// The fields of the next head follow.
    ///
    /// - Parameter isTrailer: they stand behind a body.
    mutating func begin(isTrailer: Bool)
}

/// Where strings are decoded that were sent in Huffman's code. One is enough for all connections of a thread.
public struct HPACKScratch: ~Copyable {
    fileprivate var name: [UInt8]
    fileprivate var value: [UInt8]

    /// Bytes that a name, and a value, may have decoded.
    public var capacity: Int { name.count }

    /// - Parameter capacity: at least the size of each table that it is used with.
    public init(capacity: Int) {
        name = Array(repeating: 0, count: capacity)
        value = Array(repeating: 0, count: capacity)
    }
}

/// Why a block cannot be decoded. What the peer means from here on is unknown: the connection has to end
/// (RFC 9113 section 4.3, COMPRESSION_ERROR).
public enum HPACKFault: Error, Sendable, Equatable {
    /// The block ends within a field.
    case truncated
    /// A number is longer than any that is meant.
    case badNumber
    /// No field has that index.
    case badIndex
    /// A string that is none in Huffman's code.
    case badString
    /// A change of the table's size that stands behind a field, or is larger than what was allowed.
    case badTableSize
}

/// The receiving end of HPACK (RFC 7541), of one connection.
///
/// Decoding allocates nothing but what the table grows by, whatever is sent: each field is handed on as spans of the block,
/// of the table, or of the scratch.
public struct HPACKDecoder: ~Copyable {
    private var table: DynamicTable
    /// The largest table that the peer may ask for: what was told it (SETTINGS_HEADER_TABLE_SIZE).
    private let largestTable: Int

    /// - Parameter largestTable: bytes, 0 to 65,535; 4,096 is what both ends take without a word.
    public init(largestTable: Int = 4_096) {
        self.largestTable = largestTable
        table = DynamicTable(limit: largestTable)
    }

    /// Decodes a whole block. Fields that came before a fault have been handed on.
    public mutating func decode<Receiver: FieldReceiver & ~Copyable>(
        _ block: Span<UInt8>, _ scratch: inout HPACKScratch, into receiver: inout Receiver
    ) throws(HPACKFault) {
        var reader = BlockReader(offset: 0)
        var mayResize = true
        while reader.offset < block.count {
            let byte = block[reader.offset]
            if byte & 0xe0 == 0x20 {
                guard mayResize else { throw .badTableSize }
                let size = try reader.number(block, bits: 5)
                guard size <= largestTable else { throw .badTableSize }
                table.setLimit(size)
                continue
            }
            mayResize = false
            if byte & 0x80 != 0 {
                try indexed(try reader.number(block, bits: 7), into: &receiver)
            } else {
                try literal(block, &reader, &scratch, into: &receiver)
            }
        }
    }

    private func indexed<Receiver: FieldReceiver & ~Copyable>(
        _ index: Int, into receiver: inout Receiver
    ) throws(HPACKFault) {
        if index > StaticTable.count {
            guard index - StaticTable.count <= table.count else { throw .badIndex }
            let (name, value) = table.field(index - StaticTable.count - 1)
            let bytes = table.allBytes
            return receiver.receive(name: bytes.extracting(name), value: bytes.extracting(value), isSecret: false)
        }
        guard index > 0 else { throw .badIndex }
        receiver.receive(
            name: StaticTable.name(index).bytes, value: StaticTable.value(index).bytes, isSecret: false)
    }

    private mutating func literal<Receiver: FieldReceiver & ~Copyable>(
        _ block: Span<UInt8>, _ reader: inout BlockReader, _ scratch: inout HPACKScratch,
        into receiver: inout Receiver
    ) throws(HPACKFault) {
        let byte = block[reader.offset]
        let isKept = byte & 0x40 != 0
        let index = try reader.number(block, bits: isKept ? 6 : 4)
        // A name of the table is copied: its field may be forgotten for this one.
        let name = index == 0 ? try reader.string(block, &scratch.name) : try self.name(index, &scratch.name)
        let value = try reader.string(block, &scratch.value)
        guard name.count <= scratch.capacity, value.count <= scratch.capacity else {
            if isKept { table.removeAll() }
            return receiver.receivedTooLong()
        }
        let isSecret = byte & 0xf0 == 0x10
        let values = scratch.value.span
        switch name.place {
        case .block(let start):
            take(block.extracting(start..<start + name.count), value, block, values, isKept, isSecret, &receiver)
        case .scratch:
            take(scratch.name.span.extracting(0..<name.count), value, block, values, isKept, isSecret, &receiver)
        case .table: take(StaticTable.name(index).bytes, value, block, values, isKept, isSecret, &receiver)
        }
    }

    @inline(__always)
    private mutating func take<Receiver: FieldReceiver & ~Copyable>(
        _ name: Span<UInt8>, _ value: BlockReader.Text, _ block: Span<UInt8>, _ scratch: Span<UInt8>, _ isKept: Bool,
        _ isSecret: Bool, _ receiver: inout Receiver
    ) {
        if case .block(let start) = value.place {
            take(name, block.extracting(start..<start + value.count), isKept, isSecret, &receiver)
        } else {
            take(name, scratch.extracting(0..<value.count), isKept, isSecret, &receiver)
        }
    }

    @inline(__always)
    private mutating func take<Receiver: FieldReceiver & ~Copyable>(
        _ name: Span<UInt8>, _ value: Span<UInt8>, _ isKept: Bool, _ isSecret: Bool, _ receiver: inout Receiver
    ) {
        receiver.receive(name: name, value: value, isSecret: isSecret)
        if isKept { table.insert(name, value) }
    }

    private func name(_ index: Int, _ scratch: inout [UInt8]) throws(HPACKFault) -> BlockReader.Text {
        if index <= StaticTable.count {
            return BlockReader.Text(place: .table, count: StaticTable.name(index).utf8CodeUnitCount)
        }
        guard index - StaticTable.count <= table.count else { throw .badIndex }
        let name = table.field(index - StaticTable.count - 1).name
        let bytes = table.allBytes
        for offset in 0..<min(name.count, scratch.count) { scratch[offset] = bytes[name.lowerBound &+ offset] }
        return BlockReader.Text(place: .scratch, count: name.count)
    }
}

/// Reads numbers and strings (RFC 7541 section 5).
struct BlockReader {
    var offset: Int

    /// A string: where it is, and how many bytes it has.
    struct Text {
        enum Place {
            case block(Int)
            case scratch
            /// The static table.
            case table
        }

        var place: Place
        var count: Int
    }

    /// A number whose first byte has `bits` bits of it.
    mutating func number(_ block: Span<UInt8>, bits: Int) throws(HPACKFault) -> Int {
        let mask = 1 << bits - 1
        guard offset < block.count else { throw .truncated }
        var value = Int(block[offset]) & mask
        offset += 1
        guard value == mask else { return value }
        var shift = 0
        while true {
            guard offset < block.count else { throw .truncated }
            let byte = block[offset]
            offset += 1
            // 28 bits are more than any length or index that is meant; zeros in front could go on for ever.
            guard shift <= 21 else { throw .badNumber }
            value += Int(byte & 0x7f) << shift
            shift += 7
            if byte & 0x80 == 0 { return value }
        }
    }

    mutating func string(_ block: Span<UInt8>, _ scratch: inout [UInt8]) throws(HPACKFault) -> Text {
        guard offset < block.count else { throw .truncated }
        let isCoded = block[offset] & 0x80 != 0
        let count = try number(block, bits: 7)
        let start = offset
        guard count <= block.count - start else { throw .truncated }
        offset += count
        guard isCoded else { return Text(place: .block(start), count: count) }
        var room = scratch.mutableSpan
        guard let decoded = HuffmanCode.shared.decode(block, start..<start + count, into: &room) else {
            throw .badString
        }
        return Text(place: .scratch, count: decoded)
    }
}

extension StaticString {
    /// Its bytes, which live for ever.
    fileprivate var bytes: Span<UInt8> {
        @_lifetime(immortal) get {
            let start = unsafe UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
            return unsafe _overrideLifetime(Span(_unsafeElements: start), copying: ())
        }
    }
}
