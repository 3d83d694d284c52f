/// A table in which a key's place names its endpoint, for groups in which a scan of all is cheap: the one that
/// `RendezvousContenders` elects there.
///
/// A key has one of 65,536 places; a place looks for its winner when it is first asked for, and remembers it. Which
/// endpoints are available plays no part in it, so that an outage forgets nothing (`HashPicker` says where keys go
/// meanwhile).
///
/// Cost: one look-up per pick, and once for each place one step per endpoint; 4 bytes per place; nothing to build.
@usableFromInline
struct RendezvousTable: Sendable {
    /// The winner of each place; -1 where it is not yet known.
    @usableFromInline private(set) var winners: [Int32]
    private let contenders: RendezvousContenders

    private static let places = 65_536

    static let empty = RendezvousTable(HashedMembers([]), weights: [])

    init(_ members: HashedMembers, weights: [Int]) {
        contenders = RendezvousContenders(members, weights: weights)
        winners = Array(repeating: -1, count: contenders.count == 0 ? 0 : Self.places)
    }

    @inlinable @inline(__always)
    mutating func owner(_ hash: UInt64) -> Int {
        let place = KeyHash.place(of: hash, among: winners.count)
        let winner = winners[place]
        return Int(winner >= 0 ? winner : filled(place))
    }

    /// Apart from the look-up, which then needs not ask whether the table is its own to write to.
    @usableFromInline @inline(never)
    mutating func filled(_ place: Int) -> Int32 {
        let winner = elected(at: place)
        winners[place] = winner
        return winner
    }

    /// Finds the winner of a place.
    func elected(at place: Int) -> Int32 {
        contenders.elected(KeyHash.mixed(UInt64(place)), from: 0, to: contenders.count)
    }
}
