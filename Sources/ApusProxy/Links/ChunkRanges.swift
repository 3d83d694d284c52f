/// Pieces of data that will be one chunk; a worker has one and uses it again and again.
struct ChunkRanges {
    private var ranges = [Range<Int>](repeating: 0..<0, count: capacity)
    private(set) var count = 0
    /// Bytes of all pieces.
    private(set) var byteCount = 0

    private static let capacity = 32

    var isFull: Bool { count == Self.capacity }

    subscript(index: Int) -> Range<Int> { ranges[index] }

    mutating func append(_ range: Range<Int>) {
        ranges[count] = range
        count += 1
        byteCount += range.count
    }

    mutating func removeAll() {
        count = 0
        byteCount = 0
    }
}
