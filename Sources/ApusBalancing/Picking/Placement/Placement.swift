internal import ApusModel

/// Which endpoints of a pool this balancer picks from, and how much of the traffic goes to each rank of them.
///
/// It changes when health or weights do; a pick only reads it. Indices count within the pool.
@usableFromInline
struct Placement: Sendable {
    /// In the order in which they are used; empty for a pool without endpoints.
    private(set) var ranks: [Rank]
    @usableFromInline private(set) var load: PriorityLoad
    /// Whether all endpoints are used because so few are available.
    @usableFromInline private(set) var isPanicking = false
    @usableFromInline private(set) var weights: [Int32]
    /// The weights that the configuration gives the endpoints.
    let configured: [Int32]
    @usableFromInline private(set) var available: [Bool]
    @usableFromInline let rankOf: [Int32]
    /// Whether the endpoint is in the subset that this balancer uses of its rank.
    private var isChosen: [Bool]
    private let panic: PanicThreshold
    private let overprovisioning: Int

    /// All endpoints are available at first. Those that are retired are left out.
    init(of pool: Pool, in snapshot: Snapshot) {
        let endpoints = snapshot.endpoints[snapshot.presentEndpoints(of: pool)]
        ranks = Rank.ranks(of: pool, in: snapshot)
        configured = endpoints.map { Int32($0.weight) }
        weights = configured
        available = Array(repeating: true, count: endpoints.count)
        isChosen = Array(repeating: true, count: endpoints.count)
        panic = PanicThreshold(percent: pool.panicThreshold)
        overprovisioning = pool.locality.overprovisioning
        var rankOf = Array(repeating: Int32(0), count: endpoints.count)
        for (rank, members) in ranks.map(\.members).enumerated() {
            for index in members { rankOf[index] = Int32(rank) }
        }
        self.rankOf = rankOf
        load = PriorityLoad(byWeight: [])
        for index in weights.indices { count(index, 1) }
        for (rank, value) in ranks.enumerated() where value.subsetSize != nil {
            for index in value.members { isChosen[index] = false }
            _ = chooseSubset(of: rank)
        }
        load = currentLoad()
    }

    // MARK: What is

    /// Whether the endpoint is in use for new requests, were it in this balancer's subset.
    func isEligible(_ index: Int) -> Bool { weights[index] > 0 && (available[index] || isPanicking) }

    /// Whether requests of a session that the endpoint has go there: with weight 0 too.
    @inlinable
    func keepsSessions(_ index: Int) -> Bool { available[index] || (isPanicking && weights[index] > 0) }

    /// Whether the endpoint's rank is to take it for available.
    func isUsable(_ index: Int) -> Bool { available[index] || isPanicking }

    /// Where an endpoint stands to which another may lose its requests.
    func standing(of index: Int, beside other: Int) -> FailureRuns.Standing {
        guard isUsable(index) else { return .out }
        return rankOf[index] > rankOf[other] ? .inReserve : .beside
    }

    /// The weight that the endpoint has in its rank: 0 when this balancer does not use it.
    func usedWeight(_ index: Int) -> Int { isChosen[index] ? Int(weights[index]) : 0 }

    // MARK: Changes

    /// Notes it, and returns the endpoints whose use has changed.
    mutating func setAvailable(_ index: Int, _ isAvailable: Bool) -> [Int] {
        guard available[index] != isAvailable else { return [] }
        count(index, -1)
        available[index] = isAvailable
        count(index, 1)
        return changed(index)
    }

    /// Notes it, and returns the endpoints whose use has changed.
    mutating func setWeight(_ index: Int, _ weight: Int) -> [Int] {
        guard weights[index] != weight else { return [] }
        count(index, -1)
        weights[index] = Int32(weight)
        count(index, 1)
        return changed(index)
    }

    /// Notes what was known of the endpoints before a reload: their availability, and the weights of those to which the
    /// configuration gives the same as then. All may have changed in their use.
    mutating func inherit(from old: Placement, _ survivors: Survivors) {
        for (index, origin) in survivors.toOld.enumerated() where origin >= 0 {
            let origin = Int(origin)
            guard weights[index] != old.weights[origin] || available[index] != old.available[origin] else { continue }
            count(index, -1)
            available[index] = old.available[origin]
            if configured[index] == old.configured[origin] { weights[index] = old.weights[origin] }
            count(index, 1)
        }
        refreshPanic()
        for rank in ranks.indices { _ = chooseSubset(of: rank) }
        load = currentLoad()
    }

    private mutating func refreshPanic() {
        isPanicking = panic.isPanicking(
            available: ranks.reduce(0) { $0 + $1.availableCount }, of: ranks.reduce(0) { $0 + $1.count })
    }

    private mutating func changed(_ index: Int) -> [Int] {
        let panicked = isPanicking
        refreshPanic()
        var changed: [Int]
        if isPanicking == panicked {
            changed = [index] + chooseSubset(of: Int(rankOf[index]))
        } else {
            for rank in ranks.indices { _ = chooseSubset(of: rank) }
            changed = Array(weights.indices)
        }
        load = currentLoad()
        return changed
    }

    /// Counts the endpoint in its rank's sums, or takes it out.
    private mutating func count(_ index: Int, _ sign: Int) {
        guard weights[index] > 0 else { return }
        let weight = sign * Int(weights[index])
        let rank = Int(rankOf[index])
        ranks[rank].count += sign
        ranks[rank].weight += weight
        guard available[index] else { return }
        ranks[rank].availableCount += sign
        ranks[rank].availableWeight += weight
    }

    /// Uses the first of the rank's eligible endpoints, in this balancer's order, and returns those whose use has changed.
    private mutating func chooseSubset(of rank: Int) -> [Int] {
        guard let size = ranks[rank].subsetSize else { return [] }
        let before = ranks[rank].subset
        var subset: [Int] = []
        for index in ranks[rank].members where isEligible(index) {
            guard subset.count < size else { break }
            subset.append(index)
        }
        let added = subset.filter { !isChosen[$0] }
        for index in before { isChosen[index] = false }
        for index in subset { isChosen[index] = true }
        ranks[rank].subset = subset
        return added + before.filter { !isChosen[$0] }
    }

    /// In a panic ranks still take what they are healthy for: a backup tier that is up must not lose its traffic to a first
    /// tier that is down. With nothing available at all, nobody knows better than to use everything evenly.
    private func currentLoad() -> PriorityLoad {
        let totals = ranks.map(\.weight)
        if isPanicking, ranks.allSatisfy({ $0.availableWeight == 0 }) { return PriorityLoad(byWeight: totals) }
        let othersAreLeft = ranks.contains { !$0.isBackup && $0.availableWeight > 0 }
        return PriorityLoad(
            available: ranks.map { $0.isBackup && othersAreLeft ? 0 : $0.availableWeight }, total: totals,
            overprovisioning: overprovisioning)
    }
}
