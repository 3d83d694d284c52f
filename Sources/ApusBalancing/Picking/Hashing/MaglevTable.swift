/// A table in which a key's place names its endpoint, filled by Maglev hashing (Eisenbud et al., "Maglev: a fast and
/// reliable software network load balancer", NSDI 2016, section 3.4).
///
/// Each endpoint has an order of its own in which it would like to have the table's places, and in turns, as often as its
/// weight says, each takes the next free one. So every endpoint gets its share but for one place, and a change of the
/// group leaves nearly all other places as they were.
///
/// Choose it for the most even spread. Cost: one look-up per pick; 4 bytes per place; to build, about the places times
/// their logarithm.
@usableFromInline
struct MaglevTable: Sendable {
    /// The endpoint of each place. Empty when no endpoint has a weight.
    @usableFromInline private(set) var owners: [Int32]

    static let empty = MaglevTable(HashedMembers([]), weights: [])

    init(_ members: HashedMembers, weights: [Int]) {
        let order = members.order.map(Int.init).filter { weights[$0] > 0 }
        owners = []
        guard let most = order.map({ weights[$0] }).max() else { return }
        let size = Self.size(for: members.count)
        var preferences = order.map { Preference(members.hashes[$0], size: size) }
        // Whoever is heaviest takes one place each round, the others when they have saved enough for one. Starting with
        // half of it rounds their shares instead of cutting them.
        var saved = Array(repeating: most / 2, count: order.count)
        var owners = Array(repeating: Int32(-1), count: size)
        var left = size
        while left > 0 {
            for turn in order.indices where left > 0 {
                saved[turn] += weights[order[turn]]
                guard saved[turn] >= most else { continue }
                saved[turn] -= most
                preferences[turn].takeNextFree(of: &owners, for: Int32(order[turn]))
                left -= 1
            }
        }
        self.owners = owners
    }

    @inlinable @inline(__always)
    func owner(_ hash: UInt64) -> Int { Int(owners[KeyHash.place(of: hash, among: owners.count)]) }

    /// The order in which an endpoint would like to have the places of a table: from `place` on in steps of `step`, which
    /// meets all of them since their number is prime.
    private struct Preference {
        var place: Int
        let step: Int

        init(_ hash: UInt64, size: Int) {
            place = KeyHash.place(of: KeyHash.rehashed(hash, 1), among: size)
            step = KeyHash.place(of: KeyHash.rehashed(hash, 2), among: size - 1) + 1
        }

        mutating func takeNextFree(of owners: inout [Int32], for owner: Int32) {
            let size = owners.count
            var place = self.place
            while owners[place] >= 0 { place = (place &+ step < size ? place &+ step : place &+ step &- size) }
            owners[place] = owner
            self.place = place
        }
    }

    /// How many places a table for so many endpoints has: at least 100 for each, so that shares differ by 1%.
    ///
    /// The size must not follow the number of endpoints closely, since every key has another place in a table of another
    /// size: it grows fourfold when there are more than 655, 2,621 and 10,485 endpoints. Where that border is crossed, and
    /// only there, nearly all keys move.
    static func size(for count: Int) -> Int {
        var size = 65_536
        while size < 100 * count { size *= 4 }
        return prime(from: size)
    }

    /// The first prime from `number` on.
    static func prime(from number: Int) -> Int {
        var candidate = number | 1
        while true {
            var divisor = 3
            while divisor * divisor <= candidate, candidate % divisor != 0 { divisor += 2 }
            if divisor * divisor > candidate { return candidate }
            candidate += 2
        }
    }
}
