import ApusBalancing
import ApusExchange
import ApusModel

/// One balancer: one worker's decisions, and its control plane's.
struct SimulatedBalancer: Sendable {
    var origins: Origins<SimulatedCounts>
    /// Requests in flight of each route that limits them.
    var routeLoads: SimulatedCounts
    /// Endpoints to which the latest connect failed.
    var hasFailed: [Bool]
    /// Places that have become free, and have not been offered to those who wait.
    var room = 0
    var control: SimulatedControlPlane
    /// What the endpoints did since the control plane last looked.
    private var volumes: [EndpointVolume]

    init(_ index: Int, of scenario: Scenario, randomness: Randomness) {
        let snapshot = scenario.snapshot(balancer: index)
        let count = snapshot.endpoints.count
        var random = randomness.stream(.balancers, UInt64(index))
        origins = Origins(
            of: snapshot, worker: 0, seed: random.next(), loads: SimulatedCounts(count), poolLoads: SimulatedCounts(1),
            waiting: SimulatedCounts(1), now: 0)
        routeLoads = SimulatedCounts(scenario.routes.count + 1)
        hasFailed = Array(repeating: false, count: count)
        volumes = Array(repeating: EndpointVolume(), count: count)
        control = SimulatedControlPlane(snapshot, seed: random.next())
    }

    /// What chooses among the endpoints of the only pool.
    var dispatcher: PoolDispatcher {
        get { origins.dispatchers[0] }
        _modify { yield &origins.dispatchers[0] }
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

/// What one balancer has in flight. It shares its counts with nobody.
struct SimulatedCounts: LoadCounts, Sendable {
    private var counts: [Int]

    init(_ count: Int) { counts = Array(repeating: 0, count: count) }

    func value(_ index: Int) -> Int { counts[index] }

    mutating func add(_ amount: Int, to index: Int) -> Int {
        counts[index] += amount
        return counts[index]
    }
}
