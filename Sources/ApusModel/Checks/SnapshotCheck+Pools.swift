import ApusAddresses

/// Pools and endpoints.
extension SnapshotCheck {
    mutating func pools() {
        if snapshot.pools.isEmpty, snapshot.routes.contains(where: { !$0.pools.isEmpty }) {
            problem("pools", found: "none", expected: "those that routes lead to")
        }
        var end = 0
        var names: Set<String> = []
        let knowsNames = knowsPoolNames
        each(snapshot.pools.indices) { check, index, _ in
            let place = { "pools[\(index)]" }
            let isKnown = check.knows(pool: index)
            if !isKnown { check.label(check.snapshot.pools[index].name, place() + ".name") }
            if !knowsNames, !names.insert(check.snapshot.pools[index].name).inserted {
                check.problem(
                    place() + ".name", found: Self.quoted(check.snapshot.pools[index].name),
                    expected: "a name of its own")
            }
            check.range(
                check.snapshot.pools[index].endpoints, of: "endpoints", from: &end,
                below: check.snapshot.endpoints.count, place() + ".endpoints")
            if !isKnown {
                check.picking(of: check.snapshot.pools[index], place)
                check.health(of: check.snapshot.pools[index], place)
                check.protection(of: check.snapshot.pools[index], place)
            }
            if let fallback = check.snapshot.pools[index].fallback { check.fallback(fallback, of: index, place) }
        }
        whole(end, of: snapshot.endpoints.count, "endpoints", by: "pools")
    }

    mutating func endpoints() {
        if problems.isEmpty, knowsPoolNames {
            // Each endpoint is in one pool's range.
            for index in snapshot.pools.indices where !knows(pool: index) {
                for endpoint in snapshot.pools[index].endpoints { self.endpoint(endpoint, owner: index) }
                sessionTokens(of: snapshot.pools[index], index)
            }
            return
        }
        // By index of the pool. An endpoint that names another pool than the one whose range it is in is told once.
        var owners = [Int](repeating: -1, count: snapshot.endpoints.count)
        for (index, pool) in snapshot.pools.enumerated() {
            for endpoint in pool.endpoints.clamped(to: snapshot.endpoints.indices) { owners[endpoint] = index }
        }
        each(owners) { check, owner, index in check.endpoint(index, owner: owner) }
        each(snapshot.pools) { check, pool, index in check.sessionTokens(of: pool, index) }
    }

    /// - Parameter owner: the pool whose range it is in; -1 for none.
    private mutating func endpoint(_ index: Int, owner: Int) {
        guard problems.count < Self.limit else { return }
        let endpoint = snapshot.endpoints[index]
        let place = { "endpoints[\(index)]" }
        label(endpoint.name, place() + ".name")
        number(Int(endpoint.address.port), in: Bounds.ports, place() + ".address.port")
        number(endpoint.weight, in: Bounds.weights, place() + ".weight")
        number(endpoint.tier, in: Bounds.tiers, place() + ".tier")
        if let zone = endpoint.zone { label(zone, place() + ".zone") }
        if endpoint.isUnresolved, endpoint.weight != 0 {
            problem(place() + ".weight", found: "\(endpoint.weight)", expected: "0, since it has no address")
        }
        if endpoint.pool != owner {
            problem(
                place() + ".pool", found: "\(endpoint.pool)",
                expected: owner < 0 ? "a pool that has it in its range" : "\(owner), whose range it is in")
        }
    }

    /// Tokens are compared by their bytes in a cookie: all of one length, no two alike.
    private mutating func sessionTokens(of pool: Pool, _ index: Int) {
        let isSigned = if case .cookie = pool.sticky?.kind { true } else { false }
        var length: Int?
        var known: Set<[UInt8]> = []
        for endpoint in pool.endpoints.clamped(to: snapshot.endpoints.indices) {
            let token = snapshot.endpoints[endpoint].sessionToken
            guard !token.isEmpty || isSigned else { continue }
            let isText = token.allSatisfy { (0x21...0x7e).contains($0) && !"\",;\\".utf8.contains($0) }
            if token.isEmpty || token.count > 128 || token.count != length ?? token.count || !isText
                || !known.insert(token).inserted
            {
                return problem(
                    "endpoints[\(endpoint)].sessionToken", found: "\(token.count) bytes",
                    expected: "1 to 128 bytes that a cookie may hold, as many as in the whole of pools[\(index)], and "
                        + "for this endpoint alone")
            }
            length = token.count
        }
    }

    private mutating func picking(of pool: Pool, _ place: () -> String) {
        hashKey(pool.hash.key) { place() + ".hash.key" }
        number(pool.hash.loadFactor, in: Bounds.loadFactors, place() + ".hash.loadFactor")
        number(pool.locality.subsetSize, in: Bounds.subsetSizes, place() + ".locality.subsetSize")
        number(pool.locality.overprovisioning, in: Bounds.overprovisioning, place() + ".locality.overprovisioning")
        if let slowStart = pool.slowStart {
            duration(slowStart.window, place() + ".slowStart.window")
            number(slowStart.aggression, in: Bounds.aggressions, place() + ".slowStart.aggression")
        }
        switch pool.sticky?.kind {
        case nil: break
        case .learned(let name, let lifetime, let capacity):
            token(name, place() + ".sticky.name")
            duration(lifetime, in: Bounds.sessionLifetimes, place() + ".sticky.lifetime")
            number(capacity, in: Bounds.learnedSessions, place() + ".sticky.capacity")
        case .cookie(let cookie):
            token(cookie.name, place() + ".sticky.name")
            seconds(cookie.lifetime, in: Bounds.sessionLifetimes, place() + ".sticky.lifetime")
            attribute(cookie.path, place() + ".sticky.path")
            if let domain = cookie.domain { attribute(domain, place() + ".sticky.domain") }
        }
    }

    /// An attribute of a cookie (RFC 6265 section 4.1.1).
    private mutating func attribute(_ text: String, _ place: @autoclosure () -> String) {
        let isGood = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ";") }
        guard text.isEmpty || !isGood else { return }
        problem(place(), found: Self.quoted(text), expected: "visible ASCII without `;`")
    }

    mutating func hashKey(_ key: HashRules.Key, _ place: () -> String) {
        switch key {
        case .path: break
        case .client(let ipv4, let ipv6):
            number(ipv4, in: Bounds.ipv4Prefixes, place() + ".ipv4Prefix")
            number(ipv6, in: Bounds.ipv6Prefixes, place() + ".ipv6Prefix")
        case .header(let name), .cookie(let name): token(name, place())
        case .query(let name): label(name, place())
        }
    }

    private mutating func health(of pool: Pool, _ place: () -> String) {
        let health = pool.health
        duration(health.interval, place() + ".health.interval")
        duration(health.downInterval, place() + ".health.downInterval")
        duration(health.timeout, place() + ".health.timeout")
        number(health.rise, in: Bounds.probesInARow, place() + ".health.rise")
        number(health.fall, in: Bounds.probesInARow, place() + ".health.fall")
        number(health.port.map(Int.init), in: Bounds.ports, place() + ".health.port")
        if case .http(let probe) = health.probe { self.probe(probe, place) }
        number(pool.panicThreshold, in: Bounds.percentages, place() + ".panicThreshold")
        guard let outliers = pool.outliers else { return }
        func each() -> String { place() + ".outliers" }
        number(outliers.consecutive5xx, in: Bounds.failuresInARow, each() + ".consecutive5xx")
        number(outliers.consecutiveGatewayErrors, in: Bounds.failuresInARow, each() + ".consecutiveGatewayErrors")
        number(outliers.successRateDeviations, in: Bounds.deviations, each() + ".successRateDeviations")
        number(outliers.latencyFactor, in: Bounds.latencyFactors, each() + ".latencyFactor")
        number(outliers.minimumHosts, in: Bounds.comparedHosts, each() + ".minimumHosts")
        number(outliers.minimumVolume, in: Bounds.volumes, each() + ".minimumVolume")
        duration(outliers.interval, each() + ".interval")
        duration(outliers.baseEjection, each() + ".baseEjection")
        duration(outliers.maximumEjection, each() + ".maximumEjection")
        order(outliers.baseEjection, outliers.maximumEjection, each() + ".baseEjection", "maximumEjection")
        number(outliers.maximumEjectedPercent, in: Bounds.shares, each() + ".maximumEjectedPercent")
    }

    private mutating func probe(_ probe: HTTPProbe, _ place: () -> String) {
        token(probe.method, place() + ".health.probe.method")
        target(probe.path.utf8, place() + ".health.probe.path")
        if let host = probe.host { target("/\(host)".utf8, place() + ".health.probe.host") }
        each(probe.headers) { check, header, index in
            check.token(header.name, place() + ".health.probe.headers[\(index)].name")
            check.fieldValue(header.value.utf8, place() + ".health.probe.headers[\(index)].value")
        }
        let isWithin = probe.statuses.allSatisfy { $0.clamped(to: Bounds.expectedStatuses) == $0 }
        guard probe.statuses.isEmpty || !isWithin else { return }
        problem(
            place() + ".health.probe.statuses", found: "\(probe.statuses)",
            expected: "at least one status, from \(Bounds.expectedStatuses.lowerBound) to "
                + "\(Bounds.expectedStatuses.upperBound)")
    }

    private mutating func fallback(_ fallback: Fallback, of pool: Int, _ place: () -> String) {
        switch fallback {
        case .response(let response):
            answer(status: response.status, contentType: response.contentType, body: response.body) {
                place() + ".fallback"
            }
            seconds(response.retryAfter, in: Bounds.retryAfter, place() + ".fallback.retryAfter")
        case .pool(let other):
            index(other, of: "pools", below: snapshot.pools.count, place() + ".fallback")
            guard snapshot.pools.indices.contains(other) else { return }
            if case .pool = snapshot.pools[other].fallback {
                problem(
                    place() + ".fallback", found: "\(other)",
                    expected: "another pool that has no fallback pool itself")
            }
        }
    }

    private mutating func protection(of pool: Pool, _ place: () -> String) {
        number(pool.connections.maxIdle, in: Bounds.countsOrNone, place() + ".connections.maxIdle")
        duration(pool.connections.idleTimeout, place() + ".connections.idleTimeout")
        number(pool.connections.max, in: Bounds.counts, place() + ".connections.max")
        if let age = pool.connections.maxAge { duration(age, place() + ".connections.maxAge") }
        number(
            pool.connections.maxRequests, in: Bounds.requestsPerConnection, place() + ".connections.maxRequests")
        number(pool.requests.perEndpoint, in: Bounds.counts, place() + ".requests.perEndpoint")
        number(pool.requests.perPool, in: Bounds.counts, place() + ".requests.perPool")
        number(pool.requests.queue?.length, in: Bounds.counts, place() + ".requests.queue.length")
        duration(pool.requests.queue?.timeout, place() + ".requests.queue.timeout")
        if let breaker = pool.endpointBreaker { self.breaker(breaker) { place() + ".endpointBreaker" } }
        if let breaker = pool.poolBreaker { self.breaker(breaker) { place() + ".poolBreaker" } }
        retries(pool.retries) { place() + ".retries" }
        duration(pool.hedging?.after, place() + ".hedging.after")
        guard let concurrency = pool.concurrency else { return }
        func each() -> String { place() + ".concurrency" }
        number(concurrency.minimum, in: Bounds.counts, each() + ".minimum")
        number(concurrency.maximum, in: Bounds.counts, each() + ".maximum")
        let limits = concurrency.minimum...max(concurrency.minimum, concurrency.maximum)
        number(concurrency.initial, in: limits, each() + ".initial")
        if concurrency.maximum < concurrency.minimum {
            problem(each() + ".maximum", found: "\(concurrency.maximum)", expected: "at least `minimum`")
        }
        duration(concurrency.interval, each() + ".interval")
        number(concurrency.tolerancePercent, in: Bounds.tolerances, each() + ".tolerancePercent")
        if let header = concurrency.priorityHeader { token(header, each() + ".priorityHeader") }
        seconds(concurrency.retryAfter, in: Bounds.retryAfter, each() + ".retryAfter")
    }

    private mutating func breaker(_ rules: BreakerRules, _ place: () -> String) {
        number(rules.consecutiveFailures, in: Bounds.failuresInARow, place() + ".consecutiveFailures")
        number(rules.failurePercent, in: Bounds.shares, place() + ".failurePercent")
        number(rules.slowPercent, in: Bounds.shares, place() + ".slowPercent")
        duration(rules.slowAfter, place() + ".slowAfter")
        duration(rules.window, in: Bounds.breakerWindows, place() + ".window")
        number(rules.minimumVolume, in: Bounds.volumes, place() + ".minimumVolume")
        duration(rules.open, place() + ".open")
        duration(rules.maximumOpen, place() + ".maximumOpen")
        order(rules.open, rules.maximumOpen, place() + ".open", "maximumOpen")
        number(rules.trials, in: Bounds.trials, place() + ".trials")
    }

    mutating func retries(_ rules: RetryRules, _ place: () -> String) {
        number(rules.attempts, in: Bounds.attempts, place() + ".attempts")
        each(rules.statuses) { check, status, index in
            check.number(status, in: Bounds.retriedStatuses, place() + ".statuses[\(index)]")
        }
        duration(rules.perTryTimeout, place() + ".perTryTimeout")
        number(rules.bodyBytes, in: Bounds.keptBodyBytes, place() + ".bodyBytes")
        duration(rules.backoff, in: Bounds.backoffsInCode, place() + ".backoff")
        duration(rules.maximumBackoff, in: Bounds.backoffsInCode, place() + ".maximumBackoff")
        order(rules.backoff, rules.maximumBackoff, place() + ".backoff", "maximumBackoff")
        number(rules.budgetPercent, in: Bounds.percentages, place() + ".budgetPercent")
        number(rules.minimumPerSecond, in: Bounds.countsOrNone, place() + ".minimumPerSecond")
    }
}
