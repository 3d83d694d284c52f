import ApusAddresses

/// Builds the snapshot of a succession: the new configuration, and behind it what is gone and may be in use.
struct SnapshotMerge {
    private let previous: Snapshot
    private let next: Snapshot
    private let census: Census?
    /// Behind those of the new configuration.
    private var retiredListeners: [Listener] = []
    private var retiredRoutes: [Route] = []
    private var mergedPools: [Pool] = []
    private var mergedEndpoints: [Endpoint] = []
    /// By new index, the old one.
    private(set) var listenerOrigins: [Int?] = []
    private(set) var routeOrigins: [Int?] = []
    private(set) var poolOrigins: [Int?] = []
    private(set) var endpointOrigins: [Int?] = []
    /// By old pool, the new one.
    private var newPool: [Int: Int] = [:]

    init(_ previous: Snapshot, _ next: Snapshot, _ census: Census?) {
        self.previous = previous
        self.next = next
        self.census = census
    }

    func snapshot() -> Snapshot {
        let hasRetired = !retiredListeners.isEmpty || !retiredRoutes.isEmpty
        return next.replacing(
            hasRetired
                ? Routing(next.routing, retiredListeners: retiredListeners, retiredRoutes: retiredRoutes)
                : next.routing,
            // What is retired stands behind what the new configuration has.
            mergedEndpoints.count == next.endpoints.count && mergedPools.count == next.pools.count
                ? next.upstreams : Upstreams(pools: mergedPools, endpoints: mergedEndpoints),
            workers: previous.workers)
    }

    // MARK: - Pools and endpoints

    mutating func pools() {
        let oldByName = Dictionary(
            previous.pools.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { one, _ in one })
        let names = Set(next.pools.map(\.name))
        mergedEndpoints.reserveCapacity(next.endpoints.count + 16)
        endpointOrigins.reserveCapacity(next.endpoints.count + 16)
        let gone = previous.pools.indices.filter { !names.contains(previous.pools[$0].name) && mayBeUsed(pool: $0) }
        for pool in next.pools {
            let old = oldByName[pool.name]
            let first = mergedEndpoints.count
            if let old, keepsEndpoints(of: pool, old: old) {
                let offset = previous.pools[old].endpoints.lowerBound - pool.endpoints.lowerBound
                mergedEndpoints += next.endpoints[pool.endpoints]
                endpointOrigins += pool.endpoints.map { $0 + offset }
                append(pool, first: first, origin: old)
                continue
            }
            let addresses = keepEndpoints(of: pool, old: old)
            if let old { retireEndpoints(of: old, not: addresses) }
            append(pool, first: first, origin: old)
        }
        for old in gone {
            let first = mergedEndpoints.count
            for endpoint in previous.pools[old].endpoints {
                append(previous.endpoints[endpoint], origin: endpoint)
            }
            var pool = previous.pools[old]
            pool.isRetired = true
            append(pool, first: first, origin: old)
        }
        nameFallbacks(gone: gone)
    }

    /// Whether the pool has the endpoints that it had, in the same order, and nothing of it is retired.
    private func keepsEndpoints(of pool: Pool, old: Int) -> Bool {
        let range = previous.pools[old].endpoints
        guard range.count == pool.endpoints.count else { return false }
        return zip(pool.endpoints, range).allSatisfy { new, old in
            next.endpoints[new].address == previous.endpoints[old].address && !previous.endpoints[old].isRetired
        }
    }

    /// - Returns: the addresses of the pool's endpoints.
    private mutating func keepEndpoints(of pool: Pool, old: Int?) -> Set<SocketAddress> {
        let range = old.map { previous.pools[$0].endpoints } ?? 0..<0
        let oldByAddress = Dictionary(
            range.map { (previous.endpoints[$0].address, $0) }, uniquingKeysWith: { one, _ in one })
        var addresses: Set<SocketAddress> = []
        for endpoint in next.endpoints[pool.endpoints] {
            let isFirst = addresses.insert(endpoint.address).inserted
            append(endpoint, origin: isFirst ? oldByAddress[endpoint.address] : nil)
        }
        return addresses
    }

    private mutating func retireEndpoints(of old: Int, not addresses: Set<SocketAddress>) {
        for index in previous.pools[old].endpoints {
            var endpoint = previous.endpoints[index]
            guard !addresses.contains(endpoint.address),
                !endpoint.isRetired || census?.endpoints.contains(index) ?? true
            else { continue }
            endpoint.isRetired = true
            append(endpoint, origin: index)
        }
    }

    private mutating func append(_ endpoint: Endpoint, origin: Int?) {
        var endpoint = endpoint
        endpoint.pool = mergedPools.count
        mergedEndpoints.append(endpoint)
        endpointOrigins.append(origin)
    }

    private mutating func append(_ pool: Pool, first: Int, origin: Int?) {
        var pool = pool
        pool.endpoints = first..<mergedEndpoints.count
        if let origin { newPool[origin] = mergedPools.count }
        mergedPools.append(pool)
        poolOrigins.append(origin)
    }

    /// Pools that are new keep their indices; those that are retired named pools of the old snapshot.
    private mutating func nameFallbacks(gone: [Int]) {
        for (index, old) in zip(next.pools.count..., gone) {
            guard case .pool(let fallback) = previous.pools[old].fallback else { continue }
            mergedPools[index].fallback = newPool[fallback].map { .pool($0) }
        }
    }

    /// Only what is retired already can be known to be unused: what goes now was picked a moment ago.
    private func mayBeUsed(pool: Int) -> Bool {
        !previous.pools[pool].isRetired || census?.pools.contains(pool) ?? true
    }

    // MARK: - Routes and listeners

    mutating func routes() {
        if isRoutedAsBefore {
            routeOrigins = Array(next.routes.indices)
            for index in next.routes.count..<previous.routes.count where census?.routes.contains(index) ?? true {
                retire(previous.routes[index], index)
            }
            return
        }
        var old: [RouteIdentity: Int] = [:]
        for (index, identity) in RouteIdentity.all(of: previous).enumerated() {
            if let identity { old[identity] = index }
        }
        for identity in RouteIdentity.all(of: next) {
            routeOrigins.append(identity.flatMap { old.removeValue(forKey: $0) })
        }
        let kept = Set(routeOrigins.compactMap(\.self))
        let living = previous.listeners.reduce(into: IndexSpan()) { if !$1.isRetired { $0.cover($1.routes) } }
        for (index, route) in previous.routes.enumerated() where !kept.contains(index) {
            guard living.contains(index) || census?.routes.contains(index) ?? true else { continue }
            retire(route, index)
        }
    }

    /// Whether the new configuration has the routes that run, and its pools are those that they lead to.
    private var isRoutedAsBefore: Bool {
        next.routing.hasSameConfiguration(as: previous.routing)
            && next.pools.indices.allSatisfy { poolOrigins[$0] == $0 }
    }

    private mutating func retire(_ route: Route, _ index: Int) {
        var route = route
        if case .forward(var split) = route.action {
            // Its branches keep their places, which requests remember.
            for branch in split.pools.indices {
                guard let pool = newPool[split.pools[branch].pool] else { return }
                split.pools[branch].pool = pool
            }
            route.action = .forward(split)
        }
        retiredRoutes.append(route)
        routeOrigins.append(index)
    }

    mutating func listeners() {
        var old = Dictionary(
            previous.listeners.enumerated().map { (ListenerIdentity($1), $0) }, uniquingKeysWith: { one, _ in one })
        for listener in next.listeners {
            listenerOrigins.append(old.removeValue(forKey: ListenerIdentity(listener)))
        }
        let kept = Set(listenerOrigins.compactMap(\.self))
        for (index, listener) in previous.listeners.enumerated() where !kept.contains(index) {
            guard !listener.isRetired || census?.listeners.contains(index) ?? true else { continue }
            var listener = listener
            listener.isRetired = true
            let end = next.routes.count + retiredRoutes.count
            listener.routes = end..<end
            retiredListeners.append(listener)
            listenerOrigins.append(index)
        }
    }
}

/// The routes that listeners have: they stand before those that are retired.
private struct IndexSpan {
    private var end = 0
    mutating func cover(_ range: Range<Int>) { end = max(end, range.upperBound) }
    func contains(_ index: Int) -> Bool { index < end }
}

/// What makes a listener the same after a reload: its address, or its name where the system chooses the port.
private struct ListenerIdentity: Hashable {
    let bind: SocketAddress
    let name: String

    init(_ listener: Listener) {
        bind = listener.bind
        name = listener.bind.port == 0 ? listener.name : ""
    }
}

/// What makes a route the same: its listener, its name, where it goes, and which of those of that name it is.
private struct RouteIdentity: Hashable {
    let listener: ListenerIdentity
    let name: String
    /// Names of its pools: what is counted per endpoint belongs to these.
    let pools: [String]
    let occurrence: Int

    /// By index into the snapshot's routes; nil for those that no listener has.
    static func all(of snapshot: Snapshot) -> [RouteIdentity?] {
        var identities = [RouteIdentity?](repeating: nil, count: snapshot.routes.count)
        for listener in snapshot.listeners where !listener.isRetired {
            var seen: [String: Int] = [:]
            for index in listener.routes {
                let route = snapshot.routes[index]
                let occurrence = seen[route.name, default: 0]
                seen[route.name] = occurrence + 1
                identities[index] = RouteIdentity(
                    listener: ListenerIdentity(listener), name: route.name,
                    pools: route.pools.map { snapshot.pools[$0.pool].name }, occurrence: occurrence)
            }
        }
        return identities
    }
}
