public import ApusModel

/// Picks an endpoint of one pool for one worker.
///
/// Each worker owns its own pickers; no call locks, and `pick` neither allocates nor counts references. Indices count
/// within the pool, in its configured order; those that are retired stand behind the others and are not among them.
///
/// A pool's endpoints fall into ranks: its tiers, and within a tier, where `Locality.prefersOwnZone`, those of the
/// balancer's own zone before the others. Each rank has its own `GroupPicker`, over all of the pool's endpoints with those
/// of other ranks at weight 0. So an index means the same everywhere, and nothing is translated when a rank looks at loads
/// or at what was tried. A pool with one rank, and nothing special going on, picks at the cost of its algorithm.
public struct PoolPicker: Sendable {
    public let balance: Balance
    /// The picker of the first rank, which most pools have alone.
    @usableFromInline var group: GroupPicker
    /// The pickers of the ranks after the first.
    @usableFromInline var spares: [GroupPicker]
    @usableFromInline var placement: Placement
    @usableFromInline var slowStart: SlowStartGate
    /// For the ranks of requests without a hash.
    @usableFromInline var random: SplitMix64
    @usableFromInline let hasOneRank: Bool
    /// Endpoints that are not retired: the first of the pool's. Of others nothing is known here, and none is picked.
    @usableFromInline let present: Int
    /// Whether the first rank's algorithm alone decides, but for sessions.
    @usableFromInline var isPlain: Bool

    /// The picker of `pool` (an index into `snapshot.pools`) for one worker. All endpoints are available at first.
    public init(pool: Int, of snapshot: Snapshot, worker: Int, seed: UInt64) {
        let pool = snapshot.pools[pool]
        let endpoints = snapshot.endpoints[snapshot.presentEndpoints(of: pool)]
        let placement = Placement(of: pool, in: snapshot)
        let groups = (0..<max(1, placement.ranks.count)).map { rank in
            let members = endpoints.enumerated().map { index, endpoint in
                GroupMember(
                    name: endpoint.name, weight: placement.rankOf[index] == rank ? placement.usedWeight(index) : 0)
            }
            return GroupPicker(
                pool.balance, hash: pool.hash, members: members,
                worker: Self.start(worker, of: members, balance: pool.balance),
                seed: seed &+ UInt64(rank) &* 0x2545_f491_4f6c_dd1d)
        }
        balance = pool.balance
        present = endpoints.count
        group = groups[0]
        spares = Array(groups.dropFirst())
        hasOneRank = groups.count == 1
        isPlain = groups.count == 1
        var mix = SplitMix64(seed: ~seed ^ UInt64(truncatingIfNeeded: worker))
        slowStart = SlowStartGate(
            pool.slowStart, balance: pool.balance, count: endpoints.count, ranks: groups.count, seed: mix.next())
        random = SplitMix64(seed: mix.next())
        self.placement = placement
    }

    /// The worker's number as the group is told it. Round robin begins at the endpoint of that number: among those
    /// that the group uses, or else workers would begin at the same one where others stand before it.
    private static func start(_ worker: Int, of members: [GroupMember], balance: Balance) -> Int {
        guard balance == .roundRobin else { return worker }
        let used = members.indices.filter { members[$0].weight > 0 }
        guard !used.isEmpty, used.count < members.count else { return worker }
        return used[worker % used.count]
    }

    /// Endpoints that may be picked now.
    public var candidateCount: Int {
        spares.reduce(group.endpoints.candidateCount) { $0 + $1.endpoints.candidateCount }
    }

    /// Whether so few endpoints are available that all of them are used (`Pool.panicThreshold`).
    public var isPanicking: Bool { placement.isPanicking }

    // MARK: Changes

    /// Notes that the endpoint may, or may no longer, be picked. One that comes back begins its slow start.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool, now: Int64) {
        guard index < present else { return }
        let wasEligible = placement.isEligible(index)
        adopt(placement.setAvailable(index, isAvailable))
        noteReturn(of: index, wasEligible: wasEligible, now: now)
    }

    /// Notes the endpoint's weight from now on, 0 to 65,535. At 0 only its sessions go on; from 0 to more it begins its
    /// slow start.
    public mutating func setWeight(_ index: Int, _ weight: Int, now: Int64) {
        guard index < present else { return }
        let wasEligible = placement.isEligible(index)
        adopt(placement.setWeight(index, min(max(weight, Bounds.weights.lowerBound), Bounds.weights.upperBound)))
        noteReturn(of: index, wasEligible: wasEligible, now: now)
    }

    // MARK: Picks

    /// The endpoint for the next attempt of an exchange; nil when none is left.
    ///
    /// Never an endpoint that is saturated; never one that is unavailable unless the pool is panicking; one with
    /// weight 0 only for a session that it has. With nil, `candidateCount` tells why: at 0 the pool has no endpoint;
    /// above it, all candidates are saturated or were tried.
    ///
    /// - Parameters:
    ///   - request: what of the request decides.
    ///   - tried: endpoints that were picked for this exchange before, whether or not they could be reached.
    ///   - orTried: whether one that was tried may be picked when nothing else is left.
    ///   - now: in microseconds of the clock that is used throughout.
    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest = PickRequest(), load: borrowing Load,
        excluding tried: TriedEndpoints = TriedEndpoints(), orTried: Bool = false, now: Int64
    ) -> Int? {
        guard isPlain, request.session == nil else {
            return pickPlaced(request, load: load, excluding: tried, orTried: orTried, now: now)
        }
        if let index = group.pick(hash: request.hash, load: load, excluding: tried, now: now) { return index }
        guard orTried, !tried.isEmpty else { return nil }
        return group.pick(hash: request.hash, load: load, excluding: TriedEndpoints(), now: now)
    }

    // MARK: What became of them

    /// An exchange of this worker has begun on the endpoint. Only asked for where `Balance.looksAtLoad`.
    @inlinable
    public mutating func started(_ index: Int, load: Int) {
        guard index < present else { return }
        let rank = rank(of: index)
        if rank == 0 { group.started(index, load: load) } else { spares[rank &- 1].started(index, load: load) }
    }

    /// An exchange of this worker has ended on the endpoint. Only asked for where `Balance.looksAtLoad`.
    @inlinable
    public mutating func ended(_ index: Int, load: Int) {
        guard index < present else { return }
        let rank = rank(of: index)
        if rank == 0 { group.ended(index, load: load) } else { spares[rank &- 1].ended(index, load: load) }
    }

    /// The endpoint has answered, or failed to. Only asked for where `Balance.looksAtTime`.
    @inlinable
    public mutating func answered(_ index: Int, after microseconds: Int64, isFailure: Bool = false, now: Int64) {
        guard index < present else { return }
        let rank = rank(of: index)
        if rank == 0 {
            group.answered(index, after: microseconds, isFailure: isFailure, now: now)
        } else {
            spares[rank &- 1].answered(index, after: microseconds, isFailure: isFailure, now: now)
        }
    }

    @inlinable
    func rank(of index: Int) -> Int { hasOneRank ? 0 : Int(placement.rankOf[index]) }
}

/// What of a request decides where it goes, besides the endpoints themselves.
public struct PickRequest: Sendable, BitwiseCopyable {
    /// The hash of its key (`KeyHash`), in pools with `Balance.hash`; nil when it has none.
    public var hash: UInt64?
    /// The endpoint of the session that it belongs to, as an index within the pool; nil for none.
    public var session: Int32?

    @inlinable
    public init(hash: UInt64? = nil, session: Int32? = nil) {
        self.hash = hash
        self.session = session
    }
}
