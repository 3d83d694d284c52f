/// One endpoint after the other, weights aside (a weight of 0 is still respected).
///
/// Choose it when endpoints are alike and requests cost about the same. An endpoint that is passed over gives its turn
/// to the next, and the turn after that goes on from there, so that the rest stay even. Cost: constant while most
/// endpoints are up, one step per 64 endpoints when few are.
public struct RoundRobin: Sendable {
    /// The index whose turn it is.
    @usableFromInline var turn: Int

    /// - Parameter start: whose turn it is first. Workers that start at different endpoints do not march in step.
    public init(start: Int, count: Int) {
        turn = count == 0 ? 0 : start % count
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        var from = turn
        for _ in 0..<endpoints.candidateCount {
            guard let index = endpoints.candidate(from: from) ?? endpoints.candidate(from: 0) else { return nil }
            from = index &+ 1
            if tried.contains(index) || load.isSaturated(index) { continue }
            turn = from
            return index
        }
        return nil
    }
}
