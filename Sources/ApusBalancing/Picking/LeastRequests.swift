/// Power of two choices (p2c): of two candidates drawn at random, the one with fewer exchanges in flight for its weight: (load + 1) / weight.
///
/// Mitzenmacher: "The power of two choices in randomized load balancing", IEEE Transactions on Parallel and Distributed
/// Systems 12, 2001. Two choices keep the longest queue exponentially shorter than one choice does, and unlike the least
/// of all they do not send every balancer to the same endpoint at the same moment. The two are different ones, drawn by
/// weight: a heavy endpoint must be met often enough to get its share.
///
/// Choose it for large groups, for several balancers, and whenever requests differ in cost. Cost: constant; two reads of
/// shared counters.
public struct LeastRequests: Sendable {
    @usableFromInline var candidates: CandidateDraw
    @usableFromInline var random: SplitMix64

    init(_ endpoints: EndpointTable, seed: UInt64) {
        candidates = CandidateDraw(endpoints, isWeighted: true)
        random = SplitMix64(seed: seed)
    }

    /// Notes that the endpoint's weight has changed, or its being a candidate.
    mutating func changed(_ index: Int, in endpoints: EndpointTable) {
        candidates.changed(index, in: endpoints)
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        let one = candidates.draw(from: endpoints, excluding: tried, load: load, random: &random)
        guard let one, endpoints.candidateCount > 1 else { return one }
        let two = candidates.draw(from: endpoints, excluding: tried, other: one, load: load, random: &random)
        guard let two else { return one }
        // Cross multiplication instead of division: exact. Among equals the first drawn, which is random already.
        let costOfOne = (max(0, load.load(one)) &+ 1) &* endpoints.weight(two)
        let costOfTwo = (max(0, load.load(two)) &+ 1) &* endpoints.weight(one)
        return costOfTwo < costOfOne ? two : one
    }
}
