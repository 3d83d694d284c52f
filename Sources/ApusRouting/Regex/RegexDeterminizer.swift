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
    /// By the steps that a byte leads to, the state that they come to; and that of no steps, by far the most frequent.
    private var targets: [[UInt32]: UInt32] = [:]
    private var targetOfNothing: UInt32?
    /// Of each class, the steps that it leads to: room that is used again by every state.
    private var origins: [[UInt32]]
    private let setClasses: [[Int]]
    private var finder: RegexClosureFinder
    /// What can begin at each place but the first.
    private let later: RegexClosure
    private let atStart: RegexClosure

    init(_ expressions: [Expression]) throws(RegexProgram.TooLarge) {
        let program = try RegexPrefixTree(expressions).program()
        let kinds = ByteClasses(of: program.sets)
        classes = kinds.classes
        setClasses = program.sets.map(kinds.members(of:))
        origins = Array(repeating: [], count: kinds.count)
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
        for kind in origins.indices where !origins[kind].isEmpty { origins[kind].removeAll(keepingCapacity: true) }
        var work = takers[index].count + 1
        for taker in takers[index] {
            for kind in setClasses[Int(program.steps[Int(taker)].first)] {
                origins[kind].append(taker + 1)
                work += 1
            }
        }
        var edges: [(lastClass: UInt8, target: UInt32)] = []
        for kind in origins.indices {
            let target = target(of: kind, &work)
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

    /// The state behind a byte of class `kind`, which leads to `origins[kind]`.
    private mutating func target(of kind: Int, _ work: inout Int) -> UInt32 {
        let origins = origins[kind]
        if let known = origins.isEmpty ? targetOfNothing : targets[origins] { return known }
        let closure = finder.closure(of: origins, isAtStart: false)
        work += closure.takers.count + later.takers.count
        let target = state(for: closure, isFirst: false)
        if origins.isEmpty { targetOfNothing = target } else { targets[origins] = target }
        return target
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
}

/// The bytes divided into classes that no set of several tells apart.
private struct ByteClasses {
    /// 256, the class of each byte, numbered by the first byte of each.
    private(set) var classes: [UInt8] = Array(repeating: 0, count: 256)
    private(set) var count = 1

    init(of sets: [ByteSet]) {
        for set in sets where count < 256 {
            // What each class so far becomes outside of the set, and within.
            var parts = InlineArray<512, Int16>(repeating: -1)
            count = 0
            for byte in classes.indices {
                let part = 2 * Int(classes[byte]) + (set.contains(UInt8(byte)) ? 1 : 0)
                if parts[part] < 0 {
                    parts[part] = Int16(count)
                    count += 1
                }
                classes[byte] = UInt8(parts[part])
            }
        }
    }

    /// The classes that `set`, one of those, is made of, in ascending order.
    func members(of set: ByteSet) -> [Int] {
        var members: [Int] = []
        var next = 0
        for byte in classes.indices where Int(classes[byte]) == next {
            if set.contains(UInt8(byte)) { members.append(next) }
            next += 1
        }
        return members
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
