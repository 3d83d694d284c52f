/// The pools and their endpoints: the half of a snapshot that routes lead to.
///
/// Each pool has an edition, which it keeps from snapshot to snapshot while it says the same: two pools are compared by
/// comparing references, and a change of one pool costs nothing in the others.
public final class Upstreams: Sendable {
    public let pools: [Pool]
    /// The endpoints of all pools, each pool's in the order in which they were configured.
    public let endpoints: [Endpoint]
    /// By pool.
    let editions: [PoolEdition]

    /// - Parameter other: another half, whose editions are kept for the pools that say the same.
    public init(pools: [Pool], endpoints: [Endpoint], sharing other: Upstreams? = nil) {
        self.pools = pools
        self.endpoints = endpoints
        var names = PoolsByName(other?.pools ?? [])
        editions = pools.indices.map { index in
            guard let other, let old = names.index(of: pools[index].name, near: index),
                pools[index].saysTheSame(as: other.pools[old], endpoints, other.endpoints),
                // What nobody has checked may be wrong about that.
                pools[index].endpoints.allSatisfy({ endpoints[$0].pool == index })
            else { return PoolEdition() }
            return other.editions[old]
        }
    }

    init(pools: [Pool], endpoints: [Endpoint], editions: [PoolEdition]) {
        self.pools = pools
        self.endpoints = endpoints
        self.editions = editions
    }

    /// The same with other endpoints of one pool. Those behind it move up or down; nothing else is looked at.
    func replacing(endpoints members: [Endpoint], ofPool index: Int) -> Upstreams {
        let range = pools[index].endpoints
        let shift = members.count - range.count
        var (pools, endpoints, editions) = (pools, endpoints, editions)
        endpoints.replaceSubrange(range, with: members)
        pools[index].endpoints = range.lowerBound..<range.upperBound + shift
        if shift != 0 {
            for later in (index + 1)..<pools.count { pools[later].moveEndpoints(by: shift) }
        }
        editions[index] = PoolEdition()
        return Upstreams(pools: pools, endpoints: endpoints, editions: editions)
    }

    /// Whether both say the same.
    func isAlike(_ other: Upstreams) -> Bool {
        self === other || pools == other.pools && endpoints == other.endpoints
    }
}

/// What a pool says, as something to compare: pools with the same edition have the same rules and the same endpoints in
/// the same order, wherever in their snapshots they stand and whatever the index of the pool that they fall back to.
final class PoolEdition: Sendable {}

extension Pool {
    /// Whether both have the same rules and the same endpoints in the same order, wherever they stand. Where a fallback
    /// leads is read from the snapshot.
    func saysTheSame(as other: Pool, _ endpoints: [Endpoint], _ others: [Endpoint]) -> Bool {
        // Not every snapshot has been checked.
        guard self.endpoints.count == other.endpoints.count,
            self.endpoints.clamped(to: endpoints.indices) == self.endpoints,
            other.endpoints.clamped(to: others.indices) == other.endpoints
        else { return false }
        for (mine, its) in zip(self.endpoints, other.endpoints) {
            guard endpoints[mine].saysTheSame(as: others[its]) else { return false }
        }
        var own = self
        own.endpoints = other.endpoints
        if case .pool = fallback, case .pool = other.fallback { own.fallback = other.fallback }
        return own == other
    }

    mutating func moveEndpoints(by shift: Int) {
        endpoints = endpoints.lowerBound + shift..<endpoints.upperBound + shift
    }
}

extension Endpoint {
    /// Whether both say the same, whatever the index of their pools.
    func saysTheSame(as other: Endpoint) -> Bool {
        guard pool != other.pool else { return self == other }
        var own = self
        own.pool = other.pool
        return own == other
    }
}

/// Finds pools by their names: at the index where one is expected, which costs a comparison, or anywhere.
struct PoolsByName {
    private let pools: [Pool]
    private var indices: [String: Int]?

    init(_ pools: [Pool]) { self.pools = pools }

    /// The first pool of that name; nil when there is none.
    mutating func index(of name: String, near guess: Int) -> Int? {
        if guess < pools.count, pools[guess].name == name { return guess }
        if indices == nil {
            indices = Dictionary(
                pools.indices.map { (pools[$0].name, $0) }, uniquingKeysWith: { first, _ in first })
        }
        return indices?[name]
    }
}
