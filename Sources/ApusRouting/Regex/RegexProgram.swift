/// Regular expressions as steps (Thompson's construction): a machine that may be at several of them at once finds a
/// match in one pass over the text.
struct RegexProgram: Sendable {
    enum Operation: UInt8, Sendable {
        /// Takes one byte of the set `first`, then goes on with the next step.
        case bytes
        /// Goes on at `first`, or else at `second`.
        case split
        /// Goes on at `first`.
        case jump
        /// Notes the place in the text as number `first`.
        case save
        /// Goes on where the text begins, and where it ends.
        case start, end
        /// The expression number `first` matches.
        case accept
    }

    struct Step: Sendable {
        var operation: Operation
        var first: UInt32 = 0
        var second: UInt32 = 0
    }

    struct TooLarge: Error {}

    private(set) var steps: [Step] = []
    private(set) var sets: [ByteSet] = []
    private var setNumbers: [ByteSet: UInt32] = [:]
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Appends one expression, and that it matches when its end is reached.
    mutating func append(_ node: RegexNode, accepting expression: Int) throws(TooLarge) {
        try append(node)
        try emit(.accept, UInt32(expression))
    }

    mutating func emit(_ operation: Operation, _ first: UInt32 = 0, _ second: UInt32 = 0) throws(TooLarge) {
        guard steps.count < limit else { throw TooLarge() }
        steps.append(Step(operation: operation, first: first, second: second))
    }

    /// Runs each of `branches`; the first goes first.
    mutating func appendBranches(
        _ count: Int, _ branch: (inout RegexProgram, Int) throws(TooLarge) -> Void
    ) throws(TooLarge) {
        var jumps: [Int] = []
        for index in 0..<count - 1 {
            let split = steps.count
            try emit(.split, UInt32(split + 1))
            try branch(&self, index)
            jumps.append(steps.count)
            try emit(.jump)
            steps[split].second = UInt32(steps.count)
        }
        try branch(&self, count - 1)
        for jump in jumps { steps[jump].first = UInt32(steps.count) }
    }

    mutating func append(_ node: RegexNode) throws(TooLarge) {
        switch node {
        case .empty: break
        case .bytes(let set): try emit(.bytes, number(of: set))
        case .start: try emit(.start)
        case .end: try emit(.end)
        case .sequence(let nodes): for node in nodes { try append(node) }
        case .either(let nodes):
            try appendBranches(nodes.count) { (program, index) throws(TooLarge) in try program.append(nodes[index]) }
        case .capture(let index, let node):
            try emit(.save, UInt32(2 * index))
            try append(node)
            try emit(.save, UInt32(2 * index + 1))
        case .repeated(let node, let least, let most, let isLazy):
            for _ in 0..<least { try append(node) }
            if let most {
                try appendOptional(node, most - least, isLazy)
            } else {
                try appendLoop(node, isLazy)
            }
        }
    }

    private mutating func appendOptional(_ node: RegexNode, _ count: Int, _ isLazy: Bool) throws(TooLarge) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(steps.count)
            try emit(.split)
            try append(node)
        }
        for split in splits { set(split, inside: split + 1, outside: steps.count, isLazy) }
    }

    private mutating func appendLoop(_ node: RegexNode, _ isLazy: Bool) throws(TooLarge) {
        let split = steps.count
        try emit(.split)
        try append(node)
        try emit(.jump, UInt32(split))
        set(split, inside: split + 1, outside: steps.count, isLazy)
    }

    private mutating func set(_ split: Int, inside: Int, outside: Int, _ isLazy: Bool) {
        steps[split].first = UInt32(isLazy ? outside : inside)
        steps[split].second = UInt32(isLazy ? inside : outside)
    }

    private mutating func number(of set: ByteSet) -> UInt32 {
        if let number = setNumbers[set] { return number }
        let number = UInt32(sets.count)
        sets.append(set)
        setNumbers[set] = number
        return number
    }
}

/// What can be reached from steps of a program without taking a byte.
struct RegexClosure {
    /// The steps that take a byte next, in ascending order once sorted.
    var takers: [UInt32] = []
    /// The expressions that have matched, whatever follows.
    var accepted: [UInt32] = []
    /// Those that have matched if the text ends here, apart from `accepted`.
    var acceptedAtEnd: [UInt32] = []
}

/// Finds closures: keeps what it needs for that.
struct RegexClosureFinder {
    private let steps: [RegexProgram.Step]
    // When each step was last visited: in the closure proper, and in what follows an end of the text.
    private var visited: [UInt32]
    private var visitedAtEnd: [UInt32]
    private var round: UInt32 = 0
    private var pending: [(step: UInt32, isAtEnd: Bool)] = []

    init(_ program: RegexProgram) {
        steps = program.steps
        visited = Array(repeating: 0, count: steps.count)
        visitedAtEnd = visited
    }

    /// What can be reached from `origins`; `isAtStart` where nothing of the text has been taken yet.
    mutating func closure(of origins: [UInt32], isAtStart: Bool) -> RegexClosure {
        round += 1
        var found = RegexClosure()
        pending = origins.map { ($0, false) }
        while let (step, isAtEnd) = pending.popLast() {
            guard visited[Int(step)] != round else { continue }
            if isAtEnd {
                guard visitedAtEnd[Int(step)] != round else { continue }
                visitedAtEnd[Int(step)] = round
            } else {
                visited[Int(step)] = round
            }
            let instruction = steps[Int(step)]
            switch instruction.operation {
            case .bytes: if !isAtEnd { found.takers.append(step) }
            case .split:
                pending.append((instruction.second, isAtEnd))
                pending.append((instruction.first, isAtEnd))
            case .jump: pending.append((instruction.first, isAtEnd))
            case .save: pending.append((step + 1, isAtEnd))
            case .start: if isAtStart { pending.append((step + 1, isAtEnd)) }
            case .end: pending.append((step + 1, true))
            case .accept:
                if isAtEnd {
                    found.acceptedAtEnd.append(instruction.first)
                } else {
                    found.accepted.append(instruction.first)
                }
            }
        }
        // A step may have been reached behind an end before it was reached without one.
        found.acceptedAtEnd.removeAll { found.accepted.contains($0) }
        return found
    }
}
