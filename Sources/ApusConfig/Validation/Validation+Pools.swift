import ApusAddresses
import ApusModel
import Crypto

extension Validation {
    mutating func poolsAndEndpoints() -> ([Pool], [Endpoint]) {
        var pools: [Pool] = []
        var endpoints: [Endpoint] = []
        for section in root.pools {
            let first = endpoints.count
            endpoints += self.endpoints(of: section, pool: pools.count)
            checkWeights(section)
            checkTiers(section)
            checkPlacement(section)
            checkHealth(section)
            checkAttempts(section)
            pools.append(pool(section, endpoints: first..<endpoints.count))
            origins.pools.append(place(section.name.position))
        }
        return (pools, endpoints)
    }

    private mutating func pool(_ section: PoolSection, endpoints: Range<Int>) -> Pool {
        var retries = section.retries.rules
        retries.attempts = section.retries.attempts ?? root.limits.attempts
        var pool = Pool(
            name: section.name.value, balance: section.balance.balance, hash: hashRules(of: section),
            locality: section.locality, slowStart: section.slowStart, sticky: section.sticky?.rules,
            health: section.health, outliers: section.outliers, panicThreshold: section.panicThreshold,
            fallback: section.fallback.flatMap { fallback($0, of: section) }, endpoints: endpoints,
            connections: section.connections, requests: section.requests, endpointBreaker: section.breaker,
            poolBreaker: section.poolBreaker, retries: retries, hedging: section.hedge?.rules,
            concurrency: section.concurrency, passesTrailers: section.trailers?.value ?? false)
        pool.keepsReasons = section.keepsReasons
        return pool
    }

    private mutating func endpoints(of section: PoolSection, pool: Int) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        var known: [SocketAddress: String] = [:]
        let signer = sessionSigner(of: section)
        signers[pool] = signer
        for endpoint in section.endpoints {
            guard let authority = endpoint.address, let address = address(of: authority) else { continue }
            if let other = known.updateValue(authority.value.text, forKey: address) {
                findings.error(
                    other == authority.value.text
                        ? "the endpoint `\(other)` is listed twice; give it a `weight` for a larger share"
                        : "the endpoint `\(authority.value.text)` is the same as `\(other)`: \(address)",
                    at: authority.position)
            }
            origins.endpoints.append(place(authority.position))
            endpoints.append(
                Endpoint(
                    name: authority.value.text, address: address, weight: endpoint.weight?.value ?? 1, pool: pool,
                    tier: endpoint.tier, zone: endpoint.zone,
                    sessionToken: signer?.token(pool: section.name.value, endpoint: authority.value) ?? []))
        }
        return endpoints
    }

    /// Nil for a pool without a cookie of Apus's own.
    private mutating func sessionSigner(of section: PoolSection) -> SessionSigner? {
        guard let sticky = section.sticky, case .cookie = sticky.rules.kind else { return nil }
        if let bytes = sticky.secret.flatMap({ bytes(of: $0) }) {
            return SessionSigner(secret: SymmetricKey(data: bytes))
        }
        if !sticky.isSecretWritten {
            findings.warning(
                "`sticky` has no `secret`, and a random one is made at each start: sessions end with a restart, and "
                    + "other balancers do not know them", at: sticky.position)
        }
        return SessionSigner(secret: randomSecret)
    }

    private mutating func hashRules(of section: PoolSection) -> HashRules {
        let rules = section.hash?.value ?? HashRules()
        guard let position = section.hash?.position else { return rules }
        if section.balance.balance != .hash {
            findings.warning(
                "`hash` has no effect with `balance: \(section.balance.name)`; write `balance: hash`", at: position)
        } else if section.balance.isByClient {
            guard case .client = rules.key else {
                findings.error(
                    "`balance: ip-hash` hashes the client's address, and `hash` names something else; write "
                        + "`balance: hash`", at: position)
                return rules
            }
        }
        return rules
    }

    /// A fallback has none of its own: a request would otherwise wander from pool to pool.
    private mutating func fallback(_ fallback: FallbackSection, of section: PoolSection) -> Fallback? {
        switch fallback {
        case .response(let response): return .response(response)
        case .pool(let name):
            guard let index = pool(named: name) else { return nil }
            if name.value == section.name.value {
                findings.error("the pool `\(name.value)` cannot be its own fallback; name another", at: name.position)
            } else if case .pool(let next) = root.pools[index].fallback {
                findings.error(
                    "the pool `\(name.value)` cannot be a fallback, since it falls back to `\(next.value)` itself; "
                        + "name a pool without a fallback pool", at: name.position)
            }
            if let trailers = section.trailers, trailers.value, root.pools[index].trailers?.value != true {
                findings.warning(
                    "`trailers: on` has no effect, since the fallback `\(name.value)` takes none; write `trailers: on` "
                        + "there too", at: trailers.position)
            }
            return .pool(index)
        }
    }
}
