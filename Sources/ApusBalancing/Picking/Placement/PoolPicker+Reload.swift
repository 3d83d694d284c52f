import ApusModel

// MARK: - A reload

extension PoolPicker {
    /// Goes on where the pool's picker stood before a reload; `old` is of no use afterwards.
    ///
    /// Where the endpoints, their configured weights and the algorithm are what they were, picks go on as if nothing had
    /// happened. Otherwise whoever lives on keeps what it has: availability, weight if the configuration has not changed
    /// it, its turn, response times, load, its slow start. Endpoints that are new begin with a slow start, if the pool has
    /// one. One step per endpoint; tables of hashes are only built where a weight that was set at run time is above the
    /// configured one, and the endpoints have changed.
    mutating func inherit(from old: inout PoolPicker, _ survivors: Survivors, now: Int64) {
        placement.inherit(from: old.placement, survivors)
        let origins = originalRanks(in: old, survivors)
        if isAlike(old, survivors) {
            swap(&group, &old.group)
            swap(&spares, &old.spares)
            adoptPlacement()
        } else {
            adoptPlacement()
            inheritGroups(of: old, survivors, ranks: origins, now: now)
        }
        random = old.random
        slowStart.inherit(
            from: old.slowStart, survivors, ranks: origins, rankOf: placement.rankOf, oldRankOf: old.placement.rankOf,
            now: now)
        for (index, origin) in survivors.toOld.enumerated() {
            if origin < 0 {
                noteReturn(of: index, wasEligible: false, now: now)
            } else if !placement.isEligible(index) {
                slowStart.end(index)
            }
        }
        isPlain = hasOneRank && !slowStart.isActive
    }

    /// Of each rank, the old one that its first survivor was in.
    private func originalRanks(in old: PoolPicker, _ survivors: Survivors) -> [Int?] {
        var origins = [Int?](repeating: nil, count: 1 + spares.count)
        for (index, origin) in survivors.toOld.enumerated().reversed() where origin >= 0 {
            origins[Int(placement.rankOf[index])] = Int(old.placement.rankOf[Int(origin)])
        }
        return origins
    }

    /// Whether the ranks' algorithms can go on with what they have.
    private func isAlike(_ old: PoolPicker, _ survivors: Survivors) -> Bool {
        survivors.isIdentity && balance == old.balance && spares.count == old.spares.count
            && placement.rankOf == old.placement.rankOf && placement.configured == old.placement.configured
            && (balance != .hash || group.hashing.isAlike(old.group.hashing))
    }

    private mutating func adoptPlacement() {
        let placement = placement
        group.adopt { (placement.usedWeight($0, rank: 0), placement.isUsable($0)) }
        for spare in spares.indices {
            spares[spare].adopt { (placement.usedWeight($0, rank: spare + 1), placement.isUsable($0)) }
        }
    }

    private mutating func inheritGroups(of old: PoolPicker, _ survivors: Survivors, ranks: [Int?], now: Int64) {
        let before = [old.group] + old.spares
        // Endpoints keep their response times wherever they stood; what the rank knows on average is that of its origin.
        let records: [ResponseTimes.Record]? =
            before[0].times == nil || group.times == nil
            ? nil : old.records(survivors, times: before.map(\.times))
        for (rank, origin) in ranks.enumerated() {
            guard let origin else { continue }
            if rank == 0 {
                Self.inherit(into: &group, from: before[origin], records, survivors, now)
            } else {
                Self.inherit(into: &spares[rank - 1], from: before[origin], records, survivors, now)
            }
        }
    }

    private static func inherit(
        into group: inout GroupPicker, from old: GroupPicker, _ records: [ResponseTimes.Record]?,
        _ survivors: Survivors, _ now: Int64
    ) {
        if let records, let mean = old.times?.groupMean {
            group.times?.records = records
            group.times?.groupMean = mean
        }
        group.inherit(from: old, survivors, now: now)
    }

    private func records(_ survivors: Survivors, times: [ResponseTimes?]) -> [ResponseTimes.Record] {
        survivors.toOld.map { origin in
            guard origin >= 0 else { return ResponseTimes.Record() }
            return times[rank(of: Int(origin))]?.records[Int(origin)] ?? ResponseTimes.Record()
        }
    }
}

extension Placement {
    /// The weight that the endpoint has in this rank: 0 in others than its own.
    fileprivate func usedWeight(_ index: Int, rank: Int) -> Int { rankOf[index] == rank ? usedWeight(index) : 0 }
}
