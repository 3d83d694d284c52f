/// How the traffic of a pool is divided among its ranks.
///
/// A rank's health is the share of its weight that is available times the overprovisioning, at most 1. The first rank
/// takes as much as its health allows, the next of what is left as much as its own health allows, and so on; when all
/// together cannot take everything, each takes in proportion to its health. So at 140 % a rank with 5 of 7 endpoints left
/// still takes everything, and one with half of them 70 %. This is Envoy's load by priority levels, without its rounding
/// to whole percents.
public struct PriorityLoad: Sendable, Equatable {
    /// What each rank takes, 0 to 1, all together 1; only zeros when no rank can take anything.
    public let shares: [Double]
    /// Draws below its limit, and not below the limits before it, are the rank's.
    @usableFromInline let limits: [UInt64]
    /// The only rank that takes anything, or the last that does, for the draws that no limit covers.
    @usableFromInline let last: Int
    @usableFromInline let isUndivided: Bool

    /// - Parameters:
    ///   - available: the weight that is available in each rank, in the order of the ranks.
    ///   - total: the weight that each rank has.
    ///   - overprovisioning: percent, 100 or more.
    public init(available: [Int], total: [Int], overprovisioning: Int) {
        let healths = zip(available, total).map { available, total in
            total == 0 ? 0 : min(1, Double(available) / Double(total) * Double(overprovisioning) / 100)
        }
        let capacity = min(1, healths.reduce(0, +))
        var left = 1.0
        self.init(
            shares: healths.map { health in
                guard health > 0 else { return 0 }
                let share = min(left, health / capacity)
                left -= share
                // What rounding leaves over is nobody's.
                if left < 1e-9 { left = 0 }
                return share
            })
    }

    /// Each rank takes in proportion to its weight: for a pool that panics with nothing available at all.
    public init(byWeight total: [Int]) {
        let sum = total.reduce(0, +)
        self.init(shares: total.map { sum == 0 ? 0 : Double($0) / Double(sum) })
    }

    private init(shares: [Double]) {
        self.shares = shares
        last = shares.lastIndex { $0 > 0 } ?? 0
        isUndivided = shares.count { $0 > 0 } < 2
        var sum = 0.0
        limits = shares.map { share in
            sum += share
            return sum >= 1 ? .max : UInt64(sum * 0x1p64)
        }
    }

    /// The rank that a number drawn evenly from all 64-bit numbers falls on.
    @inlinable
    public func rank(for draw: UInt64) -> Int {
        for rank in 0..<last where draw < limits[rank] { return rank }
        return last
    }
}
