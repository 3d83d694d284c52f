public import ApusAddresses
public import ApusConfig
public import ApusModel

/// What was changed of endpoints while running: it stands beside the configuration and is laid over it.
///
/// By identity: a pool goes by its name, an endpoint by its address. A value; nothing here knows of workers.
public struct DynamicState: Sendable, Equatable {
    /// In the order in which they were first changed.
    public internal(set) var entries: [Entry] = []

    /// What was changed of one endpoint.
    public struct Entry: Sendable, Equatable {
        public var pool: String
        public var address: SocketAddress
        /// Nil for an endpoint of the configuration.
        public var added: Added?
        public var isRemoved = false
        /// Instead of the configured weight.
        public var weight: AdjustedWeight?
        public var isDrained = false
        /// Whether it is to outlive the process.
        public var isKept = true

        /// Nothing is left of the changes.
        var isVoid: Bool { added == nil && !isRemoved && weight == nil && !isDrained }
    }

    public struct Added: Sendable, Equatable, Codable {
        public var weight: Int
        public var tier: Int
        /// Nil for no, so that what was kept before there were backups is read.
        public var backup: Bool?
        public var zone: String?
    }

    /// A weight that stands until somebody writes another one into the configuration.
    public struct AdjustedWeight: Sendable, Equatable, Codable {
        public var weight: Int
        /// What the configuration said when it was set.
        public var configured: Int
    }

    public init() {}

    public var isEmpty: Bool { entries.isEmpty }

    /// What was changed of one endpoint; nil when nothing was.
    public func entry(pool: String, address: SocketAddress) -> Entry? {
        entries.first { $0.pool == pool && $0.address == address }
    }

    // MARK: - Laid over a configuration

    /// What runs: the configuration with these changes. Those that are about nothing in it have no effect.
    public func applied(to loaded: LoadedConfiguration) -> Snapshot {
        applied(to: loaded.snapshot, signers: loaded.sessionSigners)
    }

    /// - Parameter signers: by index of the pool, for those with session cookies of Apus's own.
    func applied(to snapshot: Snapshot, signers: [Int: SessionSigner]) -> Snapshot {
        guard !entries.isEmpty else { return snapshot }
        var pools = snapshot.pools
        var endpoints: [Endpoint] = []
        endpoints.reserveCapacity(snapshot.endpoints.count + entries.count)
        let entriesOfPools = Dictionary(grouping: entries, by: \.pool)
        for (index, pool) in snapshot.pools.enumerated() {
            let first = endpoints.count
            if let entries = entriesOfPools[pool.name] {
                endpoints += Self.members(ofPool: index, of: snapshot, with: entries, signers[index])
            } else {
                endpoints += snapshot.endpoints[pool.endpoints]
            }
            pools[index].endpoints = first..<endpoints.count
        }
        return snapshot.replacing(pools: pools, endpoints: endpoints)
    }

    /// What runs when these changes differ in one pool from those that were laid over `loaded` to make `running`.
    func applied(to loaded: LoadedConfiguration, in running: Snapshot, ofPool name: String) -> Snapshot {
        guard let index = loaded.snapshot.pools.firstIndex(where: { $0.name == name }) else { return running }
        let members = Self.members(
            ofPool: index, of: loaded.snapshot, with: entries.filter { $0.pool == name }, loaded.sessionSigners[index])
        return running.replacing(endpoints: members, ofPool: index)
    }

    /// The endpoints of a pool with the changes to it.
    private static func members(
        ofPool index: Int, of snapshot: Snapshot, with entries: [Entry], _ signer: SessionSigner?
    ) -> [Endpoint] {
        var members: [Endpoint] = []
        let changes = Dictionary(entries.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        for var endpoint in snapshot.endpoints[snapshot.pools[index].endpoints] {
            if let entry = changes[endpoint.address] {
                if entry.isRemoved { continue }
                endpoint.weight = entry.effectiveWeight(configured: endpoint.weight)
            }
            members.append(endpoint)
        }
        let present = Set(members.map(\.address))
        for entry in entries where !present.contains(entry.address) {
            if let endpoint = entry.endpoint(pool: index, signer: signer) { members.append(endpoint) }
        }
        return members
    }

    /// Drops what `snapshot`, as it was loaded, leaves nothing to say about.
    ///
    /// - Returns: what was dropped and why, a line each.
    @discardableResult
    public mutating func reconcile(with snapshot: Snapshot) -> [String] {
        var lines: [String] = []
        var left: [Entry] = []
        for var entry in entries {
            guard let pool = snapshot.pools.first(where: { $0.name == entry.pool }) else {
                lines.append("\(entry) is dropped: the pool is gone")
                continue
            }
            let configured = snapshot.endpoints[pool.endpoints].first { $0.address == entry.address }
            if let configured {
                if entry.added != nil {
                    lines.append("\(entry) stands in the configuration now, which counts from here on")
                    entry.added = nil
                    entry.weight = nil
                }
                if let weight = entry.weight, weight.configured != configured.weight {
                    lines.append(
                        "\(entry): the weight \(weight.weight) is dropped, since the configuration has another one now: "
                            + "\(configured.weight)")
                    entry.weight = nil
                }
            } else if entry.added == nil, snapshot.endpoints[pool.endpoints].contains(where: \.isUnresolved) {
                // It may be one of a name that has no address at this moment.
                left.append(entry)
                continue
            } else if entry.added == nil {
                lines.append("\(entry) is dropped: the endpoint is gone")
                continue
            }
            if !entry.isVoid { left.append(entry) }
        }
        entries = left
        return lines
    }
}

extension DynamicState.Entry {
    /// - Parameter configured: what the configuration says.
    func effectiveWeight(configured: Int) -> Int { isDrained ? 0 : weight?.weight ?? configured }

    /// The endpoint that was added; nil for another one.
    fileprivate func endpoint(pool: Int, signer: SessionSigner?) -> Endpoint? {
        guard let added else { return nil }
        return Endpoint(
            name: "\(address)", address: address, weight: effectiveWeight(configured: added.weight), pool: pool,
            tier: added.tier, isBackup: added.backup ?? false, zone: added.zone,
            sessionToken: signer?.token(pool: self.pool, address: address) ?? [])
    }
}

extension DynamicState.Entry: CustomStringConvertible {
    /// What was changed: `web/10.0.0.7:80, drained`.
    public var description: String {
        var words: [String] = []
        if let added { words.append("added with weight \(added.weight)") }
        if isRemoved { words.append("removed") }
        if let weight { words.append("weight \(weight.weight)") }
        if isDrained { words.append("drained") }
        return "endpoint \(pool)/\(address), \(words.joined(separator: ", "))"
    }
}
