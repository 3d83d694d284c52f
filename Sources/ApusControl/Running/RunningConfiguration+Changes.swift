import ApusAddresses
import ApusConfig
import ApusModel
import Logging

/// Changes of endpoints while running, beside the configuration.
extension RunningConfiguration {
    /// Makes a change, which every later configuration keeps as long as what it is about is there.
    ///
    /// Weights and drains reach the workers at once; an endpoint that comes or goes is a new snapshot for them.
    ///
    /// - Parameter persistent: whether the change is to outlive the process, where there is a state directory.
    /// - Returns: what could not be done as it was asked, in words; usually nothing.
    @discardableResult
    public func change(
        _ change: DynamicChange, persistent: Bool = true
    ) async throws(ConfigurationRefusal) -> [String] {
        try await takeTurn()
        defer { endTurn() }
        let before = dynamic
        let target = try DynamicTarget(change, of: applied)
        var next = dynamic
        try next.make(change, target, configured: loaded.snapshot, isKept: persistent)
        guard next != before else { return [] }
        let changed = next.applied(to: loaded, in: applied, ofPool: target.pool)
        switch change {
        case .add, .remove:
            do {
                try await adopter.adopt(changed)
            } catch {
                throw .notAdopted("\(error)")
            }
        case .adjust:
            await adopter.setWeight(
                pool: target.pool, endpoint: target.address, weight: changed.weight(of: target))
        }
        dynamic = next
        applied = changed
        logger.notice("\(change.words(target))")
        if !change.isAdjustment { await tellOwnEndpoints() }
        return await keepDynamicState()
    }
}

/// Which endpoint a change is about.
struct DynamicTarget {
    let pool: String
    let address: SocketAddress

    /// - Parameter snapshot: what runs.
    init(_ change: DynamicChange, of snapshot: Snapshot) throws(ConfigurationRefusal) {
        switch change {
        case .add(let pool, let endpoint):
            _ = try snapshot.pool(named: pool)
            self.pool = pool
            address = endpoint.address
        case .remove(let pool, let endpoint), .adjust(let pool, let endpoint, _, _):
            self.pool = pool
            let found = try snapshot.endpoint(endpoint, ofPool: pool)
            guard !found.isUnresolved else {
                throw .conflict(
                    "`\(found.name)` gets nothing, since its host name has no address now that may be used; change it once it "
                        + "has one"
                )
            }
            address = found.address
        }
    }
}

extension DynamicState {
    fileprivate mutating func make(
        _ change: DynamicChange, _ target: DynamicTarget, configured snapshot: Snapshot, isKept: Bool
    ) throws(ConfigurationRefusal) {
        let pool = try snapshot.pool(named: target.pool)
        let configured = snapshot.endpoints[pool.endpoints].first { $0.address == target.address }
        let known = entries.firstIndex { $0.pool == target.pool && $0.address == target.address }
        var entry = known.map { entries[$0] } ?? Entry(pool: target.pool, address: target.address)
        entry.isKept = isKept
        switch change {
        case .add(_, let endpoint):
            try entry.add(endpoint, configured)
        case .remove:
            guard left(in: pool, of: snapshot, without: target.address) > 0 else {
                throw .conflict(
                    "\(target.address) is the last endpoint of the pool `\(pool.name)`, and a pool has at least one; "
                        + "drain it instead, or add another one first")
            }
            // One that was added leaves no trace.
            entry.isRemoved = entry.added == nil
            entry.added = nil
            entry.weight = nil
            entry.isDrained = false
        case .adjust(_, _, let weight, let isDrained):
            switch weight {
            case .number(let number)?:
                let before = configured?.weight ?? entry.added?.weight ?? number
                entry.weight = number == before ? nil : AdjustedWeight(weight: number, configured: before)
            case .asConfigured?: entry.weight = nil
            case nil: break
            }
            if let isDrained { entry.isDrained = isDrained }
        }
        if let known { entries.remove(at: known) }
        if !entry.isVoid { entries.insert(entry, at: known ?? entries.count) }
    }

    /// How many endpoints a pool would have.
    private func left(in pool: Pool, of snapshot: Snapshot, without address: SocketAddress) -> Int {
        let mine = entries.filter { $0.pool == pool.name }
        let removed = Set(mine.filter(\.isRemoved).map(\.address))
        let addresses = snapshot.endpoints[pool.endpoints].map(\.address).filter { !removed.contains($0) }
        return Set(addresses + mine.filter { $0.added != nil }.map(\.address)).subtracting([address]).count
    }
}

extension DynamicState.Entry {
    fileprivate mutating func add(
        _ endpoint: DynamicChange.NewEndpoint, _ configured: Endpoint?
    ) throws(ConfigurationRefusal) {
        guard let configured else {
            guard added == nil else { throw .alreadyThere(endpoint.address, pool) }
            added = .init(
                weight: endpoint.weight, tier: endpoint.tier, backup: endpoint.isBackup ? true : nil,
                zone: endpoint.zone)
            return
        }
        guard isRemoved else { throw .alreadyThere(endpoint.address, pool) }
        guard endpoint.tier == configured.tier, endpoint.isBackup == configured.isBackup,
            endpoint.zone == configured.zone
        else {
            throw .conflict(
                "the configuration has \(endpoint.address) in another tier or zone of the pool `\(pool)`; add it as it is "
                    + "there, with `tier: \(configured.tier)`, `backup: \(configured.isBackup)` and `zone: \(configured.zone ?? "none")`, or change the "
                    + "configuration")
        }
        isRemoved = false
        if endpoint.weight != configured.weight {
            weight = .init(weight: endpoint.weight, configured: configured.weight)
        }
    }
}

extension ConfigurationRefusal {
    fileprivate static func alreadyThere(_ address: SocketAddress, _ pool: String) -> Self {
        .conflict(
            "the pool `\(pool)` has the endpoint \(address) already; change its weight, or whether it is drained, instead"
        )
    }
}

extension DynamicChange {
    /// The endpoints stay.
    fileprivate var isAdjustment: Bool { if case .adjust = self { true } else { false } }

    /// What was done, for the log.
    fileprivate func words(_ target: DynamicTarget) -> String {
        let name = "endpoint \(target.pool)/\(target.address)"
        switch self {
        case .add(_, let endpoint): return "\(name) was added with weight \(endpoint.weight)"
        case .remove: return "\(name) was removed; what it has in flight may finish"
        case .adjust(_, _, let weight, let isDrained):
            var words: [String] = []
            switch weight {
            case .number(let number)?: words.append("weight \(number)")
            case .asConfigured?: words.append("weight as configured")
            case nil: break
            }
            if let isDrained { words.append(isDrained ? "drained" : "not drained any more") }
            return "\(name): \(words.joined(separator: ", "))"
        }
    }
}

extension Snapshot {
    func pool(named name: String) throws(ConfigurationRefusal) -> Pool {
        if let index = pools.firstIndex(where: { $0.name == name && !$0.isRetired }) { return pools[index] }
        throw .noPool(name, pools: pools.filter { !$0.isRetired }.map(\.name))
    }

    /// An endpoint by its name or its address.
    func endpoint(_ name: String, ofPool poolName: String) throws(ConfigurationRefusal) -> Endpoint {
        let present = endpoints[try pool(named: poolName).endpoints].filter { !$0.isRetired }
        let address = SocketAddress(name)
        if let endpoint = present.first(where: { $0.name == name || $0.address == address }) { return endpoint }
        throw .noEndpoint(name, pool: poolName, endpoints: present.map(\.name))
    }

    fileprivate func weight(of target: DynamicTarget) -> Int {
        guard let pool = pools.firstIndex(where: { $0.name == target.pool }) else { return 0 }
        return endpoints[pools[pool].endpoints].first { $0.address == target.address }?.weight ?? 0
    }
}
