/// How many requests wait at an endpoint, one worker's, that have had no response for more than a second.
///
/// Each of them is looked at once a second as long as it waits, and nobody says when it ends: so what counts is how many looks
/// there were in a second. One word has that of the present second and of the one before, so that it is written at once.
public struct LateRequests: Sendable, Equatable {
    /// The second in the upper half, then the looks in the one before, then those in it.
    public private(set) var word: UInt64

    public init(word: UInt64) { self.word = word }

    private static var most: UInt64 { 0xFFFF }
    private var second: UInt64 { word >> 32 }
    private var before: UInt64 { word >> 16 & Self.most }
    private var looks: UInt64 { word & Self.most }

    private static func second(of now: Int64) -> UInt64 { UInt64(clamping: now / 1_000_000) & 0xFFFF_FFFF }

    /// One was looked at, at this time in microseconds.
    public mutating func look(now: Int64) {
        let present = Self.second(of: now)
        let (before, looks) =
            present == second ? (before, looks) : (present == second + 1 ? looks : 0, 0)
        word = present << 32 | before << 16 | min(Self.most, looks + 1)
    }

    /// How many wait, as far as the last two seconds tell.
    public func count(now: Int64) -> Int {
        switch Self.second(of: now) {
        case second: Int(max(before, looks))
        case second + 1: Int(looks)
        default: 0
        }
    }
}
