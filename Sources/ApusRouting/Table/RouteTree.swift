/// The path patterns of routes as trees of segments, one for each host pattern: following a request's path down a tree
/// finds every pattern but the regular expressions that match it, however many there are.
///
/// A path is what stands before, between and behind its slashes: `/v1/` is an empty segment, `v1`, and an empty one.
struct RouteTree: Sendable {
    /// Route numbers in `candidates`, in ascending order.
    struct List: Sendable {
        var start: UInt32 = 0
        var count: UInt32 = 0
    }

    struct Node: Sendable {
        /// The node behind an empty segment, and behind any other, whatever it is; 0 for none.
        var emptyChild: UInt32 = 0
        var anyChild: UInt32 = 0
        /// Whether there are nodes behind certain segments.
        var hasChildren = false
        /// The lowest number of a route here or below.
        var lowest: UInt32 = .max
        /// Routes for paths that end here, for these and all below, and for all below alone.
        var exact = List()
        var within = List()
        var below = List()
    }

    let nodes: [Node]
    let candidates: [UInt32]
    /// The nodes behind certain segments, by node and segment.
    let children: ByteTable

    static func hash(_ segment: [UInt8]) -> UInt64 {
        segment.reduce(ByteTable.seed) { ByteTable.hash($0, $1) }
    }
}

/// Puts trees together. Routes must come in ascending order.
struct RouteTreeBuilder {
    private struct Node {
        var emptyChild: UInt32 = 0
        var anyChild: UInt32 = 0
        var hasChildren = false
        var lowest: UInt32 = .max
        var exact: [UInt32] = []
        var within: [UInt32] = []
        var below: [UInt32] = []
    }

    // Node 0 is none.
    private var nodes = [Node()]
    private var children: [ByteTable.Key: UInt32] = [:]

    mutating func makeRoot() -> UInt32 {
        nodes.append(Node())
        return UInt32(nodes.count - 1)
    }

    /// Puts a route with any path pattern but a regular expression into the tree at `root`.
    mutating func insert(_ route: UInt32, _ path: PathPattern, root: UInt32) {
        switch path {
        case .any:
            let node = follow([], from: root, for: route)
            append(route, to: node, \.within)
        case .exact(let path):
            let node = follow(Self.segments(path), from: root, for: route)
            append(route, to: node, \.exact)
        case .prefix(let path):
            let isBelow = path.last == .slash
            let node = follow(Self.segments(isBelow ? path.dropLast() : path), from: root, for: route)
            append(route, to: node, isBelow ? \.below : \.within)
        case .template(let template):
            // Before the first slash stands nothing.
            var segments: [PathTemplate.Segment] = [.literal([])] + template.segments
            if case .rest = segments.last {
                segments.removeLast()
                let node = follow(segments, from: root, for: route)
                append(route, to: node, \.below)
            } else {
                let node = follow(segments, from: root, for: route)
                append(route, to: node, \.exact)
            }
        case .regex: preconditionFailure("a regular expression has no place in a tree")
        }
    }

    private static func segments(_ path: some Collection<UInt8>) -> [PathTemplate.Segment] {
        path.split(separator: .slash, omittingEmptySubsequences: false).map { .literal(Array($0)) }
    }

    private mutating func append(_ route: UInt32, to node: Int, _ list: WritableKeyPath<Node, [UInt32]>) {
        // A route with several hosts of one kind comes once.
        if nodes[node][keyPath: list].last != route { nodes[node][keyPath: list].append(route) }
    }

    private mutating func follow(_ segments: [PathTemplate.Segment], from root: UInt32, for route: UInt32) -> Int {
        var node = Int(root)
        nodes[node].lowest = min(nodes[node].lowest, route)
        for segment in segments {
            node = Int(child(of: node, at: segment))
            nodes[node].lowest = min(nodes[node].lowest, route)
        }
        return node
    }

    private mutating func child(of node: Int, at segment: PathTemplate.Segment) -> UInt32 {
        let next = UInt32(nodes.count)
        switch segment {
        case .literal(let bytes) where bytes.isEmpty:
            if nodes[node].emptyChild != 0 { return nodes[node].emptyChild }
            nodes[node].emptyChild = next
        case .literal(let bytes):
            let key = ByteTable.Key(owner: UInt32(node), bytes: bytes)
            if let child = children[key] { return child }
            children[key] = next
            nodes[node].hasChildren = true
        case .capture, .rest:
            if nodes[node].anyChild != 0 { return nodes[node].anyChild }
            nodes[node].anyChild = next
        }
        nodes.append(Node())
        return next
    }

    func tree() -> RouteTree {
        var candidates: [UInt32] = []
        func store(_ routes: [UInt32]) -> RouteTree.List {
            defer { candidates += routes }
            return RouteTree.List(start: UInt32(candidates.count), count: UInt32(routes.count))
        }
        let flat = nodes.map { node in
            RouteTree.Node(
                emptyChild: node.emptyChild, anyChild: node.anyChild, hasChildren: node.hasChildren,
                lowest: node.lowest, exact: store(node.exact), within: store(node.within), below: store(node.below))
        }
        return RouteTree(nodes: flat, candidates: candidates, children: ByteTable(children, hash: RouteTree.hash))
    }
}
