import ApusAddresses

/// Builds the snapshot of a succession: the new configuration, and behind it what is gone and may be in use.
struct SnapshotMerge {
    private let previous: Snapshot
    private let next: Snapshot
    private let census: Census?
    /// Behind those of the new configuration.
    private var retiredListeners: [Listener] = []
    private var retiredRoutes: [Route] = []
    /// Of pools of the new configuration, in their order: endpoints that stand behind its own.
    private var retiredEndpoints: [(pool: Int, endpoints: [Endpoint])] = []
    /// Pools behind those of the new configuration, as old indices.
    private var gonePools: [Int] = []
    /// By new index, the old one.
    private(set) var listenerOrigins: [Int?] = []
    private(set) var routeOrigins: [Int?] = []
    private(set) var poolOrigins: [Int?] = []
    private(set) var endpointOrigins: [Int?] = []
    /// By new pool: whether it has the edition that it had, with nothing retired then and now.
    private(set) var keepsEdition: [Bool] = []
    /// Pools, then and now; known after `pools`.
    private(set) var poolRenaming = Renaming(identityOf: 0)

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
            retiredEndpoints.isEmpty && gonePools.isEmpty ? next.upstreams : mergedUpstreams(),
            workers: previous.workers)
    }

    // MARK: - Pools and endpoints

    mutating func pools() {
        var names = PoolsByName(previous.pools)
        var isKept = [Bool](repeating: false, count: previous.pools.count)
        endpointOrigins.reserveCapacity(next.endpoints.count + 16)
        for index in next.pools.indices {
            let old = names.index(of: next.pools[index].name, near: index)
            poolOrigins.append(old)
            if let old { isKept[old] = true }
            let keepsEdition = old.map { previous.upstreams.editions[$0] === next.upstreams.editions[index] } ?? false
            self.keepsEdition.append(keepsEdition)
            if let old, keepsEdition || keepsEndpoints(of: next.pools[index], old: old) {
                for endpoint in previous.pools[old].endpoints { endpointOrigins.append(endpoint) }
            } else {
                findEndpoints(of: index, old: old)
            }
        }
        for old in previous.pools.indices where !isKept[old] && mayBeUsed(pool: old) {
            gonePools.append(old)
            poolOrigins.append(old)
            keepsEdition.append(false)
            for endpoint in previous.pools[old].endpoints { endpointOrigins.append(endpoint) }
        }
        poolRenaming = Renaming(oldCount: previous.pools.count, toOld: poolOrigins)
    }

    /// Whether the pool has the endpoints that it had, in the same order, and nothing of it is retired.
    private func keepsEndpoints(of pool: Pool, old: Int) -> Bool {
        let range = previous.pools[old].endpoints
        guard range.count == pool.endpoints.count else { return false }
        return zip(pool.endpoints, range).allSatisfy { new, old in
            next.endpoints[new].address == previous.endpoints[old].address && !previous.endpoints[old].isRetired
        }
    }

    /// Looks for each of the pool's endpoints among those that it had; what is left of these is retired.
    private mutating func findEndpoints(of pool: Int, old: Int?) {
        let range = old.map { previous.pools[$0].endpoints } ?? 0..<0
        let oldByAddress = Dictionary(
            range.map { (previous.endpoints[$0].address, $0) }, uniquingKeysWith: { one, _ in one })
        var addresses: Set<SocketAddress> = []
        for endpoint in next.pools[pool].endpoints {
            let address = next.endpoints[endpoint].address
            let isFirst = addresses.insert(address).inserted
            endpointOrigins.append(isFirst ? oldByAddress[address] : nil)
        }
        var retired: [Endpoint] = []
        for index in range {
            var endpoint = previous.endpoints[index]
            guard !addresses.contains(endpoint.address),
                !endpoint.isRetired || census?.endpoints.contains(index) ?? true
            else { continue }
            endpoint.isRetired = true
            endpoint.pool = pool
            retired.append(endpoint)
            endpointOrigins.append(index)
        }
        if !retired.isEmpty { retiredEndpoints.append((pool, retired)) }
    }

    /// The new configuration's, with what is retired behind it.
    private func mergedUpstreams() -> Upstreams {
        var (pools, editions) = (next.pools, next.upstreams.editions)
        var endpoints: [Endpoint] = []
        endpoints.reserveCapacity(endpointOrigins.count)
        var retired = retiredEndpoints[...]
        // Of the new configuration's endpoints, those that have their place.
        var placed = 0
        for index in pools.indices {
            pools[index].moveEndpoints(by: endpoints.count - placed)
            guard let own = retired.first, own.pool == index else { continue }
            retired.removeFirst()
            let first = pools[index].endpoints.lowerBound
            let end = next.pools[index].endpoints.upperBound
            endpoints += next.endpoints[placed..<end]
            placed = end
            endpoints += own.endpoints
            pools[index].endpoints = first..<endpoints.count
            editions[index] = PoolEdition()
        }
        endpoints += next.endpoints[placed...]
        for old in gonePools {
            var pool = previous.pools[old]
            pool.endpoints = endpoints.count..<endpoints.count + pool.endpoints.count
            pool.isRetired = true
            if case .pool(let fallback) = pool.fallback {
                pool.fallback = poolRenaming.toNew[fallback].map { .pool($0) }
            }
            for var endpoint in previous.endpoints[previous.pools[old].endpoints] {
                endpoint.pool = pools.count
                endpoints.append(endpoint)
            }
            pools.append(pool)
            editions.append(PoolEdition())
        }
        return Upstreams(pools: pools, endpoints: endpoints, editions: editions)
    }

    /// Only what is retired already can be known to be unused: what goes now was picked a moment ago.
    private func mayBeUsed(pool: Int) -> Bool {
        !previous.pools[pool].isRetired || census?.pools.contains(pool) ?? true
    }

    // MARK: - Routes and listeners

    mutating func routes() {
        if isRoutedAsBefore {
            routeOrigins = next.routes.indices.map { $0 }
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
                guard let pool = poolRenaming.toNew[split.pools[branch].pool] else { return }
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
