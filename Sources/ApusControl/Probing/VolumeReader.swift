import ApusBalancing
import ApusModel

/// What endpoints did since they were last asked about, from the workers' counters.
struct VolumeReader {
    private var layout: CounterLayout
    private var pools: [Range<Int>]
    /// Of each pool, how many of its endpoints are not retired.
    private var presentCounts: [Int]
    /// Nil between a reload and the counters that follow from it.
    private var counters: (any CounterSource)?
    /// What the counters said the last time, by endpoint.
    private var last: [EndpointVolume]

    init(_ snapshot: Snapshot, _ counters: (any CounterSource)?) {
        layout = snapshot.counterLayout
        pools = snapshot.pools.map(\.endpoints)
        presentCounts = snapshot.pools.map { snapshot.presentEndpoints(of: $0).count }
        self.counters = counters
        last = Array(repeating: EndpointVolume(), count: snapshot.endpoints.count)
    }

    /// Whether counters can be read: not while the workers go over to another snapshot.
    var isReady: Bool { counters != nil }

    /// Goes over to the succession's snapshot: what endpoints that live on had done is kept under their new indices. There
    /// is nothing to be read until `use`.
    mutating func adopt(_ succession: Succession) {
        let snapshot = succession.snapshot
        layout = snapshot.counterLayout
        pools = snapshot.pools.map { $0.endpoints }
        presentCounts = snapshot.pools.map { snapshot.presentEndpoints(of: $0).count }
        counters = nil
        succession.endpoints.carry(&last) { _ in EndpointVolume() }
    }

    /// Reads these counters from now on. They begin with what those before had.
    mutating func use(_ counters: any CounterSource) { self.counters = counters }

    /// What each endpoint of the pool that is not retired did since the last call for it, or since the start.
    mutating func next(ofPool pool: Int) -> [EndpointVolume] {
        let volumes = pools[pool].map { endpoint in
            let now = read(endpoint)
            let before = last[endpoint]
            last[endpoint] = now
            return EndpointVolume(
                requests: now.requests - before.requests, failures: now.failures - before.failures,
                responses: now.responses - before.responses,
                microseconds: now.microseconds - before.microseconds)
        }
        return Array(volumes.prefix(presentCounts[pool]))
    }

    private func read(_ endpoint: Int) -> EndpointVolume {
        guard let counters else { return last[endpoint] }
        func count(_ counter: CounterLayout.EndpointCounter) -> Int {
            Int(truncatingIfNeeded: counters.total(layout.endpoint(endpoint, counter)))
        }
        // These two first: what is counted in between makes an endpoint look better, not worse.
        let failures = count(.failures)
        let microseconds = Int64(count(.responseMicroseconds))
        return EndpointVolume(
            requests: count(.exchangesEnded), failures: failures, responses: count(.responses),
            microseconds: microseconds)
    }
}
