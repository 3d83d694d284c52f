/// The order in which one of many balancers prefers the endpoints of a large pool, so that it keeps connections to, and
/// probes, only the first few.
///
/// Rendezvous hashing (Thaler, Ravishankar: "Using name-based mappings to increase hit rates", 1998): each pair of
/// balancer and endpoint has a score, and a balancer prefers those with the highest. Every balancer has an order of its
/// own and each order is equally likely, so that endpoints are chosen by about as many balancers each; and when an endpoint
/// is lost, those that used it put the next of their own order in its place, and nothing else changes.
///
/// The scores are part of how several balancers agree: they depend on names alone, and must stay the same in every build.
enum SubsetOrder {
    /// The indices of `names` in the order in which the balancer `node` prefers them. Cost: n log n.
    static func order(of names: [String], for node: String) -> [Int] {
        let balancer = hash(of: node)
        let scores = names.map { KeyHash.of(balancer, hash(of: $0)) }
        return scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : names[$0] < names[$1] }
    }

    private static func hash(of name: String) -> UInt64 { KeyHash.of(Array(name.utf8).span) }
}
