/// Of two candidates drawn at random, the one that should answer sooner: its latency times what it has in flight, over
/// its weight.
///
/// The latency is a moving average that jumps to a peak at once and comes down from it slowly (`ResponseTimes.peaks`):
/// an endpoint that becomes slow loses its traffic with its first slow answer, and proves itself little by little. The
/// algorithm is that of Twitter's Finagle (`Balancers.p2cPeakEwma`), which linkerd uses for every request; the choice of two
/// is as in `LeastRequests`. Latencies are what this worker saw, loads are those of all workers.
///
/// Choose it when endpoints differ in speed, or may become slow without failing. An endpoint that fails
/// fast counts as if it were as slow as the others; to have it left alone, let outliers be ejected. Cost: constant; two reads of shared counters.
public struct PeakEWMA: Sendable {
    @usableFromInline var candidates: CandidateDraw
    @usableFromInline var random: SplitMix64
    @usableFromInline var times: ResponseTimes

    init(_ endpoints: EndpointTable, seed: UInt64) {
        candidates = CandidateDraw(endpoints, isWeighted: true)
        random = SplitMix64(seed: seed)
        times = ResponseTimes(.peaks, count: endpoints.count)
    }

    /// Notes that the endpoint's weight has changed, or its being a candidate.
    mutating func changed(_ index: Int, in endpoints: EndpointTable) {
        candidates.changed(index, in: endpoints)
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load, now: Int64
    ) -> Int? {
        let one = candidates.draw(from: endpoints, excluding: tried, load: load, random: &random)
        guard let one, endpoints.candidateCount > 1 else { return one }
        let two = candidates.draw(from: endpoints, excluding: tried, other: one, load: load, random: &random)
        guard let two else { return one }
        let costOfOne = times.expected(one, now: now) * Double((max(0, load.load(one)) &+ 1) &* endpoints.weight(two))
        let costOfTwo = times.expected(two, now: now) * Double((max(0, load.load(two)) &+ 1) &* endpoints.weight(one))
        return costOfTwo < costOfOne ? two : one
    }

    @inlinable
    mutating func started(_ index: Int) { times.started(index) }

    @inlinable
    mutating func ended(_ index: Int) { times.ended(index) }

    @inlinable
    mutating func answered(_ index: Int, after microseconds: Int64, isFailure: Bool = false, now: Int64) {
        times.answered(index, after: microseconds, isFailure: isFailure, now: now)
    }
}
