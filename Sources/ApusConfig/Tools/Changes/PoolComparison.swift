import ApusModel

/// What differs in pools and their endpoints.
struct PoolComparison {
    private let old: Snapshot
    private let new: Snapshot
    private(set) var changes: [ConfigurationChange] = []

    init(_ old: Snapshot, _ new: Snapshot) {
        self.old = old
        self.new = new
        let before = old.pools.filter { !$0.isRetired }
        let byName = Dictionary(before.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for pool in new.pools where !pool.isRetired {
            if let one = byName[pool.name] { compare(one, pool) } else { added(pool) }
        }
        let kept = Set(new.pools.filter { !$0.isRetired }.map(\.name))
        for pool in before where !kept.contains(pool.name) { removed(pool) }
    }

    private mutating func added(_ pool: Pool) {
        let count = counted(endpoints(of: pool, new).count, "endpoint")
        changes.append(
            ConfigurationChange(
                kind: .added, subject: .pool, name: "pool \(pool.name)", details: [pool.balance.rawValue, count]))
    }

    private mutating func removed(_ pool: Pool) {
        changes.append(
            ConfigurationChange(
                kind: .removed, subject: .pool, name: "pool \(pool.name)",
                details: [counted(endpoints(of: pool, old).count, "endpoint")],
                effect: "requests that it has are finished, then its connections close"))
    }

    private mutating func compare(_ one: Pool, _ other: Pool) {
        var details = Settings(one, of: old).changes(to: Settings(other, of: new)).map(\.words)
        let before = endpoints(of: one, old)
        let after = endpoints(of: other, new)
        let byAddress = Dictionary(before.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        let losesSessions =
            other.sticky != nil
            && after.contains { endpoint in
                guard let same = byAddress[endpoint.address]?.sessionToken, !same.isEmpty else { return false }
                return !endpoint.sessionToken.isEmpty && same != endpoint.sessionToken
            }
        if losesSessions { details.append("sticky.secret changed") }
        if !details.isEmpty {
            changes.append(
                ConfigurationChange(
                    kind: .changed, subject: .pool, name: "pool \(other.name)", details: details,
                    effect: losesSessions ? "clients with sessions are placed anew" : nil))
        }
        for endpoint in after {
            if let same = byAddress[endpoint.address] {
                compare(same, endpoint, in: other)
            } else {
                tell(
                    .added, endpoint, in: other,
                    Self.settings(endpoint).entries.filter { $0.key == "weight" || !$0.isUsual }.map {
                        "\($0.key) \($0.value.inline)"
                    })
            }
        }
        let kept = Set(after.map(\.address))
        for endpoint in before where !kept.contains(endpoint.address) {
            tell(.removed, endpoint, in: other, [], effect: "it gets no new requests, and finishes those that it has")
        }
    }

    private mutating func compare(_ one: Endpoint, _ other: Endpoint, in pool: Pool) {
        var details = Self.settings(one).changes(to: Self.settings(other)).map(\.words)
        if one.name != other.name { details.insert("address \(one.name) -> \(other.name)", at: 0) }
        guard !details.isEmpty else { return }
        let drains = one.weight != 0 && other.weight == 0
        tell(.changed, other, in: pool, details, effect: drains ? "it drains: only its sessions go on" : nil)
    }

    private mutating func tell(
        _ kind: ConfigurationChange.Kind, _ endpoint: Endpoint, in pool: Pool, _ details: [String],
        effect: String? = nil
    ) {
        changes.append(
            ConfigurationChange(
                kind: kind, subject: .endpoint, name: "pool \(pool.name): endpoint \(endpoint.name)", details: details,
                effect: effect))
    }

    private func endpoints(of pool: Pool, _ snapshot: Snapshot) -> [Endpoint] {
        snapshot.endpoints[pool.endpoints].filter { !$0.isRetired }
    }

    private static func settings(_ endpoint: Endpoint) -> Settings { Settings(EndpointSection(endpoint)) }
}
