/// The first candidate, in the pool's order, that is not saturated: endpoints are filled one after the other.
///
/// HAProxy's `first`. Choose it to leave as many endpoints as possible idle, so that they can be stopped or sleep; give
/// endpoints a limit of connections or requests, or the first one gets everything. Latency is that of full endpoints.
///
/// In groups of more than 32 endpoints, those found saturated are remembered and not asked again until an exchange of
/// this worker on them ends; besides, each pick asks the next 8 candidates in rotation. Before nothing is found, all
/// candidates are asked: nil is always exact. Cost: a few steps.
public struct FirstFit: Sendable {
    static let smallGroup = 32
    @usableFromInline static var refreshes: Int { 8 }

    @usableFromInline let isSmall: Bool
    /// Candidates that have not been found saturated.
    @usableFromInline var open: EndpointSet
    /// Which of the candidates is asked again next, as a place in the table's list.
    @usableFromInline var turn = 0

    init(_ endpoints: EndpointTable) {
        isSmall = endpoints.count <= Self.smallGroup
        open = EndpointSet(count: isSmall ? 0 : endpoints.count)
        for index in 0..<endpoints.count { changed(index, in: endpoints) }
    }

    /// Notes that the endpoint may have become a candidate, or ceased to be one, or that it may have room again.
    @inlinable
    mutating func changed(_ index: Int, in endpoints: borrowing EndpointTable) {
        guard !isSmall else { return }
        if endpoints.isCandidate(index) { open.insert(index) } else { open.remove(index) }
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        if !isSmall {
            refresh(endpoints, load: load)
            var from = 0
            while let index = open.first(from: from) {
                from = index &+ 1
                if tried.contains(index) { continue }
                if !load.isSaturated(index) { return index }
                open.remove(index)
            }
        }
        var walk = CandidateWalk()
        while let index = endpoints.next(&walk) {
            if !tried.contains(index), !load.isSaturated(index) { return index }
        }
        return nil
    }

    /// Asks the next few candidates whether they are still saturated.
    @inlinable
    mutating func refresh<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ endpoints: borrowing EndpointTable, load: borrowing Load
    ) {
        for _ in 0..<min(Self.refreshes, endpoints.candidateCount) {
            if turn >= endpoints.candidateCount { turn = 0 }
            let index = endpoints.candidate(at: turn)
            turn &+= 1
            if !open.contains(index), !load.isSaturated(index) { open.insert(index) }
        }
    }
}
