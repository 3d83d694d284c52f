/// What a worker knows about a pool's endpoints before it picks one: their weights and which of them are available.
///
/// A candidate is an endpoint that is available and has a weight above 0. Candidates are kept as a bit set, so that
/// finding the next one costs one step per 64 endpoints however many are down. Every endpoint starts available.
public struct EndpointTable: Sendable {
    /// How many endpoints the pool has.
    public let count: Int
    /// How many endpoints are candidates. At 0 a pool has nobody to send a request to.
    public internal(set) var candidateCount = 0
    /// How many endpoints are available, those with weight 0 included.
    public private(set) var availableCount: Int
    @usableFromInline let weights: [Int32]
    private var available: [Bool]
    @usableFromInline var candidates: [UInt64]

    /// - Parameter weights: of each endpoint in the pool's order, 0 to 65,535.
    public init(weights: [Int]) {
        count = weights.count
        availableCount = weights.count
        self.weights = weights.map(Int32.init)
        available = Array(repeating: true, count: weights.count)
        candidates = Array(repeating: 0, count: (weights.count + 63) / 64)
        for index in weights.indices { refreshCandidate(index) }
    }

    public func isAvailable(_ index: Int) -> Bool { available[index] }

    /// Notes that the endpoint may, or may no longer, be picked. Saying the same again changes nothing.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        guard available[index] != isAvailable else { return }
        available[index] = isAvailable
        availableCount += isAvailable ? 1 : -1
        refreshCandidate(index)
    }

    @inlinable
    public func weight(_ index: Int) -> Int { Int(weights[index]) }

    /// The first candidate from `index` on; nil when there is none up to the pool's end.
    @inlinable
    public func candidate(from index: Int) -> Int? {
        guard index < count else { return nil }
        var word = index &>> 6
        var bits = candidates[word] & (UInt64.max &<< UInt64(truncatingIfNeeded: index & 63))
        while bits == 0 {
            word &+= 1
            guard word < candidates.count else { return nil }
            bits = candidates[word]
        }
        return word &<< 6 &+ bits.trailingZeroBitCount
    }

    /// The next candidate of a walk over all of them; nil when the walk is over.
    @inlinable
    public func next(_ walk: inout CandidateWalk) -> Int? {
        while walk.bits == 0 {
            guard walk.word < candidates.count else { return nil }
            walk.bits = candidates[walk.word]
            walk.word &+= 1
        }
        let index = (walk.word &- 1) &<< 6 &+ walk.bits.trailingZeroBitCount
        walk.bits &= walk.bits &- 1
        return index
    }

    private mutating func refreshCandidate(_ index: Int) {
        let bit: UInt64 = 1 << UInt64(index % 64)
        let was = candidates[index / 64] & bit != 0
        let isNow = available[index] && weights[index] > 0
        guard was != isNow else { return }
        candidates[index / 64] ^= bit
        candidateCount += isNow ? 1 : -1
    }
}

/// Where a walk over the candidates of an `EndpointTable` stands: begins before the first.
public struct CandidateWalk: Sendable {
    /// The word to look at when `bits` is used up.
    @usableFromInline var word = 0
    /// Candidates of the word before that are still to come.
    @usableFromInline var bits: UInt64 = 0

    @inlinable
    public init() {}
}
