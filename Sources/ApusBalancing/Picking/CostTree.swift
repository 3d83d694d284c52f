/// Costs of which the least is known at any time, and from which one of the least is drawn at random.
///
/// A tournament tree: every node has the least cost below it and how many places have that cost, so that each of the
/// equals is drawn with the same chance however long the others have stood there. (A heap with random tie-breakers would
/// not do: the one just used gets a new number, those passed over keep the large ones that they lost with.)
///
/// Cost: a logarithm per change and per draw; 32 bytes per place; nothing is allocated after `init`.
public struct CostTree: Sendable {
    @usableFromInline
    struct Node: Sendable, BitwiseCopyable {
        @usableFromInline var cost: UInt64
        /// How many places below have it.
        @usableFromInline var ties: Int

        @inlinable
        init(cost: UInt64, ties: Int) {
            self.cost = cost
            self.ties = ties
        }
    }

    /// The cost of a place that is not to be drawn.
    @inlinable public static var absent: UInt64 { .max }

    /// The root is at 1, the children of n at 2n and 2n + 1, the places at count and up: a complete tree for any count.
    @usableFromInline var nodes: [Node]
    @usableFromInline let count: Int

    /// A tree of places that are all absent.
    public init(count: Int) {
        self.count = count
        nodes = Array(repeating: Node(cost: Self.absent, ties: 0), count: 2 * count)
    }

    @inlinable
    public func cost(_ place: Int) -> UInt64 { nodes[count &+ place].cost }

    @inlinable
    public mutating func set(_ place: Int, _ cost: UInt64) {
        var node = count &+ place
        guard nodes[node].cost != cost else { return }
        nodes[node] = Node(cost: cost, ties: cost == Self.absent ? 0 : 1)
        while node > 1 {
            node &>>= 1
            let left = nodes[2 &* node]
            let right = nodes[2 &* node &+ 1]
            let least = min(left.cost, right.cost)
            let ties = (left.cost == least ? left.ties : 0) &+ (right.cost == least ? right.ties : 0)
            // What is as it was below changes nothing above.
            if nodes[node].cost == least, nodes[node].ties == ties { return }
            nodes[node] = Node(cost: least, ties: ties)
        }
    }

    /// One of the places with the least cost, each as likely as the others; nil when all are absent.
    @inlinable
    public func drawLeast(_ random: inout SplitMix64) -> Int? {
        guard count > 0, nodes[1].ties > 0 else { return nil }
        let least = nodes[1].cost
        var rank = nodes[1].ties == 1 ? 0 : random.next(below: nodes[1].ties)
        var node = 1
        while node < count {
            node = 2 &* node
            let ties = nodes[node].cost == least ? nodes[node].ties : 0
            if rank >= ties {
                rank &-= ties
                node &+= 1
            }
        }
        return node &- count
    }
}
