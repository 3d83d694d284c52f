internal import ApusModel

/// Endpoints of one pool that come first, second, and so on, together: those of one tier, or of a tier in one zone. The
/// pool's backups come last.
struct Rank: Sendable {
    let name: String
    /// Its endpoints are used only when no other is available.
    let isBackup: Bool
    /// Its endpoints: in the pool's order, or, where the rank is larger than the subset to use, in the order in which
    /// this balancer prefers them.
    var members: [Int]
    /// How many endpoints are used at most; nil for all.
    let subsetSize: Int?
    /// The members in use, where not all are.
    var subset: [Int] = []

    // Of the members with a weight above 0:
    var count = 0
    var weight = 0
    var availableCount = 0
    var availableWeight = 0

    /// The ranks of a pool, the first that is used first. A pool without tiers and zones has one.
    static func ranks(of pool: Pool, in snapshot: Snapshot) -> [Rank] {
        let endpoints = snapshot.endpoints[snapshot.presentEndpoints(of: pool)]
        let backups = endpoints.indices.filter { endpoints[$0].isBackup }
        let others = endpoints.indices.filter { !endpoints[$0].isBackup }
        var ranks: [Rank] = []
        for tier in Set(others.map { endpoints[$0].tier }).sorted() {
            let members = others.filter { endpoints[$0].tier == tier }
            ranks += zones(of: members, "tier \(tier)", isBackup: false, pool: pool, in: snapshot)
        }
        return ranks + zones(of: backups, "backup", isBackup: true, pool: pool, in: snapshot)
    }

    /// The rank of these endpoints, or the ranks: those in this balancer's own zone come first, where the pool wants that.
    private static func zones(
        of all: [Int], _ title: String, isBackup: Bool, pool: Pool, in snapshot: Snapshot
    ) -> [Rank] {
        let endpoints = snapshot.endpoints
        let own = all.filter { isOwn(endpoints[$0], pool: pool, snapshot: snapshot) }
        let other = all.filter { !isOwn(endpoints[$0], pool: pool, snapshot: snapshot) }
        let ownName = own.isEmpty ? "" : ", zone \(snapshot.zone ?? "")"
        let otherName = own.isEmpty ? "" : ", other zones"
        return [(ownName, own), (otherName, other)].filter { !$0.1.isEmpty }.map { name, members in
            Rank(
                name: title + name, isBackup: isBackup, members: members.map { $0 - pool.endpoints.lowerBound },
                names: members.map { endpoints[$0].name }, node: snapshot.node,
                subsetSize: pool.locality.subsetSize)
        }
    }

    private static func isOwn(_ endpoint: Endpoint, pool: Pool, snapshot: Snapshot) -> Bool {
        pool.locality.prefersOwnZone && endpoint.zone != nil && endpoint.zone == snapshot.zone
    }

    private init(name: String, isBackup: Bool, members: [Int], names: [String], node: String, subsetSize: Int?) {
        self.name = name
        self.isBackup = isBackup
        if let subsetSize, subsetSize < members.count {
            self.subsetSize = subsetSize
            self.members = SubsetOrder.order(of: names, for: node).map { members[$0] }
        } else {
            self.subsetSize = nil
            self.members = members
        }
    }
}
