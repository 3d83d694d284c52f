/// Makes one automaton of several expressions (the subset construction), as long as it stays small.
///
/// What expressions have in common at their beginnings is made once: the number of states is then about that of the
/// expressions' different characters, and the time to make them as well. Expressions for which it is not, such as many
/// with `.*` within, are given up early.
struct RegexDeterminizer {
    struct Expression {
        var steps: [RegexNode]
        var number: UInt32

        /// Whether it can only be found where the text begins.
        var isAnchored: Bool { steps.first == .start }

        /// Whether it is not looked for at several places at the same time for long.
        var isSteady: Bool {
            isAnchored
                ? !steps.dropLast(2).contains { $0.isUnbounded && $0.isBroad } : !steps.contains(where: \.isUnbounded)
        }

        /// The text that it begins with, in one case or both, and where.
        var literal: [RegexNode] {
            let count = steps.dropFirst(isAnchored ? 1 : 0).prefix { step in
                if case .bytes(let set) = step { set.count <= 2 } else { false }
            }.count
            return Array(steps.prefix(count + (isAnchored ? 1 : 0)))
        }
    }

    struct State {
        var edges: [(lastClass: UInt8, target: UInt32)] = []
        /// In ascending order.
        var accepts: [UInt32]
        var acceptsAtEnd: [UInt32]
    }

    /// 256, the class of each byte.
    private(set) var classes: [UInt8]
    /// The first is where the text begins. Targets of edges are their indices plus 1; 0 is no state.
    private(set) var states: [State] = []

    private var takers: [[UInt32]] = []
    private var numbers: [[UInt32]: UInt32] = [:]
    private let setClasses: [[Int]]
    private var finder: RegexClosureFinder
    /// What can begin at each place but the first.
    private let later: RegexClosure
    private let atStart: RegexClosure

    init(_ expressions: [Expression]) throws(RegexProgram.TooLarge) {
        let program = try RegexPrefixTree(expressions).program()
        (classes, setClasses) = Self.classes(of: program.sets)
        finder = RegexClosureFinder(program)
        var later = finder.closure(of: [0], isAtStart: false)
        later.takers.sort()
        self.later = later
        var atStart = finder.closure(of: [0], isAtStart: true)
        atStart.takers.sort()
        self.atStart = atStart
        _ = state(for: atStart, isFirst: true)
        // Both grow with the expressions where they are of the harmless kind.
        let stateLimit = 2 * program.steps.count + 2_000
        var work = 24 * program.steps.count + 50_000
        var next = 0
        while next < states.count {
            work -= try fillEdges(of: next, program)
            next += 1
            if states.count > stateLimit || work < 0 { throw RegexProgram.TooLarge() }
        }
    }

    /// Finds what each class of bytes leads to.
    ///
    /// - Returns: the work done.
    private mutating func fillEdges(of index: Int, _ program: RegexProgram) throws(RegexProgram.TooLarge) -> Int {
        var origins = Array(repeating: [] as [UInt32], count: (classes.max().map(Int.init) ?? 0) + 1)
        var work = takers[index].count + 1
        for taker in takers[index] {
            for kind in setClasses[Int(program.steps[Int(taker)].first)] {
                origins[kind].append(taker + 1)
                work += 1
            }
        }
        var known: [[UInt32]: UInt32] = [:]
        var edges: [(lastClass: UInt8, target: UInt32)] = []
        for (kind, origins) in origins.enumerated() {
            let target: UInt32
            if origins.isEmpty, later.takers.isEmpty, later.acceptedAtEnd.isEmpty {
                target = 0
            } else if let seen = known[origins] {
                target = seen
            } else {
                let closure = finder.closure(of: origins, isAtStart: false)
                work += closure.takers.count + later.takers.count
                target = state(for: closure, isFirst: false)
                known[origins] = target
            }
            if let last = edges.last, last.target == target {
                edges[edges.count - 1].lastClass = UInt8(kind)
            } else {
                edges.append((UInt8(kind), target))
            }
        }
        if edges.last?.target == 0 { edges.removeLast() }
        states[index].edges = edges
        return work
    }

    /// The number of the state at which `closure` has been reached, one more than its index.
    private mutating func state(for closure: RegexClosure, isFirst: Bool) -> UInt32 {
        var takers = closure.takers
        var accepts = closure.accepted
        var acceptsAtEnd = closure.acceptedAtEnd
        if !isFirst {
            takers += later.takers
            // What nothing is enough for was found at the start.
            if !atStart.accepted.isEmpty {
                let found = Set(atStart.accepted)
                accepts.removeAll { found.contains($0) }
            }
            acceptsAtEnd += later.acceptedAtEnd
        }
        takers = Self.unique(takers)
        accepts = Self.unique(accepts)
        acceptsAtEnd = Self.unique(acceptsAtEnd)
        let separator: [UInt32] = [.max]
        let key = takers + separator + accepts + separator + acceptsAtEnd
        if let number = numbers[key] { return number }
        if takers.isEmpty, accepts.isEmpty, acceptsAtEnd.isEmpty, !isFirst { return 0 }
        states.append(State(accepts: accepts, acceptsAtEnd: acceptsAtEnd))
        self.takers.append(takers)
        let number = UInt32(states.count)
        numbers[key] = number
        return number
    }

    private static func unique(_ values: [UInt32]) -> [UInt32] {
        guard values.count > 1 else { return values }
        var values = values.sorted()
        var count = 1
        for index in 1..<values.count where values[index] != values[count - 1] {
            values[count] = values[index]
            count += 1
        }
        values.removeLast(values.count - count)
        return values
    }

    /// Divides the bytes into classes that no set tells apart; and the classes of each set.
    private static func classes(of sets: [ByteSet]) -> ([UInt8], [[Int]]) {
        var classes = Array(repeating: 0, count: 256)
        for set in sets {
            var numbers: [Int: Int] = [:]
            for byte in 0..<256 {
                let part = 2 * classes[byte] + (set.contains(UInt8(byte)) ? 1 : 0)
                let number = numbers[part] ?? numbers.count
                numbers[part] = number
                classes[byte] = number
            }
        }
        let setClasses = sets.map { set in
            Set((0..<256).filter { set.contains(UInt8($0)) }.map { classes[$0] }).sorted()
        }
        return (classes.map { UInt8($0) }, setClasses)
    }
}

extension RegexNode {
    /// Whether it may go on for as long as it likes.
    fileprivate var isUnbounded: Bool {
        switch self {
        case .empty, .bytes, .start, .end: false
        case .sequence(let nodes), .either(let nodes): nodes.contains(where: \.isUnbounded)
        case .capture(_, let node): node.isUnbounded
        case .repeated(let node, _, let most, _): most.map { $0 > 16 } ?? true || node.isUnbounded
        }
    }

    /// Whether it takes slashes, and so more than a segment.
    fileprivate var isBroad: Bool {
        switch self {
        case .empty, .start, .end: false
        case .bytes(let set): set.contains(.slash)
        case .sequence(let nodes), .either(let nodes): nodes.contains(where: \.isBroad)
        case .capture(_, let node), .repeated(let node, _, _, _): node.isBroad
        }
    }
}

/// Expressions by how they begin: what several have in common stands there once.
private struct RegexPrefixTree {
    private struct Node {
        var children: [(step: RegexNode, node: Int)] = []
        var accepted: [UInt32] = []
    }

    private struct Edge: Hashable {
        var node: Int
        var step: RegexNode
    }

    private var nodes = [Node()]
    private var size = 0

    init(_ expressions: [RegexDeterminizer.Expression]) {
        var edges: [Edge: Int] = [:]
        for expression in expressions {
            var node = 0
            for step in expression.steps {
                let edge = Edge(node: node, step: step)
                if let child = edges[edge] {
                    node = child
                } else {
                    nodes.append(Node())
                    edges[edge] = nodes.count - 1
                    nodes[node].children.append((step, nodes.count - 1))
                    node = nodes.count - 1
                }
            }
            nodes[node].accepted.append(expression.number)
        }
    }

    func program() throws(RegexProgram.TooLarge) -> RegexProgram {
        var program = RegexProgram(limit: 4_000_000)
        try append(0, to: &program)
        return program
    }

    private func append(_ index: Int, to program: inout RegexProgram) throws(RegexProgram.TooLarge) {
        var index = index
        while nodes[index].accepted.isEmpty, nodes[index].children.count == 1 {
            try program.append(nodes[index].children[0].step)
            index = nodes[index].children[0].node
        }
        let node = nodes[index]
        let accepted = node.accepted.count
        try program.appendBranches(accepted + node.children.count) { (program, branch) throws(RegexProgram.TooLarge) in
            if branch < accepted {
                try program.emit(.accept, node.accepted[branch])
            } else {
                try program.append(node.children[branch - accepted].step)
                try append(node.children[branch - accepted].node, to: &program)
            }
        }
    }
}
