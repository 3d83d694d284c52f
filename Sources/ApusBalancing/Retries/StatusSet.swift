/// A set of statuses from 100 to 611, one bit each: looked into for every response, without a branch per member.
@usableFromInline
struct StatusSet: Sendable, Hashable {
    @usableFromInline var words = SIMD8<UInt64>()

    /// Statuses that no response can have are left out.
    init(_ statuses: [Int]) {
        for status in statuses where (100..<612).contains(status) {
            words[(status - 100) / 64] |= 1 << UInt64((status - 100) % 64)
        }
    }

    @inlinable
    func contains(_ status: Int) -> Bool {
        let place = status - 100
        guard place >= 0 && place < 512 else { return false }
        return words[place / 64] & (1 << UInt64(place % 64)) != 0
    }
}
