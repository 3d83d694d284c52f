public import ApusAddresses
public import ApusHTTP

/// The routes of all listeners, laid out so that finding a request's costs the same for ten and for ten thousand.
///
/// The request's host names a few trees at most: that of exactly this host, those of the suffixes that it ends in, and
/// that of any host. Its path is followed down each, and through the automaton of their regular expressions. What matches
/// so is asked for the rest, unless a route before it has been found already. The least number found is the first match.
///
/// Everything is in flat arrays: reading `RouteMatch`, which says the same in arrays and strings, would count references.
public struct RouteTable: Sendable {
    /// What is looked for under one host pattern of one listener.
    private struct Root {
        /// In `tree`.
        var node: UInt32
        /// In `expressions`.
        var patterns = RegexGroup()
        /// The lowest number of its routes.
        var lowest: UInt32
    }

    private struct ListenerRoutes {
        /// Looked at one after the other: they are few and simple.
        var few: Range<Int> = 0..<0
        /// In `roots`: that of any host; -1 for none.
        var anyHost = -1
        /// The longest host and suffix that are looked for; 0 for none.
        var longestHost = 0
        var longestSuffix = 0
    }

    /// Per listener, whether a route asks for the client's address.
    public private(set) var looksAtClient: [Bool]
    /// Per listener, whether a route that may be reached asks for a path.
    public private(set) var looksAtPath: [Bool]
    /// Per listener, its first route if that takes every request; -1 if not.
    @usableFromInline private(set) var takesAll: [Int]
    private var listeners: [ListenerRoutes]
    private let rules: RouteRules
    private let few: FewRoutes
    /// Roots, from 1 on, by listener and host: exact hosts belong to the listener's number twice, suffixes to one more.
    private let hosts: ByteTable
    private let roots: [Root]
    private let tree: RouteTree
    private let expressions: RegexTables

    // MARK: Matching

    /// The number of the first route of `listener` that matches a request; nil when none does.
    ///
    /// Allocates nothing and counts no references. The cost grows with the request's host and path, hardly with the number
    /// of routes (docs/design/0011-routing.md).
    ///
    /// - Parameters:
    ///   - path: what is matched: a reading of the request's path, and `/` for an empty one.
    ///   - bytes: those that `head` and `fields` were parsed from.
    ///   - client: the client's address, seen through trusted proxies; looked at only if `looksAtClient`.
    @inlinable
    public func route(
        listener: Int, head: RequestHead, path: Span<UInt8>, fields: borrowing FieldTable, bytes: Span<UInt8>,
        client: IPAddress
    ) -> Int? {
        let first = takesAll[listener]
        if first >= 0 { return first }
        return match(listener: listener, head: head, path: path, fields: fields, bytes: bytes, client: client)
    }

    @usableFromInline
    func match(
        listener: Int, head: RequestHead, path: Span<UInt8>, fields: borrowing FieldTable, bytes: Span<UInt8>,
        client: IPAddress
    ) -> Int? {
        let table = listeners[listener]
        let host = bytes.extracting(head.host)
        let few = few.rules.span
        for index in table.few where self.few.matches(few[index], host: host, path: path) {
            if rules.hold(index, head: head, fields: fields, bytes: bytes, client: client) { return index }
        }
        if !table.few.isEmpty { return nil }
        var search = RouteSearch(head: head, client: client)
        if table.longestHost | table.longestSuffix > 0 {
            lookUp(host, listener, table, &search, path, fields, bytes)
        }
        if table.anyHost >= 0 { look(in: table.anyHost, &search, path, fields, bytes) }
        return search.found == .max ? nil : Int(search.found)
    }

    /// Looks in the trees of this host and of the suffixes that it ends in. Hashes from the end, so that each suffix's hash
    /// is on the way.
    private func lookUp(
        _ host: Span<UInt8>, _ listener: Int, _ table: ListenerRoutes, _ search: inout RouteSearch,
        _ path: Span<UInt8>, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>
    ) {
        let count = countWithoutRootDot(host)
        let least = max(0, count &- max(table.longestHost, table.longestSuffix))
        let owner = UInt32(truncatingIfNeeded: listener) &* 2
        var hash = ByteTable.seed
        var start = count
        while start > least {
            start &-= 1
            hash = ByteTable.hash(hash, lowercasedLetter(host[start]))
            guard host[start] == UInt8(ascii: "."), start > 0, count &- start <= table.longestSuffix else { continue }
            let root = hosts.find(owner &+ 1, hash, count: count &- start) { equalsLowercased(host, from: start, $0) }
            if root != 0 { look(in: Int(root), &search, path, fields, bytes) }
        }
        guard start == 0, count <= table.longestHost else { return }
        let root = hosts.find(owner, hash, count: count) { equalsLowercased(host, from: 0, $0) }
        if root != 0 { look(in: Int(root), &search, path, fields, bytes) }
    }

    private func look(
        in root: Int, _ search: inout RouteSearch, _ path: Span<UInt8>, _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) {
        let root = roots[root]
        guard root.lowest < search.found else { return }
        if root.node != 0 { descend(root.node, behind: -1, &search, path, fields, bytes) }
        for automaton in root.patterns.automata { run(automaton, &search, path, fields, bytes) }
        if root.patterns.gate >= 0 { passGate(root.patterns, &search, path, fields, bytes) }
    }

    /// Considers the routes at a node and below; the path has been followed up to the slash, or the end, at `offset`.
    private func descend(
        _ node: UInt32, behind offset: Int, _ search: inout RouteSearch, _ path: Span<UInt8>,
        _ fields: borrowing FieldTable, _ bytes: Span<UInt8>
    ) {
        let nodes = tree.nodes.span
        var node = node
        var offset = offset
        while nodes[Int(node)].lowest < search.found {
            let here = nodes[Int(node)]
            consider(here.within, &search, fields, bytes)
            if offset == path.count { return consider(here.exact, &search, fields, bytes) }
            consider(here.below, &search, fields, bytes)
            let start = offset &+ 1
            offset = start
            var hash = ByteTable.seed
            while offset < path.count, path[offset] != .slash {
                hash = ByteTable.hash(hash, path[offset])
                offset &+= 1
            }
            if offset == start {
                node = here.emptyChild
            } else {
                var child: UInt32 = 0
                if here.hasChildren {
                    child = tree.children.find(node, hash, count: offset &- start) {
                        pathEquals(path.extracting(start..<offset), $0)
                    }
                }
                if child == 0 {
                    child = here.anyChild
                } else if here.anyChild != 0 {
                    descend(here.anyChild, behind: offset, &search, path, fields, bytes)
                }
                node = child
            }
            // Node 0 has no routes.
        }
    }

    @inline(__always)
    private func consider(
        _ list: RouteTree.List, _ search: inout RouteSearch, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>
    ) {
        guard list.count > 0 else { return }
        let candidates = tree.candidates.span
        for index in Int(list.start)..<Int(list.start &+ list.count) {
            guard candidates[index] < search.found else { return }
            if holds(candidates[index], search, fields, bytes) { search.found = candidates[index] }
        }
    }

    @inline(__always)
    private func holds(
        _ route: UInt32, _ search: RouteSearch, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>
    ) -> Bool {
        rules.hold(Int(route), head: search.head, fields: fields, bytes: bytes, client: search.client)
    }

    // MARK: Regular expressions

    /// Runs those automata behind a gate that it finds reason to run.
    private func passGate(
        _ patterns: RegexGroup, _ search: inout RouteSearch, _ path: Span<UInt8>, _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) {
        let (states, numbers) = (expressions.states.span, expressions.accepts.span)
        let gate = expressions.automata[patterns.gate]
        var isWanted = InlineArray<256, UInt64>(repeating: 0)
        var isAnyWanted = false
        var state = gate.start
        for offset in path.indices {
            state = expressions.next(state, path[offset], gate)
            if state == RegexTables.dead { break }
            for index in states[Int(state)].accepts..<states[Int(state)].acceptsAtEnd {
                let number = numbers[Int(index)]
                isWanted[Int(number &>> 6)] |= 1 &<< UInt64(number & 63)
                isAnyWanted = true
            }
        }
        guard isAnyWanted else { return }
        for word in isWanted.indices {
            var bits = isWanted[word]
            while bits != 0 {
                run(patterns.gated.lowerBound &+ word &* 64 &+ bits.trailingZeroBitCount, &search, path, fields, bytes)
                bits &= bits &- 1
            }
        }
    }

    private func run(
        _ number: Int, _ search: inout RouteSearch, _ path: Span<UInt8>, _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) {
        let automaton = expressions.automata[number]
        guard automaton.lowest < search.found else { return }
        if automaton.simulation >= 0 {
            if expressions.simulations[Int(automaton.simulation)].matches(path, isWhole: false),
                holds(automaton.lowest, search, fields, bytes)
            {
                search.found = automaton.lowest
            }
            return
        }
        let states = expressions.states.span
        var state = automaton.start
        var offset = 0
        // What has just been considered is found again by every byte that leads to the same state.
        var considered: UInt32 = .max
        while true {
            let here = states[Int(state)]
            if here.accepts < here.acceptsAtEnd, here.accepts != considered {
                considered = here.accepts
                consider(here.accepts..<here.acceptsAtEnd, &search, fields, bytes)
                if search.found <= automaton.lowest { return }
            }
            if offset == path.count {
                return consider(here.acceptsAtEnd..<here.acceptsEnd, &search, fields, bytes)
            }
            state = expressions.next(state, path[offset], automaton)
            if state == 0 { return }
            offset &+= 1
        }
    }

    private func consider(
        _ accepts: Range<UInt32>, _ search: inout RouteSearch, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>
    ) {
        let routes = expressions.accepts.span
        for index in accepts {
            guard routes[Int(index)] < search.found else { return }
            if holds(routes[Int(index)], search, fields, bytes) { search.found = routes[Int(index)] }
        }
    }
}

/// What one request is looked up by, and what has been found of it.
struct RouteSearch {
    let head: RequestHead
    let client: IPAddress
    /// The lowest number of a route that matches; `.max` for none yet.
    var found: UInt32 = .max
}

// MARK: - Making

extension RouteTable {
    /// - Parameters:
    ///   - matches: what the routes ask, by the routes' numbers.
    ///   - listeners: the numbers of each listener's routes.
    public init(_ matches: [RouteMatch], listeners: [Range<Int>]) {
        var builder = RouteTreeBuilder()
        var expressions = RegexTables()
        // Root 0 is none.
        var roots = [Root(node: 0, lowest: .max)]
        var hosts: [ByteTable.Key: UInt32] = [:]
        looksAtClient = listeners.map { matches[$0].contains { !$0.clients.isEmpty } }
        looksAtPath = listeners.map { range in
            // Behind a route that takes everything, none is asked.
            let end = matches[range].firstIndex { $0 == RouteMatch() } ?? range.upperBound
            return matches[range.lowerBound..<end].contains { $0.path != .any }
        }
        takesAll = listeners.map { range in
            guard let first = range.first, matches[first] == RouteMatch() else { return -1 }
            return first
        }
        self.listeners = listeners.enumerated().map { listener, range in
            var table = ListenerRoutes()
            if !range.isEmpty, FewRoutes.areFew(matches[range]) {
                table.few = range
                return table
            }
            let first = roots.count
            // Of each root from `first` on.
            var members: [[Int]] = []
            for index in range {
                let patterns = matches[index].hosts
                for pattern in patterns.isEmpty ? [.any] : patterns {
                    let root = Self.root(of: pattern, listener, &table, &hosts, &roots)
                    if root - first == members.count { members.append([]) }
                    if members[root - first].last != index { members[root - first].append(index) }
                }
            }
            for (offset, members) in members.enumerated() {
                Self.fill(&roots[first + offset], with: members, of: matches, &builder, &expressions)
            }
            return table
        }
        rules = RouteRules(matches)
        few = FewRoutes(matches[..<(self.listeners.map(\.few.upperBound).max() ?? 0)])
        self.roots = roots
        self.expressions = expressions
        tree = builder.tree()
        self.hosts = ByteTable(hosts) { $0.reversed().reduce(ByteTable.seed) { ByteTable.hash($0, $1) } }
    }

    /// The same with some listeners more, for which no route is found.
    public func adding(emptyListeners count: Int) -> RouteTable {
        guard count > 0 else { return self }
        var table = self
        table.looksAtClient += Array(repeating: false, count: count)
        table.looksAtPath += Array(repeating: false, count: count)
        table.takesAll += Array(repeating: -1, count: count)
        table.listeners += Array(repeating: ListenerRoutes(), count: count)
        return table
    }

    private static func root(
        of pattern: HostPattern, _ listener: Int, _ table: inout ListenerRoutes,
        _ hosts: inout [ByteTable.Key: UInt32], _ roots: inout [Root]
    ) -> Int {
        let key: ByteTable.Key
        switch pattern {
        case .any:
            if table.anyHost < 0 {
                roots.append(Root(node: 0, lowest: .max))
                table.anyHost = roots.count - 1
            }
            return table.anyHost
        case .exact(let name):
            table.longestHost = max(table.longestHost, name.count)
            key = ByteTable.Key(owner: UInt32(2 * listener), bytes: name)
        case .suffix(let suffix):
            table.longestSuffix = max(table.longestSuffix, suffix.count)
            key = ByteTable.Key(owner: UInt32(2 * listener + 1), bytes: suffix)
        }
        if let root = hosts[key] { return Int(root) }
        roots.append(Root(node: 0, lowest: .max))
        hosts[key] = UInt32(roots.count - 1)
        return roots.count - 1
    }

    private static func fill(
        _ root: inout Root, with members: [Int], of matches: [RouteMatch], _ builder: inout RouteTreeBuilder,
        _ expressions: inout RegexTables
    ) {
        var patterns: [(number: UInt32, expression: RegularExpression)] = []
        for index in members {
            let number = UInt32(index)
            root.lowest = min(root.lowest, number)
            if case .regex(let expression) = matches[index].path {
                patterns.append((number, expression))
            } else {
                if root.node == 0 { root.node = builder.makeRoot() }
                builder.insert(number, matches[index].path, root: root.node)
            }
        }
        if !patterns.isEmpty { root.patterns = expressions.append(patterns) }
    }
}
