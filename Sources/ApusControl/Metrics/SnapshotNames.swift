import ApusModel

/// What metrics and answers show of a snapshot, and by which names. What a reload has retired is not among it: nothing
/// may be there twice, when it was removed and added again.
struct SnapshotNames: Sendable {
    /// Those that are not retired, as indices into the snapshot; endpoints of retired pools are not among them.
    let listeners: [Int]
    let pools: [Int]
    let endpoints: [Int]
    /// By indices into the snapshot, as those that follow.
    let listenerNames: [String]
    let poolNames: [String]
    let endpointNames: [String]

    init(_ snapshot: Snapshot) {
        listeners = snapshot.listeners.indices.filter { !snapshot.listeners[$0].isRetired }
        let pools = snapshot.pools.indices.filter { !snapshot.pools[$0].isRetired }
        self.pools = pools
        endpoints = pools.flatMap { snapshot.presentEndpoints(of: snapshot.pools[$0]) }
        listenerNames = Self.unique(snapshot.listeners.map(\.name))
        poolNames = Self.unique(snapshot.pools.map(\.name))
        endpointNames = snapshot.pools.flatMap { pool in
            Self.unique(snapshot.endpoints[pool.endpoints].map(\.name))
        }
    }

    /// The names, those that occur again numbered (`web`, `web#2`): the same labels twice would void a whole scrape.
    ///
    /// - Parameter reserved: names that mean something else here.
    static func unique(_ names: [String], reserved: Set<String> = []) -> [String] {
        var taken = reserved.union(names)
        if taken.count == names.count + reserved.count { return names }
        var seen = reserved
        return names.map { name in
            if seen.insert(name).inserted { return name }
            var number = 2
            while !taken.insert("\(name)#\(number)").inserted { number += 1 }
            return "\(name)#\(number)"
        }
    }
}

extension Snapshot {
    /// The name of one pool as `SnapshotNames` has it.
    func uniqueName(ofPool index: Int) -> String {
        // The first of a name keeps it.
        let isFirst = !(0..<index).contains { pools[$0].name == pools[index].name }
        return isFirst ? pools[index].name : SnapshotNames.unique(pools.map(\.name))[index]
    }

    /// The name of one endpoint as `SnapshotNames` has it.
    func uniqueName(ofEndpoint index: Int) -> String {
        let members = pools[endpoints[index].pool].endpoints
        return SnapshotNames.unique(endpoints[members].map(\.name))[index - members.lowerBound]
    }
}
