/// One field line of a head, as offsets into the bytes that were parsed.
public struct FieldLine: Sendable, BitwiseCopyable {
    /// Where the name starts, which is where the line starts.
    public var start: Int32
    public var nameEnd: Int32
    /// The value, without the white space around it.
    public var valueStart: Int32
    public var valueEnd: Int32
    /// Behind the line's CR LF: where the next line starts.
    public var end: Int32
    public var field: KnownField
    /// Set when the line must not be forwarded: it repeats what is already known, or Connection names it.
    public var isDropped: Bool
    /// Whether the line is written as Apus writes it: `Name: value`, with one space and no blank after the value.
    @usableFromInline var isCanonical: Bool

    @inlinable
    init(start: Int, nameEnd: Int, value: Range<Int>, end: Int, field: KnownField, isCanonical: Bool = true) {
        self.start = Int32(truncatingIfNeeded: start)
        self.nameEnd = Int32(truncatingIfNeeded: nameEnd)
        valueStart = Int32(truncatingIfNeeded: value.lowerBound)
        valueEnd = Int32(truncatingIfNeeded: value.upperBound)
        self.end = Int32(truncatingIfNeeded: end)
        self.field = field
        isDropped = false
        self.isCanonical = isCanonical
    }

    /// Whether the line is treated as if the client had not sent it.
    @inlinable public var isHidden: Bool { isDropped && (field == .other || KnownField.Set.claims.contains(field)) }

    @inlinable public var name: Range<Int> { Int(start)..<Int(nameEnd) }
    @inlinable public var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    @inlinable public var line: Range<Int> { Int(start)..<Int(end) }
}

/// The field lines of the head parsed last: a fixed table that a worker reuses for every head, so that parsing
/// allocates nothing.
public struct FieldTable: ~Copyable {
    /// Field lines that a head may have at most, whatever the configured limit.
    public static var capacity: Int { 256 }

    // An array and not an InlineArray: reading one element of that copies all of it (Swift 6.3).
    @usableFromInline var lines: [FieldLine]
    /// How many lines there are.
    public internal(set) var count: Int
    /// The fields that have been appended, and perhaps some that no line has any more.
    @usableFromInline var known: KnownField.Set = []
    /// What becomes of clients' fields by their names.
    public var clientRules = ClientFieldRules()

    public init() {
        let unused = FieldLine(start: 0, nameEnd: 0, value: 0..<0, end: 0, field: .other)
        lines = Array(repeating: unused, count: Self.capacity)
        count = 0
    }

    @inlinable
    public subscript(index: Int) -> FieldLine {
        get {
            precondition(index < count)
            return lines[index]
        }
    }

    mutating func removeAll() {
        count = 0
        known = []
    }

    @inline(__always)
    mutating func append(_ line: FieldLine) {
        lines[count] = line
        count &+= 1
        known.formUnion(KnownField.Set(line.field))
    }

    mutating func drop(_ index: Int) { lines[index].isDropped = true }

    /// Leaves out the zeros in front of a number when its line is forwarded: 010 is 8 to readers that know octal numbers.
    mutating func dropLeadingZeros(_ index: Int, _ bytes: Span<UInt8>) {
        let value = lines[index].value
        var start = value.lowerBound
        while start + 1 < value.upperBound, bytes[start] == 0x30 { start += 1 }
        guard start > value.lowerBound else { return }
        lines[index].valueStart = Int32(truncatingIfNeeded: start)
        lines[index].isCanonical = false
    }

    /// Has the lines of that name, and of names that fold into the same, left out of what is forwarded.
    ///
    /// - Parameter bytes: those that were parsed.
    public mutating func drop(_ name: Span<UInt8>, in bytes: Span<UInt8>) {
        for index in 0..<count where bytes.isFoldedName(lines[index].name, name) { lines[index].isDropped = true }
    }
}
