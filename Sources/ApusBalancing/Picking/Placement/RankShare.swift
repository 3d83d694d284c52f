/// What one rank of a pool takes at present, for people to see.
public struct RankShare: Sendable, Hashable {
    /// Such as `tier 0`, `tier 0, zone a`, `tier 0, other zones`.
    public var name: String
    /// Percent of the pool's new requests, before saturated and tried endpoints are passed over.
    public var percent: Double
    /// Its endpoints with a weight above 0 that are available.
    public var available: Int
    /// Its endpoints with a weight above 0.
    public var total: Int
    /// Its endpoints that this balancer picks from: fewer than are available with a subset, more in a panic.
    public var candidates: Int

    public init(name: String, percent: Double, available: Int, total: Int, candidates: Int) {
        self.name = name
        self.percent = percent
        self.available = available
        self.total = total
        self.candidates = candidates
    }
}
