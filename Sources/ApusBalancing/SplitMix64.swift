/// A small seeded random number generator: one addition and a mix per number, the same sequence for the same seed.
///
/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014. It spreads load and jitter; it
/// keeps no secret and must never be used for one.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable
    public init(seed: UInt64) {
        state = seed
    }

    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<bound`, by one multiplication; `bound` is at least 1.
    ///
    /// Its bias is below `bound / 2^64`, which no amount of traffic can show.
    @inlinable
    public mutating func next(below bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
