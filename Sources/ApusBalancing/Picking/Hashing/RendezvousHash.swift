/// Rendezvous hashing for groups of any size: each endpoint has a score for each key, and the highest wins.
///
/// Up to 128 endpoints it is exact, and answers are remembered (`RendezvousTable`): an endpoint that joins or leaves moves
/// its own keys and no others. Larger groups walk down a tree (`RendezvousTree`), which moves a little more. Where a group
/// grows beyond 128, or falls back to it, and only there, nearly all keys move.
///
/// Choose it where endpoints come and go often, and for little memory in large groups. Cost: one look-up per pick up to
/// 128 endpoints, a logarithm of their number and about 16 steps beyond.
@usableFromInline
struct RendezvousHash: Sendable {
    @usableFromInline let isTree: Bool
    @usableFromInline var table = RendezvousTable.empty
    private var tree = RendezvousTree.empty

    /// The most endpoints that a table is for.
    static let mostInTable = 128

    static let empty = RendezvousHash(HashedMembers([]), weights: [])

    init(_ members: HashedMembers, weights: [Int]) {
        isTree = members.count > Self.mostInTable
        if isTree {
            tree = RendezvousTree(members, weights: weights)
        } else {
            table = RendezvousTable(members, weights: weights)
        }
    }

    /// The endpoint of a key, whether or not it is available. There must be one with a weight.
    @inlinable @inline(__always)
    mutating func owner(_ hash: UInt64) -> Int { isTree ? owner(inTree: hash) : table.owner(hash) }

    @usableFromInline @inline(never)
    func owner(inTree hash: UInt64) -> Int { tree.owner(hash) }
}
