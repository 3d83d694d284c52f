/// Where the bytes of the next send stand, in order.
struct PieceList {
    struct Piece {
        var handle: BufferHandle
        var start: Int32
        var count: Int32
    }

    static let capacity = 64

    // An array and not an InlineArray: reading one element of that copies all of it (Swift 6.3).
    private var pieces: [Piece]
    private(set) var count = 0
    /// Bytes of all pieces.
    private(set) var byteCount = 0

    init() { pieces = Array(repeating: Piece(handle: .none, start: 0, count: 0), count: Self.capacity) }

    subscript(index: Int) -> Piece { pieces[index] }

    var isFull: Bool { count == Self.capacity }

    mutating func removeAll() {
        count = 0
        byteCount = 0
    }

    /// Adds `range` of a buffer; a neighbour of the last piece makes that one longer.
    mutating func append(_ handle: BufferHandle, _ range: Range<Int>) {
        byteCount += range.count
        if count > 0 {
            let last = pieces[count - 1]
            if last.handle == handle, Int(last.start) + Int(last.count) == range.lowerBound {
                pieces[count - 1].count = last.count + Int32(truncatingIfNeeded: range.count)
                return
            }
        }
        pieces[count] = Piece(
            handle: handle, start: Int32(truncatingIfNeeded: range.lowerBound),
            count: Int32(truncatingIfNeeded: range.count))
        count += 1
    }
}
