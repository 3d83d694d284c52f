/// The endpoint with the fewest exchanges in flight for its weight: the smallest (load + 1) / weight.
///
/// The one more is the exchange about to start: it keeps a heavy endpoint ahead of a light one while both are idle.
/// Among equals one is drawn at random, each as likely as the others: a fixed order would send all of a quiet pool's
/// traffic to its first endpoint, and the same rotation in each worker would make workers choose alike.
///
/// Choose it when requests differ much in cost or last long. Cost: one step, and one read of a shared counter, per
/// candidate.
public struct LeastConnections: Sendable {
    @usableFromInline var random: SplitMix64

    public init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        var best: Int?
        var bestCost = 0
        var bestWeight = 0
        var equals = 0
        var walk = CandidateWalk()
        while let index = endpoints.next(&walk) {
            if tried.contains(index) || load.isSaturated(index) { continue }
            // Cross multiplication instead of division: exact, and no division per endpoint.
            let weight = endpoints.weight(index)
            let cost = max(0, load.load(index)) &+ 1
            let here = cost &* bestWeight
            let there = bestCost &* weight
            if best == nil || here < there {
                equals = 1
            } else if here == there {
                // The n-th equal takes the place with a chance of 1 in n, which leaves all n equally likely.
                equals &+= 1
                guard random.next(below: equals) == 0 else { continue }
            } else {
                continue
            }
            best = index
            bestCost = cost
            bestWeight = weight
        }
        return best
    }
}
