/// How often which time was measured, within 0.8%: 64 buckets for each doubling.
///
/// Like the HDR histogram (Tene), without its options. Memory grows with the slowest value that was recorded, to some
/// 14 KB for an hour.
public struct Histogram: Sendable {
    private static let precision = 6
    private var counts: [UInt32] = []
    public private(set) var count = 0
    /// The slowest value, exactly; 0 while there is none.
    public private(set) var maximum: VirtualTime = 0

    public init() {}

    public mutating func record(_ value: VirtualTime) {
        let value = max(0, value)
        let bucket = Self.bucket(value)
        if bucket >= counts.count {
            counts.append(contentsOf: repeatElement(0, count: max(bucket + 1, counts.count * 2) - counts.count))
        }
        counts[bucket] += 1
        count += 1
        maximum = max(maximum, value)
    }

    /// The value that this share (0 to 1) of the recorded ones do not exceed; nil when none was recorded.
    public func percentile(_ share: Double) -> VirtualTime? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((share * Double(count)).rounded(.up)))
        guard rank < count else { return maximum }
        var seen = 0
        for bucket in counts.indices {
            seen += Int(counts[bucket])
            if seen >= rank { return min(maximum, Self.middle(bucket)) }
        }
        return maximum
    }

    /// Forgets everything, and keeps the memory.
    public mutating func removeAll() {
        for bucket in counts.indices { counts[bucket] = 0 }
        count = 0
        maximum = 0
    }

    /// Values below 128 have a bucket each; from there on 64 to each doubling.
    static func bucket(_ value: VirtualTime) -> Int {
        let bits = VirtualTime.bitWidth - value.leadingZeroBitCount
        let shift = max(0, bits - precision - 1)
        return shift << precision + Int(value >> VirtualTime(shift))
    }

    static func middle(_ bucket: Int) -> VirtualTime {
        guard bucket >= 2 << precision else { return VirtualTime(bucket) }
        let shift = VirtualTime(bucket >> precision) - 1
        let top = VirtualTime(bucket) - shift << VirtualTime(precision)
        return top << shift + (1 << shift) / 2
    }
}
