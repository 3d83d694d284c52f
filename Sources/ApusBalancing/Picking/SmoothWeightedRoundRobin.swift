/// Round robin by weight, without bursts: weights 5, 1, 1 give a a b a c a a, never a a a a a b c.
///
/// The algorithm is the one that nginx uses for its upstreams: each candidate gains its weight, the richest is picked
/// and pays what all gained together. Over any full cycle every endpoint is picked exactly as often as its weight
/// says. An endpoint that is down neither gains nor pays and continues where it stood.
///
/// Choose it when endpoints differ in capacity and requests cost about the same. Cost: one step per candidate,
/// whatever the weights.
public struct SmoothWeightedRoundRobin: Sendable {
    /// What each endpoint has gained less what it has paid.
    @usableFromInline var credit: [Int]

    public init(count: Int) {
        credit = Array(repeating: 0, count: count)
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        var credit = self.credit.mutableSpan
        var richest: Int?
        var most = Int.min
        var gained = 0
        var walk = CandidateWalk()
        while let index = endpoints.next(&walk) {
            if tried.contains(index) || load.isSaturated(index) { continue }
            let weight = endpoints.weight(index)
            gained &+= weight
            credit[index] &+= weight
            if credit[index] > most {
                most = credit[index]
                richest = index
            }
        }
        if let richest { credit[richest] &-= gained }
        return richest
    }
}
