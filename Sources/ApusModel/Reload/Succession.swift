/// What a reload does: from one snapshot to the next, with what is gone but still in use.
///
/// Things keep their identity by what they are: a listener by its address, a route by its listener and name, a pool by its
/// name, an endpoint by its pool and address. What `next` no longer has and requests may still use is carried along at the
/// end, marked as retired, until a census finds that nobody uses it. Every index of the old snapshot that anybody may hold
/// therefore has a new one. Pure; cost linear in both snapshots.
public struct Succession: Sendable {
    public let previous: Snapshot
    /// The new configuration, and behind it what is retired.
    public let snapshot: Snapshot
    public let listeners: Renaming
    public let routes: Renaming
    public let pools: Renaming
    public let endpoints: Renaming
    /// By new index into `snapshot.pools`: its rules and its endpoints are what they were, in the same order.
    public let unchangedPools: [Bool]
    /// By new index into `snapshot.pools`: its endpoints are those that it had, in the same order, whatever their rules.
    public let keepsMembers: [Bool]

    /// - Parameters:
    ///   - next: as loaded: nothing in it is retired.
    ///   - census: what is in use of what `previous` no longer leads to. Nil: everything may be.
    public init(from previous: Snapshot, to next: Snapshot, census: Census? = nil) {
        var merge = SnapshotMerge(previous, next, census)
        self.previous = previous
        merge.pools()
        merge.routes()
        merge.listeners()
        let snapshot = merge.snapshot()
        self.snapshot = snapshot
        listeners = Renaming(oldCount: previous.listeners.count, toOld: merge.listenerOrigins)
        routes = Renaming(oldCount: previous.routes.count, toOld: merge.routeOrigins)
        pools = merge.poolRenaming
        let endpoints = Renaming(oldCount: previous.endpoints.count, toOld: merge.endpointOrigins)
        self.endpoints = endpoints
        let keepsMembers = snapshot.pools.indices.map { new in
            if merge.keepsEdition[new] { return true }
            guard let old = merge.poolOrigins[new] else { return false }
            let (range, before) = (snapshot.pools[new].endpoints, previous.pools[old].endpoints)
            return range.count == before.count && zip(range, before).allSatisfy { endpoints.toOld[$0] == $1 }
        }
        self.keepsMembers = keepsMembers
        // What is said of the balancer as a whole has a say in what its pools do.
        let isAlike =
            previous.workers == snapshot.workers && previous.node == snapshot.node && previous.zone == snapshot.zone
        unchangedPools = snapshot.pools.indices.map { new in
            guard isAlike, keepsMembers[new], let old = merge.poolOrigins[new] else { return false }
            return merge.keepsEdition[new]
                || snapshot.pools[new].saysTheSame(
                    as: previous.pools[old], snapshot.endpoints, previous.endpoints)
        }
        let before = previous.counting
        if let layout = CounterLayout(before.layout, continuedBy: self, in: before.room) {
            snapshot.count(by: Snapshot.Counting(layout: layout, room: before.room))
        }
    }

    /// Pools whose rules or endpoints are not what they were, or that are new, by new index.
    public var changedPools: [Int] { unchangedPools.indices.filter { !unchangedPools[$0] } }

    /// Whether a pool, by new index, falls back to the pool that it did, and both are unchanged, or to none.
    public func isUnchangedWithFallback(_ pool: Int) -> Bool {
        guard unchangedPools[pool], let old = pools.toOld[pool] else { return false }
        return switch (snapshot.pools[pool].fallback, previous.pools[old].fallback) {
        case (.pool(let fallback), .pool(let before)): pools.toOld[fallback] == before && unchangedPools[fallback]
        default: true
        }
    }

    /// The new in-pool index of each in-pool index that the old pool of `pool` (a new index) had; nil for what is gone.
    public func members(ofPool pool: Int) -> Renaming {
        guard let old = pools.toOld[pool] else {
            return Renaming(oldCount: 0, toOld: snapshot.pools[pool].endpoints.map { _ in nil })
        }
        let range = previous.pools[old].endpoints
        let toOld = snapshot.pools[pool].endpoints.map { endpoints.toOld[$0].map { $0 - range.lowerBound } }
        return Renaming(oldCount: range.count, toOld: toOld)
    }
}

extension DataPlaneFact {
    /// The fact in the indices of the succession's snapshot; nil when what it is about is gone, or has been removed and is
    /// only there for what it still has: should it come back, it begins anew.
    public func renamed(by succession: Succession) -> DataPlaneFact? {
        func renamed(_ endpoint: Int) -> Int? {
            succession.endpoints.toNew[endpoint].flatMap { succession.snapshot.endpoints[$0].isRetired ? nil : $0 }
        }
        return switch self {
        case .connectFailed(let endpoint, let cause):
            renamed(endpoint).map { .connectFailed(endpoint: $0, cause) }
        case .connectSucceeded(let endpoint):
            renamed(endpoint).map { .connectSucceeded(endpoint: $0) }
        case .answersAgain(let endpoint): renamed(endpoint).map { .answersAgain(endpoint: $0) }
        case .failedInARow(let endpoint, let kind, let count):
            renamed(endpoint).map { .failedInARow(endpoint: $0, kind, count: count) }
        case .gaveNoResponse(let endpoint, let reason, let fault, let count):
            renamed(endpoint).map { .gaveNoResponse(endpoint: $0, reason, fault, count: count) }
        case .breakerChanged(.endpoint(let endpoint), let state, let cause, let worker):
            renamed(endpoint).map { .breakerChanged(.endpoint($0), state, cause, worker: worker) }
        case .breakerChanged(.pool(let pool), let state, let cause, let worker):
            succession.pools.toNew[pool].map { .breakerChanged(.pool($0), state, cause, worker: worker) }
        case .accessLog, .refused: self
        }
    }
}
