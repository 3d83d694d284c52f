import ApusBalancing
import ApusModel

/// What endpoints did since they were last asked about, from the workers' counters.
struct VolumeReader {
    private let layout: CounterLayout
    private let pools: [Range<Int>]
    /// What the counters said the last time, by endpoint.
    private var last: [EndpointVolume]

    init(_ snapshot: Snapshot) {
        layout = CounterLayout(snapshot)
        pools = snapshot.pools.map(\.endpoints)
        last = Array(repeating: EndpointVolume(), count: snapshot.endpoints.count)
    }

    /// What each endpoint of the pool did since the last call for it, or since the start.
    mutating func next(ofPool pool: Int, _ link: any DataPlaneLink) -> [EndpointVolume] {
        pools[pool].map { endpoint in
            func count(_ counter: CounterLayout.EndpointCounter) -> Int {
                Int(truncatingIfNeeded: link.total(layout.endpoint(endpoint, counter)))
            }
            // These two first: what is counted in between makes an endpoint look better, not worse.
            let failures = count(.failures)
            let microseconds = Int64(count(.responseMicroseconds))
            let now = EndpointVolume(
                requests: count(.exchangesEnded), failures: failures, responses: count(.responses),
                microseconds: microseconds)
            let before = last[endpoint]
            last[endpoint] = now
            return EndpointVolume(
                requests: now.requests - before.requests, failures: now.failures - before.failures,
                responses: now.responses - before.responses,
                microseconds: now.microseconds - before.microseconds)
        }
    }
}
