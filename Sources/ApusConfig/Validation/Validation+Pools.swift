import ApusModel

extension Validation {
    mutating func poolsAndEndpoints() -> ([Pool], [Endpoint]) {
        var pools: [Pool] = []
        var endpoints: [Endpoint] = []
        for section in root.pools {
            let first = endpoints.count
            var known: [SocketAddress: String] = [:]
            for endpoint in section.endpoints {
                guard let authority = endpoint.address, let address = address(of: authority) else { continue }
                if let other = known.updateValue(authority.value.text, forKey: address) {
                    findings.error(
                        other == authority.value.text
                            ? "the endpoint `\(other)` is listed twice; give it a `weight` for a larger share"
                            : "the endpoint `\(authority.value.text)` is the same as `\(other)`: \(address)",
                        at: authority.position)
                }
                endpoints.append(
                    Endpoint(
                        name: authority.value.text, address: address, weight: endpoint.weight?.value ?? 1,
                        pool: pools.count))
            }
            checkWeights(section)
            pools.append(
                Pool(
                    name: section.name.value, balance: section.balance, health: section.health,
                    endpoints: first..<endpoints.count, connections: section.connections))
        }
        return (pools, endpoints)
    }

    private mutating func checkWeights(_ pool: PoolSection) {
        let weights = pool.endpoints.compactMap(\.weight)
        if pool.balance == .roundRobin, let useless = weights.first(where: { $0.value > 1 }) {
            findings.warning(
                "weights have no effect with `balance: round-robin`; use `weighted-round-robin`", at: useless.position)
        }
        if !weights.isEmpty, weights.count == pool.endpoints.count, weights.allSatisfy({ $0.value == 0 }) {
            findings.warning(
                "every endpoint of the pool `\(pool.name.value)` has weight 0: its requests will be answered 503",
                at: pool.name.position)
        }
    }
}
