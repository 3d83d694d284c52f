/// A tree whose leaves are small clusters of endpoints, for groups in which a scan of all would cost too much: a key
/// walks down to one, and `RendezvousContenders` elects its endpoint among the few that are there. The skeleton of Wang
/// and Ravishankar ("Hash-based virtual hierarchies for scalable location service in mobile ad-hoc networks", Mobile
/// Networks and Applications 14(5), 2009), with weights and with leaves that grow into branches by themselves.
///
/// The tree is that of the bits of the names' hashes, and each inner node knows how much of its weight lies on either
/// side. A key has a hash of its own for each level, which chooses a side in that proportion. Which endpoints are
/// available plays no part in it: a change of health moves the keys of that endpoint alone, to endpoints all over the
/// group (`HashPicker` says how), and back.
///
/// An endpoint that joins or leaves changes the proportions above it, and at each level about 1/(2n) of the keys change
/// sides; a change of weight does the same in its measure. Where a cluster ends and a branch begins is another matter for
/// each key, which has a limit of its own between 16 and 31 endpoints: so no size of the group, and none of a cluster, is
/// a border at which many keys move at once; it comes to no more than another 1/n with each change. In all, a change moves
/// about (2 + log2(n/16) / 2) / n of the keys at most: 0.5% with 1,000 endpoints, 0.07% with 10,000.
///
/// Cost: a hash for each level, log2(n/16) of them, and a step for each of about 16 endpoints; 24 bytes for each endpoint
/// and each node, of which there is one to about six endpoints; no memory for keys; to build, about ten steps per
/// endpoint.
struct RendezvousTree: Sendable {
    /// Every node before its children, which lie side by side.
    private let nodes: [Node]
    private let contenders: RendezvousContenders

    private struct Node: Sendable {
        /// The part of its weight that lies on the side of zeros, in units of 2^-63.
        var share: UInt64 = 0
        /// How many endpoints are below it, those without weight included: the form of the tree is a matter of names.
        var members: Int32
        /// The node on the side of zeros; that of ones is the next. 0 where no key goes on.
        var children: Int32 = 0
        /// The contenders below it.
        var start: Int32
        var end: Int32
    }

    /// The largest cluster that no key finds too large, and how many different limits keys have.
    private static let leastLimit = 16
    private static let limits = 16

    static let empty = RendezvousTree(HashedMembers([]), weights: [])

    init(_ members: HashedMembers, weights: [Int]) {
        contenders = RendezvousContenders(members, weights: weights)
        nodes = Self.grown(members, Sums(members, weights))
    }

    /// What the endpoints before each place in the order of hashes come to.
    private struct Sums {
        var weights = [0]
        var contenders: [Int32] = [0]

        init(_ members: HashedMembers, _ all: [Int]) {
            for index in members.order {
                weights.append(weights.last! + all[Int(index)])
                contenders.append(contenders.last! + (all[Int(index)] > 0 ? 1 : 0))
            }
        }
    }

    private static func grown(_ members: HashedMembers, _ sums: Sums) -> [Node] {
        var nodes: [Node] = []
        /// The places of each node in the order of hashes, and how many bits these have in common.
        var stretches: [(places: Range<Int>, bits: Int)] = []
        func append(_ places: Range<Int>, bits: Int) {
            stretches.append((places, bits))
            nodes.append(
                Node(
                    members: Int32(places.count), start: sums.contenders[places.lowerBound],
                    end: sums.contenders[places.upperBound]))
        }
        append(0..<members.count, bits: 0)
        var next = 0
        while next < nodes.count {
            let (places, bits) = stretches[next]
            if places.count > leastLimit, bits < 64 {
                let bit = UInt64(1) << (63 - bits)
                let middle = places.first { members.hashes[Int(members.order[$0])] & bit != 0 } ?? places.upperBound
                let low = sums.weights[middle] - sums.weights[places.lowerBound]
                let all = sums.weights[places.upperBound] - sums.weights[places.lowerBound]
                nodes[next].share = all == 0 ? 0 : UInt64(Double(low) / Double(all) * 0x1p63)
                nodes[next].children = Int32(nodes.count)
                append(places.lowerBound..<middle, bits: bits + 1)
                append(middle..<places.upperBound, bits: bits + 1)
            }
            next += 1
        }
        return nodes
    }

    /// The endpoint of a key. There must be one with a weight.
    @inline(__always)
    func owner(_ hash: UInt64) -> Int {
        let salt = KeyHash.mixed(hash)
        let limit = Int32(Self.leastLimit + KeyHash.place(of: salt, among: Self.limits))
        let nodes = nodes.span
        var node = nodes[0]
        var level = 1
        while node.members > limit, node.children > 0 {
            let draw = KeyHash.rehashed(salt, level) &>> 1
            // Chosen without a jump, which nobody could foresee.
            node = nodes[Int(node.children) &+ (draw < node.share ? 0 : 1)]
            level &+= 1
        }
        return Int(contenders.elected(salt, from: Int(node.start), to: Int(node.end)))
    }
}
