import ApusAddresses
import ApusHTTP

/// What routes ask beyond host and path, flattened: no references, so that nothing is counted on the request path.
struct RouteRules: Sendable {
    /// Bytes of one of the tables below.
    struct Stretch: Sendable {
        var start: UInt32 = 0
        var count: UInt32 = 0

        @inline(__always)
        var range: Range<Int> { Int(start)..<Int(start) &+ Int(count) }
    }

    struct Rule: Sendable {
        /// Whether host and path are all that is asked.
        var asksNothing = true
        /// Of the methods known by name, a bit each (`Method.rawValue`); 0 where none is asked for.
        var methods: UInt16 = 0
        var asksForMethod = false
        /// Other methods, in `names`.
        var otherMethods = Stretch()
        /// In `conditions`.
        var conditions = Stretch()
        /// In `networks`.
        var networks = Stretch()
    }

    enum Source: UInt8, Sendable { case field, query, cookie }

    enum Test: UInt8, Sendable { case present, exact, prefix, regex }

    struct Condition: Sendable {
        var source: Source
        var test: Test
        var isNegated: Bool
        /// In `text`.
        var name: Stretch
        var value = Stretch()
        /// The automaton of a regular expression.
        var automaton = 0
    }

    private(set) var rules: [Rule] = []
    private var conditions: [Condition] = []
    private var names: [Stretch] = []
    private var networks: [Network] = []
    private var text: [UInt8] = []
    private var expressions = RegexTables()

    init(_ matches: [RouteMatch]) {
        rules.reserveCapacity(matches.count)
        for match in matches { append(match) }
    }

    // MARK: Asking

    /// Whether a request fulfils what the route at `index` asks of everything but its host and path.
    @inline(__always)
    func hold(
        _ index: Int, head: RequestHead, fields: borrowing FieldTable, bytes: Span<UInt8>, client: IPAddress
    ) -> Bool {
        rules[index].asksNothing || holdInFull(index, head: head, fields: fields, bytes: bytes, client: client)
    }

    private func holdInFull(
        _ index: Int, head: RequestHead, fields: borrowing FieldTable, bytes: Span<UInt8>, client: IPAddress
    ) -> Bool {
        let rule = rules[index]
        if rule.asksForMethod, !isMethod(of: rule, head: head, bytes: bytes) { return false }
        if rule.networks.count > 0, !isClient(of: rule, client) { return false }
        let conditions = conditions.span
        for index in rule.conditions.range
        where !isMet(conditions[index], head: head, fields: fields, bytes: bytes) { return false }
        return true
    }

    private func isMethod(of rule: Rule, head: RequestHead, bytes: Span<UInt8>) -> Bool {
        guard head.method == .other else { return rule.methods >> UInt16(head.method.rawValue) & 1 == 1 }
        let method = bytes.extracting(head.line.methodRange)
        let (names, text) = (names.span, text.span)
        for index in rule.otherMethods.range where pathEquals(method, text.extracting(names[index].range)) {
            return true
        }
        return false
    }

    private func isClient(of rule: Rule, _ client: IPAddress) -> Bool {
        let networks = networks.span
        for index in rule.networks.range where networks[index].contains(client) { return true }
        return false
    }

    private func isMet(
        _ condition: Condition, head: RequestHead, fields: borrowing FieldTable, bytes: Span<UInt8>
    ) -> Bool {
        let name = text.span.extracting(condition.name.range)
        let isMet =
            switch condition.source {
            case .field:
                fields.containsValue(of: name, in: bytes) { passes(condition, bytes.extracting($0)) }
            case .query:
                head.target.containsQueryParameter(name, in: bytes) { passesDecoded(condition, bytes.extracting($0)) }
            case .cookie:
                fields.containsCookie(name, in: bytes) { passes(condition, bytes.extracting($0)) }
            }
        return isMet != condition.isNegated
    }

    private func passes(_ condition: Condition, _ value: Span<UInt8>) -> Bool {
        switch condition.test {
        case .present: true
        case .exact: pathEquals(value, text.span.extracting(condition.value.range))
        case .prefix: pathStarts(value, with: text.span.extracting(condition.value.range))
        case .regex: expressions.matches(condition.automaton, value)
        }
    }

    /// As `passes`, for a value that is encoded as in forms.
    private func passesDecoded(_ condition: Condition, _ value: Span<UInt8>) -> Bool {
        switch condition.test {
        case .present: true
        case .exact: value.isForm(of: text.span.extracting(condition.value.range))
        case .prefix: value.isForm(of: text.span.extracting(condition.value.range), orLonger: true)
        case .regex: expressions.matches(condition.automaton, value, isForm: true)
        }
    }

    // MARK: Making

    private mutating func append(_ match: RouteMatch) {
        var rule = Rule()
        rule.asksForMethod = !match.methods.isEmpty
        rule.otherMethods.start = UInt32(names.count)
        for name in match.methods {
            if let method = Self.methods.firstIndex(of: name) {
                rule.methods |= 1 << UInt16(method)
            } else {
                names.append(store(Array(name.utf8)))
            }
        }
        rule.otherMethods.count = UInt32(names.count) - rule.otherMethods.start
        rule.conditions.start = UInt32(conditions.count)
        for condition in match.fields { append(condition, .field) }
        for condition in match.query { append(condition, .query) }
        for condition in match.cookies { append(condition, .cookie) }
        rule.conditions.count = UInt32(conditions.count) - rule.conditions.start
        rule.networks = Stretch(start: UInt32(networks.count), count: UInt32(match.clients.count))
        networks += match.clients
        rule.asksNothing = !rule.asksForMethod && rule.conditions.count == 0 && rule.networks.count == 0
        rules.append(rule)
    }

    /// By the raw values of `Method`.
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]

    private mutating func append(_ condition: ValueCondition, _ source: Source) {
        var flat = Condition(
            source: source, test: .present, isNegated: condition.isNegated, name: store(Array(condition.name.utf8)))
        switch condition.test {
        case .present: break
        case .exact(let value):
            flat.test = .exact
            flat.value = store(value)
        case .prefix(let value):
            flat.test = .prefix
            flat.value = store(value)
        case .regex(let expression):
            flat.test = .regex
            flat.automaton = expressions.appendWhole(expression)
        }
        conditions.append(flat)
    }

    private mutating func store(_ bytes: [UInt8]) -> Stretch {
        defer { text += bytes }
        return Stretch(start: UInt32(text.count), count: UInt32(bytes.count))
    }
}
