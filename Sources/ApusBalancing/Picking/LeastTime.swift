/// The endpoint that should answer soonest: the smallest mean response time * (load + 1) / weight, over all candidates.
///
/// As nginx Plus has it under `least_time`: the mean is a moving average to which fast and slow answers count alike
/// (`ResponseTimes.mean`), as this worker saw them; the load is that of all workers. Against `PeakEWMA` it looks at every
/// endpoint and not at two, and forgives a single slow answer: it is steadier where times differ from request to request
/// more than from endpoint to endpoint, and slower to leave an endpoint that becomes slow. Where several balancers share
/// endpoints, all of them like the same one best; prefer `PeakEWMA` there.
///
/// Choose it when endpoints differ in speed for good. An endpoint that fails fast counts as if it were as slow as the others: have failures taken note of
/// too. How exact a pick is in a group of more than 32 endpoints, and what it costs, `LeastCost` says; times decay in the
/// tree when an endpoint's turn in the rotation comes.
public struct LeastTime: Sendable {
    @usableFromInline var search: LeastCost
    @usableFromInline var times: ResponseTimes
    /// Of the last pick or answer.
    @usableFromInline var now: Int64 = 0

    init(_ endpoints: EndpointTable, seed: UInt64) {
        search = LeastCost(endpoints, seed: seed)
        times = ResponseTimes(.mean, count: endpoints.count)
        for index in 0..<endpoints.count { changed(index, in: endpoints) }
    }

    /// Notes that the endpoint's weight has changed, or its being a candidate.
    mutating func changed(_ index: Int, in endpoints: EndpointTable) {
        search.changed(index, in: endpoints, rule: times, now: now)
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load, now: Int64
    ) -> Int? {
        self.now = now
        return search.pick(from: endpoints, excluding: tried, load: load, rule: times, now: now)
    }

    @inlinable
    mutating func started(_ index: Int, load: Int, in endpoints: borrowing EndpointTable) {
        times.started(index)
        guard search.holds(index) else { return }
        search.changed(index, load: load, in: endpoints, rule: times, now: now)
    }

    @inlinable
    mutating func ended(_ index: Int, load: Int, in endpoints: borrowing EndpointTable) {
        times.ended(index)
        search.changed(index, load: load, in: endpoints, rule: times, now: now)
    }

    @inlinable
    mutating func answered(
        _ index: Int, after microseconds: Int64, isFailure: Bool = false, in endpoints: borrowing EndpointTable,
        now: Int64
    ) {
        self.now = now
        times.answered(index, after: microseconds, isFailure: isFailure, now: now)
        guard search.holds(index) else { return }
        search.changed(index, in: endpoints, rule: times, now: now)
    }
}
