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
    func matches(_ number: Int, _ text: Span<UInt8>) -> Bool {
        let automaton = automata[number]
        if automaton.simulation >= 0 { return simulations[Int(automaton.simulation)].matches(text, isWhole: true) }
        var state = automaton.start
        for offset in text.indices {
            state = next(state, text[offset], automaton)
            if state == Self.dead { return false }
        }
        return states[Int(state)].accepts < states[Int(state)].acceptsEnd
    }

    // MARK: Making

    /// Makes the automaton of one expression that is to match the whole of a text.
    ///
    /// - Returns: its number.
    mutating func appendWhole(_ expression: RegularExpression) -> Int {
        let steps = [.start] + expression.node.steps + [.end]
        append([RegexDeterminizer.Expression(steps: steps, number: 0)], [0: expression])
        return automata.count - 1
    }

    /// Makes automata that find `expressions`, each with its number: one, if its table does not become too large, or as
    /// few as do.
    mutating func append(_ expressions: [(number: UInt32, expression: RegularExpression)]) {
        guard !expressions.isEmpty else { return }
        append(
            expressions.map { RegexDeterminizer.Expression(steps: $0.expression.node.steps, number: $0.number) },
            Dictionary(expressions.map { ($0.number, $0.expression) }) { first, _ in first })
    }

    /// Expressions of one automaton where all together are too many.
    private static let groupLimit = 32

    private mutating func append(
        _ expressions: [RegexDeterminizer.Expression], _ originals: [UInt32: RegularExpression]
    ) {
        do {
            let determinizer = try RegexDeterminizer(expressions)
            append(determinizer, lowest: expressions.map(\.number).min() ?? 0)
        } catch {
            guard expressions.count > 1 else {
                guard let original = originals[expressions[0].number] else { return }
                simulations.append(original.simulation)
                automata.append(
                    Automaton(simulation: Int32(simulations.count - 1), lowest: expressions[0].number))
                return
            }
            // Those that are not likely to have made it too large still go together.
            let steady = expressions.filter(\.isSteady)
            if !steady.isEmpty, steady.count < expressions.count {
                append(steady, originals)
                return append(expressions.filter { !$0.isSteady }, originals)
            }
            let size = min(Self.groupLimit, (expressions.count + 1) / 2)
            for start in stride(from: 0, to: expressions.count, by: size) {
                append(Array(expressions[start..<min(start + size, expressions.count)]), originals)
            }
        }
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
