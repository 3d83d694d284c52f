/// What a worker knows about a group's endpoints before it picks one: their weights and which of them are available.
///
/// A candidate is an endpoint that is available and has a weight above 0. Candidates are kept in order as a set, for
/// finding the next one, and without order as a list, for drawing one at random. Every endpoint starts available. Cost:
/// every question and every change is a few steps, however many endpoints there are and however many of them are down.
public struct EndpointTable: Sendable {
    /// How many endpoints the group has.
    public let count: Int
    /// How many endpoints are available, those with weight 0 included.
    public private(set) var availableCount: Int
    /// The weights of all candidates together.
    public private(set) var candidateWeight = 0
    /// Whether every candidate has the same weight.
    public private(set) var isUniform = true
    @usableFromInline var weights: [Int32]
    private var available: [Bool]
    @usableFromInline var candidates: EndpointSet
    /// The candidates in no particular order.
    @usableFromInline var list: [Int32] = []
    /// Where in `list` a candidate stands.
    private var places: [Int32]
    private var squaredWeight: UInt64 = 0

    /// - Parameter weights: of each endpoint in the group's order, 0 to 65,535.
    public init(weights: [Int]) {
        count = weights.count
        availableCount = weights.count
        self.weights = weights.map(Int32.init)
        available = Array(repeating: true, count: weights.count)
        candidates = EndpointSet(count: weights.count)
        places = Array(repeating: -1, count: weights.count)
        list.reserveCapacity(weights.count)
        for index in weights.indices where weights[index] > 0 { enter(index) }
        refreshUniform()
    }

    // MARK: Questions

    /// How many endpoints are candidates. At 0 a group has nobody to send a request to.
    @inlinable
    public var candidateCount: Int { list.count }

    public func isAvailable(_ index: Int) -> Bool { available[index] }

    @inlinable
    public func isCandidate(_ index: Int) -> Bool { candidates.contains(index) }

    @inlinable
    public func weight(_ index: Int) -> Int { Int(weights[index]) }

    /// The first candidate from `index` on; nil when there is none up to the group's end.
    @inlinable
    public func candidate(from index: Int) -> Int? { candidates.first(from: index) }

    /// The candidate at `place`, from 0 below `candidateCount`, in an order that changes when candidates do.
    @inlinable
    public func candidate(at place: Int) -> Int { Int(list[place]) }

    /// The next candidate of a walk over all of them; nil when the walk is over.
    @inlinable
    public func next(_ walk: inout CandidateWalk) -> Int? {
        while walk.bits == 0 {
            guard let word = candidates.nextWord(from: walk.word) else { return nil }
            walk.bits = candidates.words[word]
            walk.word = word &+ 1
        }
        let index = (walk.word &- 1) &<< 6 &+ walk.bits.trailingZeroBitCount
        walk.bits &= walk.bits &- 1
        return index
    }

    // MARK: Changes

    /// Notes that the endpoint may, or may no longer, be picked. Saying the same again changes nothing.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        guard available[index] != isAvailable else { return }
        available[index] = isAvailable
        availableCount += isAvailable ? 1 : -1
        guard weights[index] > 0 else { return }
        if isAvailable { enter(index) } else { leave(index) }
        refreshUniform()
    }

    /// Notes the endpoint's weight from now on, 0 to 65,535; at 0 it is no candidate.
    public mutating func setWeight(_ index: Int, _ weight: Int) {
        guard weights[index] != weight else { return }
        if isCandidate(index) { leave(index) }
        weights[index] = Int32(weight)
        if available[index], weight > 0 { enter(index) }
        refreshUniform()
    }

    private mutating func enter(_ index: Int) {
        let weight = Int(weights[index])
        candidates.insert(index)
        places[index] = Int32(list.count)
        list.append(Int32(index))
        candidateWeight += weight
        squaredWeight &+= UInt64(weight * weight)
    }

    private mutating func leave(_ index: Int) {
        let weight = Int(weights[index])
        candidates.remove(index)
        let place = Int(places[index])
        let last = list.removeLast()
        if Int(last) != index {
            list[place] = last
            places[Int(last)] = Int32(place)
        }
        places[index] = -1
        candidateWeight -= weight
        squaredWeight &-= UInt64(weight * weight)
    }

    /// By the inequality of Cauchy and Schwarz: (sum of w)^2 = n * (sum of w^2) if and only if all w are the same.
    private mutating func refreshUniform() {
        let squareOfSum = UInt64(candidateWeight).multipliedFullWidth(by: UInt64(candidateWeight))
        let sumOfSquares = squaredWeight.multipliedFullWidth(by: UInt64(list.count))
        isUniform = squareOfSum == sumOfSquares
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
