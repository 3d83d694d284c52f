/// A set of endpoints' indices, in which the first one from a place on is found in a few steps however sparse it is.
///
/// A bit per index, and a bit per word of those that says whether the word has any. Cost: a change or a question takes
/// one or two steps; a search one step per 4,096 indices passed over.
public struct EndpointSet: Sendable {
    @usableFromInline var words: [UInt64]
    /// Which words are not 0.
    @usableFromInline var summary: [UInt64]

    /// The empty set over the indices `0..<count`.
    public init(count: Int) {
        words = Array(repeating: 0, count: (count + 63) / 64)
        summary = Array(repeating: 0, count: (words.count + 63) / 64)
    }

    @inlinable
    public func contains(_ index: Int) -> Bool {
        words[index &>> 6] & (1 &<< UInt64(truncatingIfNeeded: index & 63)) != 0
    }

    @inlinable
    public mutating func insert(_ index: Int) {
        let word = index &>> 6
        words[word] |= 1 &<< UInt64(truncatingIfNeeded: index & 63)
        summary[word &>> 6] |= 1 &<< UInt64(truncatingIfNeeded: word & 63)
    }

    @inlinable
    public mutating func remove(_ index: Int) {
        let word = index &>> 6
        words[word] &= ~(1 &<< UInt64(truncatingIfNeeded: index & 63))
        if words[word] == 0 { summary[word &>> 6] &= ~(1 &<< UInt64(truncatingIfNeeded: word & 63)) }
    }

    /// The first index of the set that is not below `index`; nil when there is none.
    @inlinable
    public func first(from index: Int) -> Int? {
        var word = index &>> 6
        guard word < words.count else { return nil }
        var bits = words[word] & (UInt64.max &<< UInt64(truncatingIfNeeded: index & 63))
        if bits == 0 {
            guard let next = nextWord(from: word &+ 1) else { return nil }
            word = next
            bits = words[word]
        }
        return word &<< 6 &+ bits.trailingZeroBitCount
    }

    /// The first word that is not empty and not below `word`.
    @inlinable
    func nextWord(from word: Int) -> Int? {
        var group = word &>> 6
        guard group < summary.count else { return nil }
        var bits = summary[group] & (UInt64.max &<< UInt64(truncatingIfNeeded: word & 63))
        while bits == 0 {
            group &+= 1
            guard group < summary.count else { return nil }
            bits = summary[group]
        }
        return group &<< 6 &+ bits.trailingZeroBitCount
    }
}
