/// The endpoint with the fewest exchanges in flight for its weight: the smallest (load + 1) / weight.
///
/// The one more is the exchange about to start: it keeps a heavy endpoint ahead of a light one while both are idle.
/// Among equals one is drawn at random, each as likely as the others: a fixed order would send all of a quiet pool's
/// traffic to its first endpoint, and the same rotation in each worker would make workers choose alike.
///
/// Choose it when requests differ much in cost or last long. Loads are those of all workers; how exact a pick is in a
/// group of more than 32 endpoints, and what it costs, `LeastCost` says.
public struct LeastConnections: Sendable {
    @usableFromInline var search: LeastCost

    init(_ endpoints: EndpointTable, seed: UInt64) {
        search = LeastCost(endpoints, seed: seed)
        for index in 0..<endpoints.count { changed(index, in: endpoints) }
    }

    /// Notes that the endpoint's weight has changed, or its being a candidate.
    mutating func changed(_ index: Int, in endpoints: EndpointTable) {
        search.changed(index, in: endpoints, rule: LoadByWeight(), now: 0)
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        search.pick(from: endpoints, excluding: tried, load: load, rule: LoadByWeight(), now: 0)
    }

    @inlinable
    mutating func started(_ index: Int, load: Int, in endpoints: borrowing EndpointTable) {
        guard search.holds(index) else { return }
        search.changed(index, load: load, in: endpoints, rule: LoadByWeight(), now: 0)
    }

    @inlinable
    mutating func ended(_ index: Int, load: Int, in endpoints: borrowing EndpointTable) {
        search.changed(index, load: load, in: endpoints, rule: LoadByWeight(), now: 0)
    }
}
