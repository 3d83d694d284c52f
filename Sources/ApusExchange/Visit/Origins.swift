public import ApusBalancing
public import ApusModel

/// The pools of a snapshot as one worker has them: who chooses among the endpoints, the connections that it keeps to each,
/// and what is in flight. `PoolVisit` asks them and tells them; it says nothing to anybody else.
///
/// Endpoints are indices into the snapshot.
public struct Origins<Counts: LoadCounts> {
    /// One per pool.
    public var dispatchers: [PoolDispatcher]
    /// One per pool.
    public var rules: [PoolRules]
    /// One per endpoint.
    public var connections: [UpstreamConnectionPool]
    /// Exchanges in flight per endpoint and per pool, where the rules count them, and requests that wait per pool.
    public var loads: Counts
    public var poolLoads: Counts
    public var waiting: Counts

    /// The origins of `snapshot` for one worker, with nothing in flight.
    ///
    /// - Parameters:
    ///   - worker: which of `snapshot.workers` this is, from 0.
    ///   - seed: for what is left to chance.
    public init(
        of snapshot: Snapshot, worker: Int, seed: UInt64, loads: Counts, poolLoads: Counts, waiting: Counts, now: Int64
    ) {
        dispatchers = snapshot.pools.indices.map {
            PoolDispatcher(pool: $0, of: snapshot, worker: worker, seed: seed, now: now)
        }
        rules = snapshot.pools.map(PoolRules.init)
        connections = snapshot.endpoints.map { UpstreamConnectionPool(snapshot.pools[$0.pool].connections) }
        self.loads = loads
        self.poolLoads = poolLoads
        self.waiting = waiting
    }
}

extension Origins: Sendable where Counts: Sendable {}

extension Origins {
    /// Whether the pool has as much in flight as it may have.
    @inlinable @inline(__always)
    func isFull(_ pool: Int, _ rules: PoolRules) -> Bool {
        rules.limit != .max && poolLoads.value(pool) >= rules.limit
    }

    @inlinable @inline(__always)
    mutating func choose(
        _ request: PickRequest, from pool: Int, _ rules: PoolRules, excluding tried: TriedEndpoints, orTried: Bool,
        now: Int64
    ) -> PoolDispatcher.Choice {
        let load = PoolLoad(
            counts: loads, first: rules.start, limit: rules.endpointLimit,
            total: rules.countsTotal ? poolLoads.value(pool) : nil)
        return dispatchers[pool].choose(request, load: load, excluding: tried, orTried: orTried, now: now)
    }

    /// Counts one more exchange in flight on the endpoint, where that is counted.
    ///
    /// - Returns: false, and nothing is counted, when another worker was faster and took the last place there was.
    @inlinable @inline(__always)
    mutating func countStart(_ endpoint: Int, of pool: Int, _ rules: PoolRules) -> Bool {
        if rules.countsTotal, !poolLoads.takePlace(pool, limit: rules.limit) { return false }
        guard rules.countsLoad, !loads.takePlace(endpoint, limit: rules.endpointLimit) else { return true }
        if rules.countsTotal { poolLoads.add(-1, to: pool) }
        return false
    }

    /// - Returns: the exchanges in flight on the endpoint now; 0 where they are not counted.
    @discardableResult @inlinable @inline(__always)
    mutating func countEnd(_ endpoint: Int, of pool: Int, _ rules: PoolRules) -> Int {
        if rules.countsTotal { poolLoads.add(-1, to: pool) }
        return rules.countsLoad ? loads.add(-1, to: endpoint) : 0
    }

    /// Counts a place at the endpoint and takes a connection to it.
    ///
    /// - Parameters:
    ///   - isFresh: only a connection that nobody has used will do.
    ///   - since: or one that was used since then; `.min` for any.
    /// - Returns: nil, and nothing is counted, when there is no place or no connection.
    @inlinable @inline(__always)
    mutating func lease(
        _ endpoint: Int, of pool: Int, _ rules: PoolRules, isFresh: Bool, usedSince since: Int64 = .min
    ) -> UpstreamConnectionPool.LeaseAction? {
        guard countStart(endpoint, of: pool, rules) else { return nil }
        let lease = isFresh ? connections[endpoint].leaseFresh() : connections[endpoint].lease(usedSince: since)
        guard lease == .refuse else { return lease }
        countEnd(endpoint, of: pool, rules)
        return nil
    }

    /// Counts an attempt that goes on when the counts begin again at zero, after a reload.
    public mutating func recount(_ attempt: Attempt, of pool: Int) {
        guard attempt.isUnderWay else { return }
        if rules[pool].countsTotal { poolLoads.add(1, to: pool) }
        if rules[pool].countsLoad { loads.add(1, to: Int(attempt.endpoint)) }
    }
}

/// The exchanges in flight on the endpoints of one pool, over all workers.
@usableFromInline
struct PoolLoad<Counts: LoadCounts>: EndpointLoad {
    @usableFromInline let counts: Counts
    @usableFromInline let first: Int
    @usableFromInline let limit: Int
    @usableFromInline let total: Int?

    @inlinable
    init(counts: Counts, first: Int, limit: Int, total: Int?) {
        self.counts = counts
        self.first = first
        self.limit = limit
        self.total = total
    }

    @inlinable
    func load(_ index: Int) -> Int { counts.value(first + index) }

    @inlinable
    func isSaturated(_ index: Int) -> Bool { limit != .max && counts.value(first + index) >= limit }
}
