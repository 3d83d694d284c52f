/// An endpoint at random: every candidate is as likely, or each as its weight says.
///
/// Choose it when many balancers share endpoints and none should have to remember anything: unlike turns, chance cannot
/// fall in step. Loads spread more widely than with turns or with any algorithm that looks at load. Cost: constant
/// (`CandidateDraw`); by weight it is Walker's and Vose's alias table.
public struct RandomChoice: Sendable {
    @usableFromInline var candidates: CandidateDraw
    @usableFromInline var random: SplitMix64

    init(_ endpoints: EndpointTable, isWeighted: Bool, seed: UInt64) {
        candidates = CandidateDraw(endpoints, isWeighted: isWeighted)
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
        candidates.draw(from: endpoints, excluding: tried, load: load, random: &random)
    }
}
