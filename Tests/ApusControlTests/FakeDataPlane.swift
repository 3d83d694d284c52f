import ApusBalancing
import ApusModel
import Synchronization

/// A data plane of one's own making: counters that tests set, facts that tests report, decisions that tests read.
final class FakeDataPlane: DataPlaneLink {
    struct Decision: Equatable {
        var endpoint: Int
        var available: Bool
    }

    let facts: AsyncStream<DataPlaneFact>
    /// What `setEndpoint` was told, in order.
    let decisions: AsyncStream<Decision>
    private let factSink: AsyncStream<DataPlaneFact>.Continuation
    private let decisionSink: AsyncStream<Decision>.Continuation
    private let counters: Mutex<[[UInt64]]>

    init(_ snapshot: Snapshot) {
        (facts, factSink) = AsyncStream.makeStream()
        (decisions, decisionSink) = AsyncStream.makeStream()
        let bank = [UInt64](repeating: 0, count: CounterLayout(snapshot).count)
        counters = Mutex(Array(repeating: bank, count: snapshot.workers))
    }

    func report(_ fact: DataPlaneFact) {
        factSink.yield(fact)
    }

    func endFacts() {
        factSink.finish()
    }

    func add(_ amount: UInt64, to slot: Int, worker: Int = 0) {
        counters.withLock { $0[worker][slot] += amount }
    }

    func setEndpoint(_ endpoint: Int, available: Bool) {
        decisionSink.yield(Decision(endpoint: endpoint, available: available))
    }

    func setWeight(_ endpoint: Int, _ weight: Int) {}

    func setBreaker(_ breaker: BreakerName, _ state: BreakerState, exceptWorker: Int) {}

    func total(_ slot: Int) -> UInt64 {
        counters.withLock { $0.reduce(0) { $0 + $1[slot] } }
    }

    func value(_ slot: Int, worker: Int) -> UInt64 {
        counters.withLock { $0[worker][slot] }
    }
}

extension Snapshot {
    /// One listener, one route, and a pool of the given endpoints.
    static func pool(
        _ addresses: [SocketAddress], health: HealthCheck = HealthCheck(), workers: Int = 1, admin: SocketAddress? = nil
    ) -> Snapshot {
        Snapshot(
            workers: workers,
            listeners: [Listener(name: "127.0.0.1:8080", bind: SocketAddress("127.0.0.1:0")!, routes: 0..<1)],
            routes: [Route(name: "*", pool: 0)],
            pools: [Pool(name: "web", health: health, endpoints: 0..<addresses.count)],
            endpoints: addresses.map { Endpoint(name: "\($0)", address: $0, pool: 0) },
            admin: admin)
    }
}

extension EndpointHealth.State {
    /// Down, by three probes that timed out.
    static var downAfterProbes: EndpointHealth.State {
        var health = EndpointHealth(HealthCheck(fall: 3))
        for second in 0..<3 { _ = health.probeFailed(now: Int64(second) * 1_000_000, .timedOut) }
        return health.state
    }
}
