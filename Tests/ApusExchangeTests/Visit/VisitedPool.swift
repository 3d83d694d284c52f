import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel

/// Counts of one worker that shares them with nobody.
struct PlainCounts: LoadCounts {
    var counts: [Int]

    init(_ count: Int) { counts = Array(repeating: 0, count: count) }

    func value(_ index: Int) -> Int { counts[index] }

    mutating func add(_ amount: Int, to index: Int) -> Int {
        counts[index] += amount
        return counts[index]
    }
}

/// A worker's pools with nothing behind them: requests visit the first, whose attempts fail or succeed as a test says.
struct VisitedPool {
    var origins: Origins<PlainCounts>
    var now: Int64 = 0
    private(set) var snapshot: Snapshot
    private var connections: Int32 = 0

    static let request = PoolVisit.Request(isSafe: true, isRepeatable: true, isReplayable: true, isKept: true)

    /// - Parameter others: further pools, with one endpoint each.
    init(endpoints: Int, others: Int = 0, _ change: (inout Pool) -> Void = { _ in }) {
        var pool = Pool(name: "first", endpoints: 0..<endpoints)
        change(&pool)
        let pools = [pool] + (0..<others).map { Pool(name: "\($0)", endpoints: endpoints + $0..<endpoints + $0 + 1) }
        snapshot = Snapshot(
            workers: 1, listeners: [], routes: [], pools: pools,
            endpoints: pools.enumerated().flatMap { index, pool in
                pool.endpoints.map { Self.endpoint($0, pool: index) }
            })
        origins = Self.origins(of: snapshot)
    }

    static func endpoint(_ number: Int, pool: Int) -> Endpoint {
        Endpoint(
            name: "10.0.0.\(number):80",
            address: SocketAddress(ip: IPAddress(ipv4: 0x0a00_0000 | UInt32(number)), port: 80), pool: pool)
    }

    private static func origins(of snapshot: Snapshot) -> Origins<PlainCounts> {
        Origins(
            of: snapshot, worker: 0, seed: 1, loads: PlainCounts(snapshot.endpoints.count),
            poolLoads: PlainCounts(snapshot.pools.count), waiting: PlainCounts(snapshot.pools.count), now: 0)
    }

    /// Goes over to other pools, as a worker does at a reload: nothing is in flight there until visits are renamed.
    mutating func reload(to pools: [Pool], _ endpoints: [Endpoint]) -> Succession {
        let next = Snapshot(workers: 1, listeners: [], routes: [], pools: pools, endpoints: endpoints)
        let succession = Succession(from: snapshot, to: next)
        var renamed = Self.origins(of: succession.snapshot)
        for (pool, old) in succession.pools.toOld.enumerated() {
            guard let old else { continue }
            renamed.dispatchers[pool].inherit(
                from: &origins.dispatchers[old], members: succession.members(ofPool: pool), now: now)
        }
        for (endpoint, old) in succession.endpoints.toOld.enumerated() {
            if let old { renamed.connections[endpoint] = origins.connections[old] }
        }
        (origins, snapshot) = (renamed, succession.snapshot)
        return succession
    }

    mutating func rename(_ visit: inout PoolVisit, by succession: Succession) {
        let pool = succession.pools.toNew[visit.pool] ?? -1
        visit.rename(
            pool: pool, endpoints: succession.endpoints,
            members: succession.unchangedPools[pool] ? nil : succession.members(ofPool: pool), &origins)
    }

    /// A request that has entered the pool.
    mutating func visit() -> PoolVisit {
        var visit = PoolVisit(pool: 0)
        _ = visit.enter(&origins, now: now)
        return visit
    }

    mutating func seek(_ visit: inout PoolVisit, as handle: Int32 = 0) -> PoolVisit.Step {
        visit.seek(&origins, as: handle, now: now)
    }

    /// Begins the attempt that a step asks for.
    ///
    /// - Returns: its endpoint; nil when the step asks for something else.
    @discardableResult
    mutating func begin(_ step: PoolVisit.Step, _ visit: inout PoolVisit) -> Int? {
        guard case .start(let endpoint, let lease) = step else { return nil }
        begin(at: endpoint, lease, &visit)
        return endpoint
    }

    mutating func begin(at endpoint: Int, _ lease: UpstreamConnectionPool.LeaseAction, _ visit: inout PoolVisit) {
        _ = visit.begin(at: endpoint, of: &origins, now: now)
        if case .reuse(let connection) = lease {
            visit.current.connection = connection
        } else {
            connections += 1
            visit.current.connection = connections
        }
        visit.current.wasSent = true
    }

    /// Ends the current attempt and its connection.
    mutating func end(_ visit: inout PoolVisit, keepsConnection: Bool = false) {
        let attempt = visit.current
        visit.current.connection = -1
        end(attempt, of: &visit, keepsConnection: keepsConnection)
    }

    mutating func end(_ attempt: Attempt, of visit: inout PoolVisit, keepsConnection: Bool = false) {
        let endpoint = Int(attempt.endpoint)
        if keepsConnection {
            _ = origins.connections[endpoint].released(attempt.connection, isReusable: true, now: 0)
        } else {
            origins.connections[endpoint].closed(attempt.connection, whileIdle: false)
        }
        visit.end(attempt, at: &origins, now: now)
    }

    /// The current attempt fails before a byte of a response.
    mutating func fail(
        _ visit: inout PoolVisit, _ failure: RetryPolicy.Failure, _ reason: Reason = .upstreamReset,
        _ request: PoolVisit.Request = request, by route: RouteRetries? = nil
    ) -> PoolVisit.Step? {
        _ = visit.gaveNone(AttemptFailure(failure, reason).fault, route: 0, &origins, now: now)
        end(&visit)
        return visit.failed(failure, reason, of: request, by: route, &origins, now: now).map {
            visit.follow($0, &origins)
        }
    }

    mutating func leave(_ visit: inout PoolVisit, as handle: Int32 = 0) {
        visit.leaveQueue(of: &origins, as: handle)
        visit.leave(&origins, headReceived: nil, now: now)
    }

    /// Whether nothing is in flight and nothing waits.
    var isQuiet: Bool {
        origins.loads.counts.allSatisfy { $0 == 0 } && origins.poolLoads.counts.allSatisfy { $0 == 0 }
            && origins.waiting.counts.allSatisfy { $0 == 0 } && origins.connections.allSatisfy { $0.busyCount == 0 }
            && origins.dispatchers.allSatisfy {
                $0.requestsInFlight == 0 && $0.retriesInFlight == 0 && $0.waitingCount == 0
            }
    }
}

extension PoolVisit.Step {
    /// The step in words, for comparing.
    var words: String {
        switch self {
        case .start(let endpoint, _): "start \(endpoint)"
        case .seek: "seek"
        case .queue: "queue"
        case .staysQueued: "stays queued"
        case .pause: "pause"
        case .refuse(let reason): "refuse \(reason)"
        }
    }
}
