/// The fields that one end has told the other to remember (RFC 7541 section 2.3.2), the newest first.
///
/// Takes no memory until something is remembered, and at most about twice its size.
struct DynamicTable: ~Copyable {
    /// What each field counts beyond its bytes (RFC 7541 section 4.1).
    static let overhead = 32

    private struct Entry {
        /// Where its name begins, counted from where the first of all fields began, round and round.
        var start: UInt32
        var nameCount: UInt16
        var valueCount: UInt16
    }

    /// The bytes that there may be, `overhead` included.
    private(set) var limit: Int
    /// Those that there are.
    private(set) var size = 0
    private(set) var count = 0
    /// A ring: the oldest is at `first`. A power of two, or none.
    private var entries: [Entry] = []
    private var first = 0
    /// Names and values, those of a field behind each other, the oldest first; they end at `end`.
    private var bytes: [UInt8] = []
    private var end = 0
    /// The `start` of a field that would begin at the first of `bytes`.
    private var base: UInt32 = 0

    /// - Parameter limit: 0 to 65,535.
    init(limit: Int) { self.limit = limit }

    /// The field at an index of this table, 0 for the newest: where its name and its value stand in `allBytes`.
    func field(_ index: Int) -> (name: Range<Int>, value: Range<Int>) {
        let entry = entries[(first &+ count &- 1 &- index) & (entries.count &- 1)]
        let start = Int(entry.start &- base)
        let middle = start + Int(entry.nameCount)
        return (start..<middle, middle..<middle + Int(entry.valueCount))
    }

    var allBytes: Span<UInt8> {
        @_lifetime(borrow self) get { bytes.span }
    }

    /// Takes another limit; what does not fit is forgotten.
    mutating func setLimit(_ limit: Int) {
        self.limit = limit
        evict(toHold: limit)
    }

    /// Forgets all.
    mutating func removeAll() { evict(toHold: 0) }

    /// Remembers a field; one that is larger than the limit only has all others forgotten.
    mutating func insert(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        let needed = name.count + value.count
        guard needed + Self.overhead <= limit else { return removeAll() }
        evict(toHold: limit - needed - Self.overhead)
        makeRoom(needed)
        if count == entries.count { growEntries() }
        entries[(first &+ count) & (entries.count &- 1)] = Entry(
            start: base &+ UInt32(end), nameCount: UInt16(name.count), valueCount: UInt16(value.count))
        for index in name.indices { bytes[end &+ index] = name[index] }
        end += name.count
        for index in value.indices { bytes[end &+ index] = value[index] }
        end += value.count
        count += 1
        size += needed + Self.overhead
    }

    private mutating func evict(toHold most: Int) {
        while size > most {
            let entry = entries[first]
            size -= Int(entry.nameCount) + Int(entry.valueCount) + Self.overhead
            first = (first &+ 1) & (entries.count &- 1)
            count -= 1
        }
        if count == 0 {
            base &+= UInt32(end)
            end = 0
        }
    }

    /// Has `needed` bytes free behind `end`. With twice the limit, a byte is moved once for each that is added.
    private mutating func makeRoom(_ needed: Int) {
        guard end + needed > bytes.count else { return }
        let start = count == 0 ? end : Int(entries[first].start &- base)
        let held = end - start
        if bytes.count < min(2 * limit, 2 * (held + needed)) {
            let wanted = min(2 * limit, max(256, 2 * (held + needed)))
            bytes.append(contentsOf: repeatElement(0, count: wanted - bytes.count))
        }
        guard end + needed > bytes.count else { return }
        for index in 0..<held { bytes[index] = bytes[start &+ index] }
        base &+= UInt32(start)
        end = held
    }

    private mutating func growEntries() {
        var grown: [Entry] = []
        grown.reserveCapacity(max(8, 2 * count))
        for index in 0..<count { grown.append(entries[(first &+ index) & (entries.count &- 1)]) }
        let unused = Entry(start: 0, nameCount: 0, valueCount: 0)
        while grown.count < max(8, 2 * count) { grown.append(unused) }
        (entries, first) = (grown, 0)
    }
}
