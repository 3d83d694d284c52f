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
        var pool = section.pool
        pool.name = section.name.value
        pool.endpoints = endpoints
        pool.balance = section.balance.balance
        pool.sticky = section.sticky?.rules
        pool.fallback = section.fallback.flatMap { fallback($0, of: section) }
        pool.retries = section.retries.rules
        pool.retries.attempts = attempts(of: section)
        checkHash(section)
        return pool
    }

    /// Endpoints that are tried for a request of the pool.
    func attempts(of pool: PoolSection) -> Int {
        pool.retries.setsAttempts ? pool.retries.rules.attempts : root.limits.attempts
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
                    name: authority.value.text, address: address, weight: endpoint.weight, pool: pool,
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
                    + "other balancers do not know them",
                at: section.written?["sticky"]?.key.position ?? section.name.position)
        }
        return SessionSigner(secret: randomSecret)
    }

    private mutating func checkHash(_ section: PoolSection) {
        guard let position = section.written?["hash"]?.key.position else { return }
        if section.balance.balance != .hash {
            findings.warning(
                "`hash` has no effect with `balance: \(section.balance.name)`; write `balance: hash`", at: position)
        } else if section.balance.isByClient {
            if case .client = section.pool.hash.key { return }
            findings.error(
                "`balance: ip-hash` hashes the client's address, and `hash` names something else; write "
                    + "`balance: hash`", at: position)
        }
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
            if section.pool.passesTrailers, !root.pools[index].pool.passesTrailers,
                let trailers = section.written?.right("trailers")
            {
                findings.warning(
                    "`trailers: on` has no effect, since the fallback `\(name.value)` takes none; write `trailers: on` "
                        + "there too", at: trailers.key.position)
            }
            return .pool(index)
        }
    }
}
