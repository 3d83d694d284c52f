import ApusAddresses
import ApusModel
import Crypto

extension Validation {
    /// - Parameter admin: where no name may lead.
    mutating func poolsAndEndpoints(_ admin: [Admin]) -> ([Pool], [Endpoint]) {
        let machine = loader.localAddresses
        let forbidden = OwnPlaces([], admin, machine: { machine() })
        var pools: [Pool] = []
        var endpoints: [Endpoint] = []
        for section in root.pools {
            let first = endpoints.count
            endpoints += self.endpoints(of: section, pool: pools.count, forbidden)
            checkWeights(section)
            checkTiers(section)
            checkPlacement(section)
            checkHealth(section)
            checkAttempts(section)
            checkKeptBodies(section)
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
        pool.tls = tls(of: section)
        pool.retries = section.retries.rules
        pool.retries.attempts = attempts(of: section)
        checkHash(section)
        return pool
    }

    /// Endpoints that are tried for a request of the pool.
    func attempts(of pool: PoolSection) -> Int {
        pool.retries.setsAttempts ? pool.retries.rules.attempts : root.limits.attempts
    }

    private mutating func endpoints(
        of section: PoolSection, pool: Int, _ forbidden: OwnPlaces
    ) -> [Endpoint] {
        let signer = sessionSigner(of: section)
        signers[pool] = signer
        let written = section.endpoints.compactMap { endpoint in endpoint.address.map { (endpoint, $0) } }
        let entries = written.map { endpoint, authority in
            NamedEndpoints.Entry(
                authority: authority.value, weight: endpoint.weight, tier: endpoint.tier,
                isBackup: endpoint.isBackup, zone: endpoint.zone, place: place(authority.position))
        }
        let named = NamedEndpoints(
            poolName: section.name.value, pool: pool, family: section.pool.family, signer: signer, entries: entries)
        if !named.names.isEmpty {
            self.named.append(named)
            for (_, authority) in written { lookUp(authority, section.pool.family) }
        }
        let lookups = lookups
        let members = named.members({ lookups[$0] ?? [] }, refusing: { forbidden.refusal(at: $0) != nil })
        tellRepeats(members.repeats, written.map(\.1))
        for (own, (entry, _)) in zip(named.refused(members, forbidden), members.refused) {
            findings.warning("\(own)", at: written[entry].1.position)
            refused.append(own)
        }
        origins.endpoints += members.places
        return members.endpoints
    }

    /// Looks up an endpoint's name, if it is one. The file is not wrong because the name has no address now.
    private mutating func lookUp(_ authority: Located<Authority>, _ family: AddressFamily) {
        guard case .name(let name) = authority.value.host else { return }
        let addresses = addresses(of: name)
        guard family.chosen(of: addresses).isEmpty else { return }
        let words = addresses.isEmpty ? "has no address now" : "has no \(family == .ipv4 ? "IPv4" : "IPv6") address now"
        findings.warning(
            "the host name `\(name)` \(words); unless the one of before is known, `\(authority.value.text)` gets no requests "
                + "until one is found: check its spelling and the name service", at: authority.position)
    }

    /// Two entries that say the same are a mistake; a name that stands for what is there already may be one of a moment.
    private mutating func tellRepeats(
        _ repeats: [(entry: Int, other: Int, address: SocketAddress)], _ written: [Located<Authority>]
    ) {
        var texts: [String: Int] = [:]
        for (index, authority) in written.enumerated() {
            guard texts.updateValue(index, forKey: authority.value.canonicalText) != nil else { continue }
            guard case .name = authority.value.host else { continue }
            findings.error(
                "the endpoint `\(authority.value.text)` is listed twice; give it a `weight` for a larger share",
                at: authority.position)
        }
        for (entry, other, address) in repeats {
            let (own, first) = (written[entry].value, written[other].value)
            if own.isName || first.isName {
                guard own.canonicalText != first.canonicalText else { continue }
                findings.warning(
                    "the endpoint `\(own.text)` is \(address), which is `\(first.text)`, too; it is used once, with the "
                        + "settings of `\(first.text)`", at: written[entry].position)
            } else {
                findings.error(
                    own.text == first.text
                        ? "the endpoint `\(own.text)` is listed twice; give it a `weight` for a larger share"
                        : "the endpoint `\(own.text)` is the same as `\(first.text)`: \(address)",
                    at: written[entry].position)
            }
        }
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
