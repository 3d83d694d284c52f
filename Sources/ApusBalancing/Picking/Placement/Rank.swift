internal import ApusModel

/// Endpoints of one pool that come first, second, and so on, together: those of one tier, or of a tier in one zone.
struct Rank: Sendable {
    let name: String
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
        var ranks: [Rank] = []
        for tier in Set(endpoints.map(\.tier)).sorted() {
            let members = endpoints.indices.filter { endpoints[$0].tier == tier }
            let own = members.filter { isOwn(endpoints[$0], pool: pool, snapshot: snapshot) }
            let other = members.filter { !isOwn(endpoints[$0], pool: pool, snapshot: snapshot) }
            let ownName = own.isEmpty ? "" : ", zone \(snapshot.zone ?? "")"
            let otherName = own.isEmpty ? "" : ", other zones"
            for (name, members) in [(ownName, own), (otherName, other)] where !members.isEmpty {
                ranks.append(
                    Rank(
                        name: "tier \(tier)\(name)", members: members.map { $0 - endpoints.startIndex },
                        names: members.map { endpoints[$0].name }, node: snapshot.node,
                        subsetSize: pool.locality.subsetSize))
            }
        }
        return ranks
    }

    private static func isOwn(_ endpoint: Endpoint, pool: Pool, snapshot: Snapshot) -> Bool {
        pool.locality.prefersOwnZone && endpoint.zone != nil && endpoint.zone == snapshot.zone
    }

    private init(name: String, members: [Int], names: [String], node: String, subsetSize: Int?) {
        self.name = name
        if let subsetSize, subsetSize < members.count {
            self.subsetSize = subsetSize
            self.members = SubsetOrder.order(of: names, for: node).map { members[$0] }
        } else {
            self.subsetSize = nil
            self.members = members
        }
    }
}
