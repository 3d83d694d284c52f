/// The candidate that costs least by a rule, ties at random: the search that `LeastConnections` and `LeastTime` share.
///
/// Groups of up to 32 endpoints are looked through, which is exact. In larger ones every worker keeps the costs in a
/// `CostTree`, as far as it knows them:
///
/// - Of what it starts and ends itself it is told, with the load that this makes over all workers.
/// - Of what other workers start it learns when it is about to pick: the cheapest endpoint is asked for its load, put
///   where it belongs if that has grown, and the next one asked. So a pick is never believed to be cheaper than it is,
///   and while exchanges only start, picks are exact. (After 32 surprises in one pick, the best of those is taken.)
/// - Of what other workers end it learns in rotation: with every pick the next 8 candidates are asked. Until its turn
///   comes, after an eighth as many picks as there are candidates, an endpoint that others have relieved is taken for
///   busier than it is; for the worker that relieved it, it never is.
///
/// An endpoint found saturated is left out until an exchange of this worker on it ends, or its turn in the rotation
/// comes. Before nothing is found, all candidates are asked: nil is always exact.
///
/// Cost: for up to 32 endpoints a step per candidate; beyond that 8 reads of counters, and a logarithm for the pick and
/// for each change that is noticed.
@usableFromInline
struct LeastCost: Sendable {
    static let smallGroup = 32
    @usableFromInline static var refreshes: Int { 8 }
    @usableFromInline static var surprises: Int { 32 }

    @usableFromInline let isSmall: Bool
    @usableFromInline var tree: CostTree
    /// The loads that the tree's costs are made of.
    @usableFromInline var loads: [Int32]
    /// Which of the candidates is refreshed next, as a place in the table's list.
    @usableFromInline var turn = 0
    /// Tried endpoints that this pick has taken out of the tree. Empty between picks.
    @usableFromInline var masked: [Int32] = []
    @usableFromInline var random: SplitMix64

    init(_ endpoints: EndpointTable, seed: UInt64) {
        isSmall = endpoints.count <= Self.smallGroup
        tree = CostTree(count: isSmall ? 0 : endpoints.count)
        loads = Array(repeating: 0, count: isSmall ? 0 : endpoints.count)
        // An exchange can have tried 64 endpoints and four (`TriedEndpoints`).
        masked.reserveCapacity(isSmall ? 0 : 68)
        random = SplitMix64(seed: seed)
    }

    // MARK: Changes

    /// Notes what the worker knows of the endpoint's cost: its load, if that is new, or that the rule says otherwise.
    @inlinable
    mutating func changed(
        _ index: Int, load: Int? = nil, in endpoints: borrowing EndpointTable, rule: some CostRule, now: Int64
    ) {
        guard !isSmall else { return }
        if let load { loads[index] = Int32(clamping: max(0, load)) }
        guard endpoints.isCandidate(index) else { return tree.set(index, CostTree.absent) }
        let weight = endpoints.weight(index)
        tree.set(index, rule.cost(index, load: Int(loads[index]), weight: weight, now: now))
    }

    /// Whether the endpoint is in the tree: a candidate, and not found saturated.
    @inlinable
    func holds(_ index: Int) -> Bool {
        !isSmall && tree.cost(index) != CostTree.absent
    }

    // MARK: Picks

    @inlinable
    mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load,
        rule: some CostRule, now: Int64
    ) -> Int? {
        if isSmall { return search(endpoints, excluding: tried, load: load, rule: rule, now: now) }
        refresh(endpoints, load: load, rule: rule, now: now)
        let picked = descend(endpoints, excluding: tried, load: load, rule: rule, now: now)
        while let index = masked.popLast() {
            changed(Int(index), load: load.load(Int(index)), in: endpoints, rule: rule, now: now)
        }
        return picked ?? search(endpoints, excluding: tried, load: load, rule: rule, now: now)
    }

    /// Asks the next few candidates what has become of them.
    @inlinable
    mutating func refresh<Load: EndpointLoad & ~Copyable & ~Escapable, Rule: CostRule>(
        _ endpoints: borrowing EndpointTable, load: borrowing Load, rule: Rule, now: Int64
    ) {
        for _ in 0..<min(Self.refreshes, endpoints.candidateCount) {
            if turn >= endpoints.candidateCount { turn = 0 }
            let index = endpoints.candidate(at: turn)
            turn &+= 1
            let isHeld = holds(index)
            if !isHeld, load.isSaturated(index) { continue }
            let present = max(0, load.load(index))
            if isHeld, !Rule.changesWithTime, present == Int(loads[index]) { continue }
            changed(index, load: present, in: endpoints, rule: rule, now: now)
        }
    }

    /// The least of the tree, once it is found to cost no more than was believed.
    @inlinable
    mutating func descend<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load,
        rule: some CostRule, now: Int64
    ) -> Int? {
        var best: Int?
        var bestCost = CostTree.absent
        var surprises = 0
        while let index = tree.drawLeast(&random) {
            if tried.contains(index) {
                tree.set(index, CostTree.absent)
                masked.append(Int32(truncatingIfNeeded: index))
                continue
            }
            if load.isSaturated(index) {
                tree.set(index, CostTree.absent)
                continue
            }
            let believed = tree.cost(index)
            changed(index, load: load.load(index), in: endpoints, rule: rule, now: now)
            let cost = tree.cost(index)
            if cost <= believed { return index }
            if cost < bestCost {
                best = index
                bestCost = cost
            }
            surprises &+= 1
            if surprises == Self.surprises { return best }
        }
        return best
    }

    /// The least of all candidates, by looking at each.
    @inlinable
    mutating func search<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load,
        rule: some CostRule, now: Int64
    ) -> Int? {
        var best: Int?
        var bestCost = CostTree.absent
        var equals = 0
        var walk = CandidateWalk()
        while let index = endpoints.next(&walk) {
            if tried.contains(index) || load.isSaturated(index) { continue }
            let cost = rule.cost(index, load: max(0, load.load(index)), weight: endpoints.weight(index), now: now)
            if cost < bestCost {
                equals = 1
            } else if cost == bestCost {
                // The n-th equal takes the place with a chance of 1 in n, which leaves all n equally likely.
                equals &+= 1
                guard random.next(below: equals) == 0 else { continue }
            } else {
                continue
            }
            best = index
            bestCost = cost
        }
        return best
    }
}
