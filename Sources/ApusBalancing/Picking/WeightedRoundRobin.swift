/// Round robin by weight, without bursts and exact over every full cycle, for groups of any size.
///
/// Groups of up to 32 endpoints get nginx's sequence (`SmoothWeightedRoundRobin`: 5, 1, 1 give a a b a c a a), which
/// costs a step per candidate; larger ones are picked by deadline (`DeadlineRoundRobin`), which costs a logarithm and
/// spreads endpoints as evenly, in an order of its own.
///
/// Choose it when endpoints differ in capacity and requests cost about the same.
public struct WeightedRoundRobin: Sendable {
    static let smallGroup = 32

    @usableFromInline let isSmall: Bool
    @usableFromInline var smooth: SmoothWeightedRoundRobin
    @usableFromInline var deadlines: DeadlineRoundRobin

    /// - Parameter skipped: how many picks of the sequence to leave to others.
    init(_ endpoints: EndpointTable, skipping skipped: Int) {
        isSmall = endpoints.count <= Self.smallGroup
        smooth = SmoothWeightedRoundRobin(isSmall ? endpoints : EndpointTable(weights: []))
        deadlines = DeadlineRoundRobin(isSmall ? EndpointTable(weights: []) : endpoints)
        for _ in 0..<skipped {
            _ = pick(from: endpoints, excluding: TriedEndpoints(), load: NoLoad())
        }
    }

    /// Notes that the endpoint's weight has changed, from `old`, or its being a candidate.
    mutating func changed(_ index: Int, from old: Int, in endpoints: EndpointTable) {
        if isSmall {
            smooth.changed(index, from: old, in: endpoints)
        } else {
            deadlines.changed(index, from: old, in: endpoints)
        }
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        isSmall
            ? smooth.pick(from: endpoints, excluding: tried, load: load)
            : deadlines.pick(from: endpoints, excluding: tried, load: load)
    }
}

/// The load of endpoints on which nothing is in flight.
struct NoLoad: EndpointLoad {
    func load(_ index: Int) -> Int { 0 }
}
