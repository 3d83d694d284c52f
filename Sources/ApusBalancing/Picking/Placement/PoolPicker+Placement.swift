public import ApusModel

extension PoolPicker {
    /// The pool's ranks, the first that is used first, and what each takes at present. Not for the request path.
    public var ranks: [RankShare] {
        placement.ranks.enumerated().map { index, rank in
            RankShare(
                name: rank.name, percent: 100 * placement.load.shares[index], available: rank.availableCount,
                total: rank.count,
                candidates: (index == 0 ? group : spares[index - 1]).endpoints.candidateCount)
        }
    }

    // MARK: Changes

    /// Tells the ranks what has become of these endpoints.
    mutating func adopt(_ changed: [Int]) {
        for index in changed {
            let rank = rank(of: index)
            if rank == 0 {
                Self.update(&group, index, placement)
            } else {
                Self.update(&spares[rank - 1], index, placement)
            }
        }
    }

    private static func update(_ group: inout GroupPicker, _ index: Int, _ placement: borrowing Placement) {
        let weight = placement.usedWeight(index)
        if group.endpoints.weight(index) != weight { group.setWeight(index, weight) }
        group.setAvailable(index, placement.isUsable(index))
    }

    /// Begins the slow start of an endpoint that is used again. One that a panic used all along has not been away.
    mutating func noteReturn(of index: Int, wasEligible: Bool, now: Int64) {
        let isEligible = placement.isEligible(index)
        if isEligible, !wasEligible {
            slowStart.begin(index, rank: rank(of: index), now: now)
        } else if !isEligible {
            slowStart.end(index)
        }
        isPlain = hasOneRank && !slowStart.isActive
    }

    @usableFromInline
    mutating func finishSlowStart() {
        slowStart.finish()
        isPlain = hasOneRank
    }

    // MARK: Picks

    /// A pick where more than the first rank's algorithm decides: a session, several ranks, or a slow start.
    @inlinable @inline(never)
    mutating func pickPlaced<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints, orTried: Bool, now: Int64
    ) -> Int? {
        if slowStart.isActive, now >= slowStart.until { finishSlowStart() }
        if let index = sessionEndpoint(request, load: load, excluding: tried) { return index }
        if let index = pickRanked(request, load: load, excluding: tried, now: now) { return index }
        guard orTried, !tried.isEmpty else { return nil }
        if let index = sessionEndpoint(request, load: load, excluding: TriedEndpoints()) { return index }
        return pickRanked(request, load: load, excluding: TriedEndpoints(), now: now)
    }

    /// Whether requests of a session that the endpoint has go there.
    func keepsSessions(_ index: Int) -> Bool { placement.keepsSessions(index) }

    /// The endpoint that has the request's session, if it can take it.
    @inlinable
    func sessionEndpoint<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints
    ) -> Int? {
        guard let session = request.session else { return nil }
        let index = Int(session)
        guard placement.available.indices.contains(index), placement.keepsSessions(index), !tried.contains(index),
            !load.isSaturated(index)
        else { return nil }
        return index
    }

    /// From the rank whose turn it is by the ranks' shares, or else from the first that has an endpoint left.
    @inlinable
    mutating func pickRanked<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints, now: Int64
    ) -> Int? {
        let drawn = hasOneRank ? 0 : drawnRank(request)
        if let index = pickGated(drawn, request, load: load, excluding: tried, now: now) { return index }
        if hasOneRank { return nil }
        for rank in 0...spares.count where rank != drawn {
            if let index = pickGated(rank, request, load: load, excluding: tried, now: now) { return index }
        }
        return nil
    }

    /// By the request's hash in pools that hash, so that a key keeps its rank while the shares stay.
    @inlinable
    mutating func drawnRank(_ request: PickRequest) -> Int {
        if placement.load.isUndivided { return placement.load.last }
        guard balance == .hash, let hash = request.hash else { return placement.load.rank(for: random.next()) }
        // Mixed otherwise than the rank's algorithm does: else a rank would get keys of one kind only.
        var mix = SplitMix64(seed: ~hash)
        return placement.load.rank(for: mix.next())
    }

    /// From one rank, past the endpoints whose slow start does not let them have the pick.
    @inlinable
    mutating func pickGated<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ rank: Int, _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints, now: Int64
    ) -> Int? {
        guard slowStart.isActive else { return pick(from: rank, request, load: load, excluding: tried, now: now) }
        slowStart.pickBegan(rank: rank)
        var excluded = tried
        var refused: Int?
        // When nearly all of a rank ramps at once, the few others must not get everything: 8 refusals are enough.
        for _ in 0..<8 {
            guard let index = pick(from: rank, request, load: load, excluding: excluded, now: now) else { break }
            excluded.insert(index)
            // Of many tried endpoints only the last are remembered, and those refused here push them out.
            if tried.contains(index) { continue }
            if slowStart.admits(index, rank: rank, part: part(of: index, rank: rank), now: now) { return index }
            if refused == nil { refused = index }
        }
        return refused
    }

    /// What the endpoint stands for among the candidates of its rank, 0 to 1: by weight, where the algorithm looks at that.
    @inlinable
    func part(of index: Int, rank: Int) -> Double {
        let endpoints = rank == 0 ? group.endpoints : spares[rank &- 1].endpoints
        guard balance.looksAtWeights else { return 1 / Double(max(1, endpoints.candidateCount)) }
        return Double(placement.weights[index]) / Double(max(1, endpoints.candidateWeight))
    }

    @inlinable
    mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from rank: Int, _ request: PickRequest, load: borrowing Load, excluding tried: TriedEndpoints, now: Int64
    ) -> Int? {
        rank == 0
            ? group.pick(hash: request.hash, load: load, excluding: tried, now: now)
            : spares[rank &- 1].pick(hash: request.hash, load: load, excluding: tried, now: now)
    }
}
