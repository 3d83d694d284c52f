/// Draws indices at random, each as often as its weight says, in one step however many there are.
///
/// Walker's alias method with Vose's construction (Vose: "A linear algorithm for generating random numbers with a given
/// distribution", IEEE Transactions on Software Engineering 17, 1991): every index has a column of the same height, which it
/// shares with at most one other. Heights are whole numbers, so that the shares are exact. Cost: one random number and two
/// multiplications per draw; building takes one step per index and allocates only the first time.
public struct AliasTable: Sendable {
    @usableFromInline
    struct Column: Sendable, BitwiseCopyable {
        /// How much of the column's height is the column's own, `total` at most.
        @usableFromInline var own: Int
        /// Whose the rest is.
        @usableFromInline var other: Int32
    }

    @usableFromInline var columns: [Column]
    /// The weights' sum, which is a column's height.
    @usableFromInline private(set) var total = 0
    /// Columns that are not full yet, from the front; overfull ones, from the back. Used while building.
    private var work: [Int32] = []

    public init() {
        columns = []
    }

    /// Builds the table for these weights, none negative. With a sum of 0 nothing can be drawn.
    public mutating func build(_ weights: [Int32]) {
        let count = weights.count
        if columns.count != count {
            columns = Array(repeating: Column(own: 0, other: 0), count: count)
            work = Array(repeating: 0, count: count)
        }
        total = weights.reduce(0) { $0 + Int($1) }
        guard total > 0 else { return }
        var low = 0
        var high = count
        for index in 0..<count {
            columns[index] = Column(own: Int(weights[index]) * count, other: Int32(index))
            if columns[index].own < total {
                work[low] = Int32(index)
                low += 1
            } else {
                high -= 1
                work[high] = Int32(index)
            }
        }
        // Each column that is not full is filled up from an overfull one, which may then be not full itself.
        while low > 0, high < count {
            low -= 1
            let short = Int(work[low])
            let tall = Int(work[high])
            columns[short].other = Int32(tall)
            columns[tall].own -= total - columns[short].own
            if columns[tall].own < total {
                high += 1
                work[low] = Int32(tall)
                low += 1
            }
        }
    }

    /// An index, at random by weight. The table has been built, and its total is above 0.
    @inlinable
    public func draw(_ random: inout SplitMix64) -> Int {
        // The product's high half is a column; its low half is as good as another random number.
        let place = random.next().multipliedFullWidth(by: UInt64(columns.count))
        let column = Int(truncatingIfNeeded: place.high)
        let height = Int(truncatingIfNeeded: place.low.multipliedFullWidth(by: UInt64(total)).high)
        return height < columns[column].own ? column : Int(columns[column].other)
    }
}
