import ApusBalancing
import ApusExchange
import ApusModel
import ApusTransport

/// What `WorkerSettings` say of pools and endpoints, while they are made: for the whole of a snapshot, or for what has
/// changed in it.
struct OriginSettings {
    var pools: [PoolSettings]
    var poolRules: [PoolRules]
    var keys: [RequestKeys]
    var fallbacks: [PreparedResponse?]
    var endpointPool: [Int]
    var endpointAddress: [WireAddress]
    var endpointKeeping: [KeepingRules]
    /// Of how many pools they were made, and not kept.
    private(set) var made: Int

    init(_ snapshot: Snapshot) {
        pools = snapshot.pools.map { PoolSettings($0, of: snapshot) }
        poolRules = snapshot.pools.map(PoolRules.init)
        keys = snapshot.pools.map { RequestKeys($0, of: snapshot) }
        fallbacks = snapshot.pools.map { PreparedResponse($0.fallback) }
        endpointPool = snapshot.endpoints.map(\.pool)
        endpointAddress = snapshot.endpoints.map { WireAddress($0.address) }
        endpointKeeping = snapshot.endpoints.map { KeepingRules(snapshot.pools[$0.pool].connections) }
        made = snapshot.pools.count
    }

    /// Those that `settings` were made of.
    init(_ settings: WorkerSettings) {
        pools = settings.pools
        poolRules = settings.poolRules
        keys = settings.keys
        fallbacks = settings.fallbacks
        endpointPool = settings.endpointPool
        endpointAddress = settings.endpointAddress
        endpointKeeping = settings.endpointKeeping
        made = 0
    }

    /// Goes over to the succession's snapshot, whose pools are where they were.
    mutating func adopt(_ succession: Succession) {
        let snapshot = succession.snapshot
        succession.endpoints.carry(&endpointPool) { snapshot.endpoints[$0].pool }
        succession.endpoints.carry(&endpointAddress) { WireAddress(snapshot.endpoints[$0].address) }
        succession.endpoints.carry(&endpointKeeping) { _ in KeepingRules() }
        for index in snapshot.pools.indices {
            if succession.isUnchangedWithFallback(index) {
                poolRules[index].start = snapshot.pools[index].endpoints.lowerBound
            } else {
                make(index, of: snapshot)
                renewConnections(ofPool: index, succession)
            }
        }
    }

    /// Which connections may stay, where all else was made anew since pools came, went or changed places.
    mutating func follow(_ previous: WorkerSettings, _ succession: Succession) {
        for endpoint in endpointKeeping.indices {
            guard let old = succession.endpoints.toOld[endpoint] else { continue }
            endpointKeeping[endpoint] = endpointKeeping[endpoint].following(previous.endpointKeeping[old])
        }
        for index in succession.snapshot.pools.indices { renewConnections(ofPool: index, succession) }
    }

    /// What was connected by other rules of TLS or of the PROXY protocol, or without, is not what a pool is spoken to by now.
    private mutating func renewConnections(ofPool index: Int, _ succession: Succession) {
        guard let old = succession.pools.toOld[index] else { return }
        let (before, pool) = (succession.previous.pools[old], succession.snapshot.pools[index])
        let now = monotonicMicroseconds() &+ Self.adoptionTime
        for endpoint in pool.endpoints {
            guard let oldEndpoint = succession.endpoints.toOld[endpoint] else { continue }
            let isSame =
                before.tls == pool.tls && before.proxyProtocol == pool.proxyProtocol
                && (pool.tls == nil || pool.tls?.name != nil
                    || succession.previous.endpoints[oldEndpoint].host == succession.snapshot.endpoints[endpoint].host)
            if !isSame { endpointKeeping[endpoint].renew(at: now) }
        }
    }

    /// Until all workers surely go by what is prepared now.
    private static let adoptionTime: Int64 = 5_000_000

    private mutating func make(_ index: Int, of snapshot: Snapshot) {
        let pool = snapshot.pools[index]
        pools[index] = PoolSettings(pool, of: snapshot)
        poolRules[index] = PoolRules(pool)
        keys[index] = RequestKeys(pool, of: snapshot)
        fallbacks[index] = PreparedResponse(pool.fallback)
        let keeping = KeepingRules(pool.connections)
        for endpoint in pool.endpoints { endpointKeeping[endpoint] = keeping.following(endpointKeeping[endpoint]) }
        made += 1
    }
}

extension PreparedResponse {
    /// What a pool answers that has none left; nil for one that has another pool for that, or nothing.
    fileprivate init?(_ fallback: Fallback?) {
        guard case .response(let response) = fallback else { return nil }
        self.init(response)
    }
}
