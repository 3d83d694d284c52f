import ApusBalancing
import ApusModel

/// One balancer: one worker's decisions, and its control plane's.
struct SimulatedBalancer: Sendable {
    var dispatcher: PoolDispatcher
    var upstreams: [UpstreamConnectionPool]
    var load: InFlight
    /// Endpoints to which the latest connect failed.
    var hasFailed: [Bool]
    var control: SimulatedControlPlane
    /// What the endpoints did since the control plane last looked.
    private var volumes: [EndpointVolume]

    /// The exchanges in flight on each endpoint, and which endpoints can take no more connections.
    struct InFlight: EndpointLoad, Sendable {
        var counts: [Int]
        var isFull: [Bool]

        func load(_ index: Int) -> Int { counts[index] }
        func isSaturated(_ index: Int) -> Bool { isFull[index] }
    }

    init(_ index: Int, of scenario: Scenario, randomness: Randomness) {
        let snapshot = scenario.snapshot(balancer: index)
        var random = randomness.stream(.balancers, UInt64(index))
        dispatcher = PoolDispatcher(pool: 0, of: snapshot, worker: 0, seed: random.next(), now: 0)
        upstreams = snapshot.endpoints.map { _ in UpstreamConnectionPool(snapshot.pools[0].connections) }
        load = InFlight(
            counts: Array(repeating: 0, count: snapshot.endpoints.count),
            isFull: Array(repeating: false, count: snapshot.endpoints.count))
        hasFailed = snapshot.endpoints.map { _ in false }
        volumes = snapshot.endpoints.map { _ in EndpointVolume() }
        control = SimulatedControlPlane(snapshot, seed: random.next())
    }

    mutating func choose(_ request: SimulatedRequest, now: VirtualTime) -> PoolDispatcher.Choice {
        dispatcher.choose(
            request.pick, load: load, excluding: request.tried, orTried: request.mayReturn, now: now)
    }

    mutating func lease(_ endpoint: Int, isFresh: Bool) -> UpstreamConnectionPool.LeaseAction {
        defer { load.isFull[endpoint] = upstreams[endpoint].isSaturated }
        return isFresh ? upstreams[endpoint].leaseFresh() : upstreams[endpoint].lease()
    }

    /// The exchange on a connection is over, and nothing is wrong with it. Whether it is kept.
    mutating func released(_ connection: SlotHandle, of endpoint: Int) -> Bool {
        defer { load.isFull[endpoint] = upstreams[endpoint].isSaturated }
        return upstreams[endpoint].released(connection.index, isReusable: true) == .keep
    }

    mutating func closed(_ connection: SlotHandle, of endpoint: Int, whileIdle: Bool) {
        upstreams[endpoint].closed(connection.index, whileIdle: whileIdle)
        load.isFull[endpoint] = upstreams[endpoint].isSaturated
    }

    mutating func connectFailed(_ endpoint: Int) {
        upstreams[endpoint].connectFailed()
        load.isFull[endpoint] = upstreams[endpoint].isSaturated
    }

    mutating func attemptStarted(_ endpoint: Int, now: VirtualTime) {
        load.counts[endpoint] += 1
        dispatcher.attemptStarted(endpoint, load: load.counts[endpoint], now: now)
    }

    mutating func attemptEnded(_ endpoint: Int, wasJudged: Bool, now: VirtualTime) {
        load.counts[endpoint] -= 1
        dispatcher.attemptEnded(endpoint, wasJudged: wasJudged, load: load.counts[endpoint], now: now)
    }

    /// What an attempt came to, for the comparison of endpoints.
    mutating func count(_ endpoint: Int, isFailure: Bool, latency: VirtualTime?) {
        volumes[endpoint].requests += 1
        if isFailure { volumes[endpoint].failures += 1 }
        guard let latency else { return }
        volumes[endpoint].responses += 1
        volumes[endpoint].microseconds += latency
    }

    mutating func takeVolumes() -> [EndpointVolume] {
        defer { for endpoint in volumes.indices { volumes[endpoint] = EndpointVolume() } }
        return volumes
    }
}
