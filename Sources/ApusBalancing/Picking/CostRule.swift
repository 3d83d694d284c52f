/// What it costs to send one more exchange to an endpoint, in units that only order endpoints.
@usableFromInline
protocol CostRule: Sendable {
    /// - Parameters:
    ///   - load: exchanges in flight on the endpoint, 0 or more.
    ///   - weight: the endpoint's, 1 or more.
    /// - Returns: below `CostTree.absent`.
    func cost(_ index: Int, load: Int, weight: Int, now: Int64) -> UInt64

    /// Whether costs change while loads do not.
    static var changesWithTime: Bool { get }
}

/// (load + 1) / weight, with 32 bits behind the point: enough to tell any two such fractions apart, and equal ones are
/// equal.
@usableFromInline
struct LoadByWeight: CostRule {
    @inlinable
    init() {}

    @inlinable
    static var changesWithTime: Bool { false }

    @inlinable
    func cost(_ index: Int, load: Int, weight: Int, now: Int64) -> UInt64 {
        let scaled = UInt64(truncatingIfNeeded: min(load, 0x7fff_fffe) &+ 1) &<< 32
        return weight == 1 ? scaled : scaled / UInt64(truncatingIfNeeded: weight)
    }
}

/// Expected time * (load + 1) / weight.
extension ResponseTimes: CostRule {
    @inlinable
    static var changesWithTime: Bool { true }

    @inlinable
    func cost(_ index: Int, load: Int, weight: Int, now: Int64) -> UInt64 {
        // The bits of numbers that are not negative are in the order of the numbers.
        (expected(index, now: now) * Double(load &+ 1) / Double(weight)).bitPattern
    }
}
