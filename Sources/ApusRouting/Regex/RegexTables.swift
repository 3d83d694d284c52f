import ApusHTTP

/// Regular expressions determinized ahead: a table of states, in which each byte of a text is one step, however many
/// expressions are looked for at once. Several automata share these arrays, so that nothing is referenced to run one.
struct RegexTables: Sendable {
    /// The state from which nothing matches any more.
    static let dead = 0

    struct State: Sendable {
        /// Where its steps are in `edges`.
        var edges: UInt32 = 0
        var edgesEnd: UInt32 = 0
        /// The expressions found when it is entered, in `accepts`, and behind them those found if the text ends there.
        var accepts: UInt32 = 0
        var acceptsAtEnd: UInt32 = 0
        var acceptsEnd: UInt32 = 0
    }

    struct Automaton: Sendable {
        var start: UInt32 = 0
        /// Where the 256 classes of its bytes are.
        var classes: UInt32 = 0
        /// One expression that is too intricate for a table; -1 for none.
        var simulation: Int32 = -1
        /// The lowest number among its expressions'.
        var lowest: UInt32 = 0
    }

    /// Bytes that no expression of an automaton tells apart are of one class.
    private(set) var classes: [UInt8] = []
    private(set) var states = [State()]
    /// Of each state, by ascending class: the last class of a stretch (upper half) and the state that it leads to. A class
    /// behind the last stretch leads to `dead`.
    private(set) var edges: [UInt64] = []
    private(set) var accepts: [UInt32] = []
    private(set) var automata: [Automaton] = []
    private(set) var simulations: [RegexSimulation] = []

    // MARK: Running

    /// The state behind a byte of `automaton`, from `state`.
    @inline(__always)
    func next(_ state: UInt32, _ byte: UInt8, _ automaton: Automaton) -> UInt32 {
        let kind = UInt64(classes[Int(automaton.classes) &+ Int(byte)])
        let edges = edges.span
        var low = Int(states[Int(state)].edges)
        var high = Int(states[Int(state)].edgesEnd)
        let end = high
        // The first stretch that does not end before the class.
        while low < high {
            let middle = (low &+ high) &>> 1
            if edges[middle] &>> 32 < kind { low = middle &+ 1 } else { high = middle }
        }
        return low < end ? UInt32(truncatingIfNeeded: edges[low]) : 0
    }

    /// Whether the automaton of one expression that begins with `^` and ends with `$` matches `text`.
    ///
    /// - Parameter isForm: `text` is encoded as in forms, and matched as what it stands for.
    func matches(_ number: Int, _ text: Span<UInt8>, isForm: Bool = false) -> Bool {
        let automaton = automata[number]
        if automaton.simulation >= 0 {
            return simulations[Int(automaton.simulation)].matches(text, isWhole: true, isForm: isForm)
        }
        var state = automaton.start
        var offset = 0
        while offset < text.count {
            let (byte, following) = isForm ? text.formByte(at: offset) : (text[offset], offset &+ 1)
            state = next(state, byte, automaton)
            if state == Self.dead { return false }
            offset = following
        }
        return states[Int(state)].accepts < states[Int(state)].acceptsEnd
    }

    // MARK: Making

    /// Makes the automaton of one expression that is to match the whole of a text.
    ///
    /// - Returns: its number.
    mutating func appendWhole(_ expression: RegularExpression) -> Int {
        let steps = [.start] + expression.node.steps + [.end]
        appendAlone(RegexDeterminizer.Expression(steps: steps, number: 0), [0: expression])
        return automata.count - 1
    }

    /// Makes automata that find `expressions`, each with its number: two for all, or for all but the
    /// intricate ones, each of which has its own, behind a gate.
    mutating func append(_ expressions: [(number: UInt32, expression: RegularExpression)]) -> RegexGroup {
        let originals = Dictionary(expressions.map { ($0.number, $0.expression) }) { first, _ in first }
        let all = expressions.map { RegexDeterminizer.Expression(steps: $0.expression.node.steps, number: $0.number) }
        let first = automata.count
        var intricate: [RegexDeterminizer.Expression] = []
        // Where one is looked for from the start and others everywhere, each state of the one meets each of the others.
        for set in [all.filter(\.isAnchored), all.filter { !$0.isAnchored }] where !set.isEmpty {
            if appendTogether(set) { continue }
            let steady = set.filter(\.isSteady)
            if !steady.isEmpty, appendTogether(steady) {
                intricate += set.filter { !$0.isSteady }
            } else {
                intricate += set
            }
        }
        for each in intricate where each.literal.count < Self.gateLength { appendAlone(each, originals) }
        var group = RegexGroup(automata: first..<automata.count, gated: automata.count..<automata.count, gate: -1)
        let gated = intricate.filter { $0.literal.count >= Self.gateLength }
        if !gated.isEmpty { appendGated(gated, originals, &group) }
        return group
    }

    /// Bytes that an expression must begin with to be behind a gate.
    private static let gateLength = 3

    /// Makes an automaton for each expression, and one of the texts that they begin with.
    private mutating func appendGated(
        _ expressions: [RegexDeterminizer.Expression], _ originals: [UInt32: RegularExpression],
        _ group: inout RegexGroup
    ) {
        let first = automata.count
        for each in expressions { appendAlone(each, originals) }
        let made = automata.count
        let literals = expressions.enumerated().map { index, each in
            RegexDeterminizer.Expression(steps: each.literal, number: UInt32(index))
        }
        if literals.count <= RegexGroup.gatedLimit, appendTogether(literals) {
            group.gated = first..<made
            group.gate = made
        } else {
            group.automata = group.automata.lowerBound..<made
        }
    }

    /// Makes one automaton.
    ///
    /// - Returns: whether its table did not become too large.
    private mutating func appendTogether(_ expressions: [RegexDeterminizer.Expression]) -> Bool {
        guard let determinizer = try? RegexDeterminizer(expressions) else { return false }
        append(determinizer, lowest: expressions.map(\.number).min() ?? 0)
        return true
    }

    /// Makes the automaton of one expression; if it is too intricate for a table, it is simulated.
    private mutating func appendAlone(
        _ expression: RegexDeterminizer.Expression, _ originals: [UInt32: RegularExpression]
    ) {
        guard !appendTogether([expression]), let original = originals[expression.number] else { return }
        simulations.append(original.simulation)
        automata.append(Automaton(simulation: Int32(simulations.count - 1), lowest: expression.number))
    }

    private mutating func append(_ made: RegexDeterminizer, lowest: UInt32) {
        let base = UInt32(states.count - 1)
        automata.append(Automaton(start: base + 1, classes: UInt32(classes.count), lowest: lowest))
        classes += made.classes
        for state in made.states {
            var flat = State()
            flat.edges = UInt32(edges.count)
            for edge in state.edges {
                let target = edge.target == 0 ? 0 : edge.target + base
                edges.append(UInt64(edge.lastClass) << 32 | UInt64(target))
            }
            flat.edgesEnd = UInt32(edges.count)
            flat.accepts = UInt32(accepts.count)
            accepts += state.accepts
            flat.acceptsAtEnd = UInt32(accepts.count)
            accepts += state.acceptsAtEnd
            flat.acceptsEnd = UInt32(accepts.count)
            states.append(flat)
        }
    }
}

/// The automata of expressions that are looked for together.
struct RegexGroup: Sendable {
    /// Run for every text.
    var automata: Range<Int> = 0..<0
    /// Run for texts in which the gate finds what one of their expressions begins with.
    var gated: Range<Int> = 0..<0
    /// The automaton that finds which of `gated` are to be run; -1 for none.
    var gate = -1

    /// Automata behind a gate: 256 words of bits, which are cleared for every path that comes to it.
    static let gatedLimit = 16_384
}
