import ApusModel

/// Warnings of what has no effect because of something else that was written, or left out.
extension Validation {
    mutating func checkWeights(_ pool: PoolSection) {
        let weights = pool.endpoints.filter { $0.weightPosition != nil }
        if !pool.balance.balance.looksAtWeights, let useless = weights.first(where: { $0.weight > 1 })?.weightPosition {
            let weighted = pool.balance.balance.weighted
            findings.warning(
                "weights have no effect with `balance: \(pool.balance.name)`"
                    + (weighted.map { "; use `\($0.rawValue)`" } ?? ", other than 0"), at: useless)
        }
        if !weights.isEmpty, weights.count == pool.endpoints.count, weights.allSatisfy({ $0.weight == 0 }) {
            findings.warning(
                "every endpoint of the pool `\(pool.name.value)` has weight 0: its requests will be answered 503",
                at: pool.name.position)
        }
    }

    mutating func checkTiers(_ pool: PoolSection) {
        let first = pool.endpoints.filter { !$0.isBackup }
        if first.isEmpty, let position = pool.endpoints.compactMap(\.tierPosition).first {
            findings.warning(
                "every endpoint of the pool `\(pool.name.value)` is a backup, so that none is one; leave `backup` out where "
                    + "requests should go first", at: position)
        }
        if let tier = first.first?.tier, tier > 0, first.allSatisfy({ $0.tier == tier }),
            let position = first.compactMap(\.tierPosition).first
        {
            findings.warning(
                "`tier` has no effect: every endpoint of the pool `\(pool.name.value)` that is not a backup is in tier "
                    + "\(tier); leave it out where requests should go first", at: position)
        }
    }

    mutating func checkPlacement(_ pool: PoolSection) {
        let isUnlimited =
            pool.pool.requests.perEndpoint == nil && pool.pool.connections.max == UpstreamConnectionLimits().max
        if pool.balance.balance == .first, isUnlimited, pool.endpoints.count > 1 {
            findings.warning(
                "`balance: first` fills one endpoint after the other, and nothing says when one is full; add a limit, such "
                    + "as `requests: { max_per_endpoint: 100 }`",
                at: pool.written?.right("balance")?.position ?? pool.name.position)
        }
        if pool.pool.locality.prefersOwnZone, let position = pool.written?.right("zone_aware")?.key.position {
            if let zone = root.zone {
                if !pool.endpoints.contains(where: { $0.zone == zone.value }) {
                    findings.warning(
                        "`zone_aware` has no effect: no endpoint of the pool `\(pool.name.value)` is in this balancer's "
                            + "zone, `\(zone.value)`", at: position)
                }
            } else {
                findings.warning(
                    "`zone_aware` has no effect without this balancer's own `zone`, such as `zone: eu-1a` at the top of "
                        + "the file", at: position)
            }
        }
        if let size = pool.pool.locality.subsetSize, let position = pool.written?.right("subset")?.position,
            size >= pool.endpoints.count
        {
            findings.warning(
                "`subset` has no effect: the pool `\(pool.name.value)` has \(pool.endpoints.count) "
                    + (pool.endpoints.count == 1 ? "endpoint" : "endpoints"), at: position)
        }
    }

    mutating func checkHealth(_ pool: PoolSection) {
        if pool.pool.outliers?.returnsOnProbe == true, pool.pool.health.probe == .none,
            let position = pool.written?.right("outliers")?.key.position
        {
            findings.warning("`return_on_probe` has no effect with `health: off`: there are no probes", at: position)
        }
    }

    mutating func checkAttempts(_ pool: PoolSection) {
        let responseHead = root.timeouts.responseHead
        let perTry = pool.retries.rules.perTryTimeout
        if let perTry, perTry >= responseHead, let position = pool.retries.perTryPosition {
            findings.warning(
                "`per_try` has no effect: `timeouts.response_head` ends an attempt after \(responseHead.configured) "
                    + "already", at: position)
        }
        // A route that makes more attempts takes the rest from its pool.
        if attempts(of: pool) == 1, !routesMakeMoreAttempts(of: pool) { pool.retries.warnOfOneAttempt(&findings) }
        guard let hedge = pool.pool.hedging, let position = pool.written?.right("hedge")?.key.position else { return }
        if attempts(of: pool) == 1 {
            findings.warning(
                "`hedge` has no effect: it is a second attempt, and one is allowed; write `retries: { attempts: 2 }`",
                at: position)
        }
        let end = min(perTry ?? responseHead, responseHead)
        if hedge.after >= end {
            findings.warning(
                "`hedge` has no effect: an attempt ends after \(end.configured) already, before the hedge is sent",
                at: position)
        }
    }

    /// Whether a route to the pool makes several attempts, whatever the pool says.
    func routesMakeMoreAttempts(of pool: PoolSection) -> Bool {
        root.listeners.lazy.compactMap(\.routes).joined().contains { route in
            guard route.retries?.makesMoreAttempts == true, case .forward(let branches, _) = route.action else {
                return false
            }
            return branches.contains { $0.pool.value == pool.name.value }
        }
    }
}
