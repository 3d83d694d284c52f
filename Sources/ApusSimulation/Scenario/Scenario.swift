import ApusBalancing
public import ApusModel

/// Everything that a simulation is decided by: the same scenario gives the same result, to the last digit.
public struct Scenario: Sendable {
    /// The configuration, reduced to the simulated pool and one worker.
    public private(set) var snapshot: Snapshot
    /// Requests per second, in all: Poisson arrivals, spread over the balancers at random.
    public var load = 1000.0
    /// How long requests arrive, in microseconds. What is in flight then is followed to its end.
    public var duration: VirtualTime = 60_000_000
    /// Balancers in front of the same origins. They share nothing.
    public var balancers = 1
    public var origins = OriginModel()
    public var faults: [Fault] = []
    /// What the machine that the balancers run on lacks, and when.
    public var shortages: [MachineShortage] = []
    /// Routes of some of the requests. All others are of one that says nothing of its own.
    public var routes: [RouteShare] = []
    /// The configuration's routes to the pool.
    public let knownRoutes: [Route]
    /// Clients that leave if they are not answered in time; nil for none.
    public var impatience: Impatience?
    /// The share of probes that get no answer, whatever the origin is like, 0 to 1.
    public var lostProbes = 0.0
    /// How many different clients the requests come from, which matters to hashes and sessions.
    public var clients = 10_000
    /// The share of requests whose method is idempotent, and which may be sent again, 0 to 1.
    public var idempotentShare = 1.0
    /// From the control plane's decision until the worker picks by it, in microseconds.
    public var reactionDelay: VirtualTime = 500
    public var seed: UInt64 = 1

    /// - Parameter pool: the pool to simulate, as an index into `snapshot.pools`. A fallback pool is not simulated:
    ///   requests that would go there count as answered by the fallback.
    public init(snapshot: Snapshot, pool index: Int) {
        var pool = snapshot.pools[index]
        let endpoints = snapshot.endpoints[pool.endpoints].map { endpoint in
            var endpoint = endpoint
            endpoint.pool = 0
            return endpoint
        }
        pool.endpoints = endpoints.indices
        knownRoutes = snapshot.routes.filter { route in route.pools.contains { $0.pool == index } }
        if case .pool = pool.fallback { pool.fallback = .response(FallbackResponse()) }
        self.snapshot = Self.reduced(snapshot, pool, endpoints)
    }

    public var pool: Pool { snapshot.pools[0] }
    public var endpointCount: Int { snapshot.endpoints.count }

    /// The same, with the pool changed.
    public func changingPool(_ change: (inout Pool) -> Void) -> Scenario {
        var copy = self
        var pool = pool
        change(&pool)
        copy.snapshot = Self.reduced(snapshot, pool, snapshot.endpoints)
        return copy
    }

    /// The snapshot of one of the balancers: alike but for its name, by which subsets of large pools differ.
    func snapshot(balancer: Int) -> Snapshot {
        guard balancers > 1 else { return snapshot }
        return Self.reduced(snapshot, pool, snapshot.endpoints, node: "\(snapshot.node)-\(balancer + 1)")
    }

    private static func reduced(
        _ snapshot: Snapshot, _ pool: Pool, _ endpoints: [Endpoint], node: String? = nil
    ) -> Snapshot {
        Snapshot(
            workers: 1, listeners: [], routes: [], pools: [pool], endpoints: endpoints, timeouts: snapshot.timeouts,
            limits: snapshot.limits, node: node ?? snapshot.node, zone: snapshot.zone)
    }

    /// What an endpoint is called in results and on the command line: the pool's name and its place, from 1.
    public func name(_ endpoint: Int) -> String { "\(pool.name)-\(endpoint + 1)" }
}
