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

    @inlinable @inline(__always)
    public mutating func insert(_ index: Int) {
        guard index >= 64 else {
            low |= 1 &<< UInt64(truncatingIfNeeded: index)
            return
        }
        guard !contains(index) else { return }
        recent = SIMD4(Int32(truncatingIfNeeded: index), recent[0], recent[1], recent[2])
    }

    /// Those that are remembered, in no order.
    public var all: [Int] {
        (0..<64).filter { low & (1 << UInt64($0)) != 0 } + (0..<4).map { Int(recent[$0]) }.filter { $0 >= 0 }
    }

    /// The same endpoints under other indices; those for which there is none are left out.
    func renamed(_ index: (Int) -> Int?) -> TriedEndpoints {
        var renamed = TriedEndpoints()
        // From the one tried longest ago, so that the last are remembered if they are too many.
        for place in (0..<4).reversed() where recent[place] >= 0 {
            if let index = index(Int(recent[place])) { renamed.insert(index) }
        }
        for old in 0..<64 where low & (1 << UInt64(old)) != 0 {
            if let index = index(old) { renamed.insert(index) }
        }
        return renamed
    }

    /// Asked once per candidate of a pick: a call would cost more than the answer.
    @inlinable @inline(__always)
    public func contains(_ index: Int) -> Bool {
        guard index >= 64 else { return low & (1 &<< UInt64(truncatingIfNeeded: index)) != 0 }
        return any(recent .== SIMD4(repeating: Int32(truncatingIfNeeded: index)))
    }
}
