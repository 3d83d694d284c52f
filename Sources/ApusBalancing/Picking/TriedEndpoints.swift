/// The endpoints of its pool that an exchange has already tried: a small value that every exchange carries.
///
/// Exact for a pool's first 64 endpoints; of those beyond, the last four are remembered, so that in a large pool an
/// exchange with more attempts than that may come back to an endpoint.
public struct TriedEndpoints: Sendable, BitwiseCopyable {
    @usableFromInline var low: UInt64 = 0
    @usableFromInline var recent = SIMD4<Int32>(repeating: -1)

    @inlinable
    public init() {}

    @inlinable
    public var isEmpty: Bool { low == 0 && recent[0] < 0 }

    /// How many they are, of those that are remembered.
    @inlinable
    public var count: Int {
        var count = low.nonzeroBitCount
        for place in 0..<4 where recent[place] >= 0 { count &+= 1 }
        return count
    }

    @inlinable
    public mutating func insert(_ index: Int) {
        guard index >= 64 else {
            low |= 1 &<< UInt64(truncatingIfNeeded: index)
            return
        }
        guard !contains(index) else { return }
        recent = SIMD4(Int32(truncatingIfNeeded: index), recent[0], recent[1], recent[2])
    }

    /// Asked once per candidate of a pick: a call would cost more than the answer.
    @inlinable @inline(__always)
    public func contains(_ index: Int) -> Bool {
        guard index >= 64 else { return low & (1 &<< UInt64(truncatingIfNeeded: index)) != 0 }
        return any(recent .== SIMD4(repeating: Int32(truncatingIfNeeded: index)))
    }
}
