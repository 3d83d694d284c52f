import ApusBalancing
import ApusModel

/// One balancer: one worker's decisions, and its control plane's.
struct SimulatedBalancer: Sendable {
    var dispatcher: PoolDispatcher
    var upstreams: [UpstreamConnectionPool]
    private(set) var load: InFlight
    /// Endpoints to which the latest connect failed.
    var hasFailed: [Bool]
    /// Places that have become free, and have not been offered to those who wait.
    var room = 0
    var control: SimulatedControlPlane
    /// What the endpoints did since the control plane last looked.
    private var volumes: [EndpointVolume]
    private let poolLimit: Int

    /// The exchanges in flight on each endpoint.
    struct InFlight: EndpointLoad, Sendable {
        var counts: [Int]
        var all = 0
        let limit: Int
        let tellsTotal: Bool

        func load(_ index: Int) -> Int { counts[index] }
        func isSaturated(_ index: Int) -> Bool { counts[index] >= limit }
        var total: Int? { tellsTotal ? all : nil }
    }

    init(_ index: Int, of scenario: Scenario, randomness: Randomness) {
        let snapshot = scenario.snapshot(balancer: index)
        let pool = snapshot.pools[0]
        let count = snapshot.endpoints.count
        var random = randomness.stream(.balancers, UInt64(index))
        dispatcher = PoolDispatcher(pool: 0, of: snapshot, worker: 0, seed: random.next(), now: 0)
        upstreams = snapshot.endpoints.map { _ in UpstreamConnectionPool(pool.connections) }
        load = InFlight(
            counts: Array(repeating: 0, count: count), limit: pool.requests.perEndpoint ?? .max,
            tellsTotal: pool.requests.perPool != nil || (pool.balance == .hash && pool.hash.loadFactor != nil))
        poolLimit = pool.requests.perPool ?? .max
        hasFailed = Array(repeating: false, count: count)
        volumes = Array(repeating: EndpointVolume(), count: count)
        control = SimulatedControlPlane(snapshot, seed: random.next())
    }

    /// Where the next attempt goes; saturated also when the pool has as much as it may have.
    mutating func choose(_ request: SimulatedRequest, mayReturn: Bool, now: VirtualTime) -> PoolDispatcher.Choice {
        guard load.all < poolLimit else { return .saturated }
        return dispatcher.choose(request.pick, load: load, excluding: request.tried, orTried: mayReturn, now: now)
    }

    /// A place at the endpoint and a connection to it; nil when either is not to be had.
    mutating func lease(_ endpoint: Int, isFresh: Bool) -> UpstreamConnectionPool.LeaseAction? {
        guard load.all < poolLimit, load.counts[endpoint] < load.limit else { return nil }
        let lease = isFresh ? upstreams[endpoint].leaseFresh() : upstreams[endpoint].lease()
        guard lease != .refuse else { return nil }
        load.counts[endpoint] += 1
        load.all += 1
        return lease
    }

    mutating func attemptStarted(_ endpoint: Int, now: VirtualTime) -> AttemptReport {
        dispatcher.attemptStarted(endpoint, load: load.counts[endpoint], now: now)
    }

    mutating func attemptEnded(_ endpoint: Int, wasJudged: Bool, admitted: VirtualTime, now: VirtualTime) {
        load.counts[endpoint] -= 1
        load.all -= 1
        dispatcher.attemptEnded(
            endpoint, wasJudged: wasJudged, admitted: admitted, load: load.counts[endpoint], now: now)
        if dispatcher.waitingCount > 0 { room += 1 }
    }

    // MARK: - What the control plane compares

    /// What an attempt came to.
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
