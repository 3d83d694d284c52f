import ApusAddresses
import ApusBalancing
import ApusModel
import Synchronization

@testable import ApusControl

/// A data plane of one's own making: counters that tests set, facts that tests report, decisions that tests read.
final class FakeDataPlane: DataPlaneLink {
    struct Decision: Equatable {
        var endpoint: Int
        var available: Bool
    }

    struct BreakerDecision: Equatable {
        var breaker: BreakerName
        var state: BreakerState
        var exceptWorker: Int
    }

    let facts: AsyncStream<ReportedFact>
    /// What `setEndpoint` was told, in order.
    let decisions: AsyncStream<Decision>
    /// What `setBreaker` and `setWeight` were told, in order.
    var breakers: [BreakerDecision] { told.withLock { $0.breakers } }
    var weights: [[Int]] { told.withLock { $0.weights } }
    /// How often idle connections were to be given up.
    var givenUp: Int { told.withLock { $0.givenUp } }
    private let told = Mutex<(breakers: [BreakerDecision], weights: [[Int]], givenUp: Int)>(([], [], 0))
    private let factSink: AsyncStream<ReportedFact>.Continuation
    private let decisionSink: AsyncStream<Decision>.Continuation
    private let counters: Mutex<[[UInt64]]>

    init(_ snapshot: Snapshot) {
        (facts, factSink) = AsyncStream.makeStream()
        (decisions, decisionSink) = AsyncStream.makeStream()
        let bank = [UInt64](repeating: 0, count: snapshot.counterLayout.count)
        counters = Mutex(Array(repeating: bank, count: snapshot.workers))
    }

    func report(_ fact: DataPlaneFact) {
        factSink.yield(ReportedFact(epoch: 0, fact))
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

    func setWeight(_ endpoint: Int, _ weight: Int) {
        told.withLock { $0.weights.append([endpoint, weight]) }
    }

    func giveUpIdleConnections() {
        told.withLock { $0.givenUp += 1 }
    }

    func setBreaker(_ breaker: BreakerName, _ state: BreakerState, exceptWorker: Int) {
        told.withLock { $0.breakers.append(.init(breaker: breaker, state: state, exceptWorker: exceptWorker)) }
    }

    func total(_ slot: Int) -> UInt64 {
        counters.withLock { $0.reduce(0) { $0 + $1[slot] } }
    }

    func value(_ slot: Int, worker: Int) -> UInt64 {
        counters.withLock { $0[worker][slot] }
    }
}

extension Snapshot {
    /// One listener, one route, and a pool of the given endpoints, which `adjust` may change.
    static func pool(
        _ addresses: [SocketAddress], health: HealthCheck = HealthCheck(), workers: Int = 1,
        adjust: (inout Pool) -> Void = { _ in }
    ) -> Snapshot {
        var pool = Pool(name: "web", health: health, endpoints: 0..<addresses.count)
        adjust(&pool)
        return Snapshot(
            workers: workers,
            listeners: [Listener(name: "127.0.0.1:8080", bind: SocketAddress("127.0.0.1:0")!, routes: 0..<1)],
            routes: [Route(name: "*", pool: 0)],
            pools: [pool],
            endpoints: addresses.map { Endpoint(name: "\($0)", address: $0, pool: 0) })
    }
}

extension HealthReport {
    /// The health of the snapshot's pools after each endpoint, in the snapshot's order, was found up, down (three probes
    /// that timed out), or not looked at (nil), and `then` something else happened. At 100 s of a clock that is at
    /// 14:03:20Z then.
    static func of(
        _ snapshot: Snapshot, _ areUp: [Bool?], then: (inout [PoolHealth]) -> Void = { _ in }
    ) -> HealthReport {
        var pools = snapshot.pools.indices.map { PoolHealth(pool: $0, of: snapshot, now: 0) }
        for (endpoint, isUp) in areUp.enumerated() {
            let pool = snapshot.endpoints[endpoint].pool
            let index = endpoint - snapshot.pools[pool].endpoints.lowerBound
            guard let isUp else { continue }
            _ = pools[pool].probeSucceeded(index, now: 0)
            guard !isUp else { continue }
            for second in Int64(1)...3 { _ = pools[pool].probeFailed(index, .timedOut, now: second * 1_000_000) }
        }
        then(&pools)
        // 2026-03-01T14:03:20Z is 1,772,373,800 s after 1970 began.
        return HealthReport(
            snapshot: snapshot, pools: pools, now: 100_000_000,
            clock: WallClock(monotonic: 100_000_000, isAt: 1_772_373_800_000_000))
    }
}
