import ApusAddresses
import ApusModel
import ApusRouting

extension RouteMatch {
    /// Whether every request that `other` matches is matched by this too. No means that it may not be.
    func covers(_ other: RouteMatch) -> Bool {
        // The cheapest first: hosts and clients may be many.
        path.covers(other.path)
            && (methods.isEmpty || !other.methods.isEmpty && other.methods.allSatisfy(methods.contains))
            && Self.follow(fields, from: other.fields) && Self.follow(query, from: other.query)
            && Self.follow(cookies, from: other.cookies)
            && (hosts.isEmpty
                || !other.hosts.isEmpty && other.hosts.allSatisfy { host in hosts.contains { $0.covers(host) } })
            && (clients.isEmpty
                || !other.clients.isEmpty
                    && other.clients.allSatisfy { client in clients.contains { $0.covers(client) } })
    }

    /// Whether a request that meets all of `others` meets all of `conditions`.
    private static func follow(_ conditions: [ValueCondition], from others: [ValueCondition]) -> Bool {
        conditions.allSatisfy { condition in others.contains { condition.follows(from: $0) } }
    }
}

extension Network {
    func covers(_ other: Network) -> Bool { prefixLength <= other.prefixLength && contains(other.address) }
}

extension ValueCondition {
    /// Whether every request that meets `other` meets this.
    func follows(from other: ValueCondition) -> Bool {
        guard name == other.name else { return false }
        if self == other { return true }
        if isNegated {
            // What is absent is neither this nor that; what is present may have several values.
            return other.isNegated && test.passesAll(other.test, reversed: true)
        }
        return !other.isNegated && test.passesAll(other.test, reversed: false)
    }
}

extension ValueTest {
    /// Whether each value that passes `other` passes this; or, reversed, each that passes this passes `other`.
    fileprivate func passesAll(_ other: ValueTest, reversed: Bool) -> Bool {
        let (wide, narrow) = reversed ? (other, self) : (self, other)
        return switch (wide, narrow) {
        case (.present, _): true
        case (_, .present): false
        case (_, .exact(let value)): wide.passes(value.span)
        case (.prefix(let short), .prefix(let long)): long.starts(with: short)
        default: wide == narrow
        }
    }
}

extension HostPattern {
    /// Whether every host that `other` matches is matched by this pattern too.
    func covers(_ other: HostPattern) -> Bool {
        switch (self, other) {
        case (.any, _): true
        case (_, .any): false
        case (.exact(let name), .exact(let otherName)): name == otherName
        case (.exact, .suffix): false
        case (.suffix, .exact(let name)): matches(name.span)
        case (.suffix(let suffix), .suffix(let otherSuffix)): suffix == otherSuffix || matches(otherSuffix.span)
        }
    }
}

extension PathPattern {
    /// Whether every path that `other` matches is matched by this pattern too. No means that it may not be.
    func covers(_ other: PathPattern) -> Bool {
        switch (self, other) {
        case (.any, _): true
        case (_, .any): false
        case (.exact, .prefix): false
        case (_, .exact(let path)): matches(path.span)
        case (.prefix, .prefix(let path)): matches(path.span)
        case (.template(let one), .template(let other)): one.covers(other)
        case (.prefix(let prefix), .template(let template)): template.lies(below: prefix)
        case (.regex, .regex): self == other
        case (.template, .prefix), (.template, .regex), (.regex, _), (_, .template), (_, .regex): false
        }
    }
}

extension PathTemplate {
    /// Whether every path that `other` matches is matched by this template too.
    fileprivate func covers(_ other: PathTemplate) -> Bool {
        for (index, segment) in segments.enumerated() {
            if case .rest = segment { return index < other.segments.count }
            guard index < other.segments.count else { return false }
            switch (segment, other.segments[index]) {
            case (.capture, .capture): continue
            case (.capture, .literal(let text)) where !text.isEmpty: continue
            case (.literal(let text), .literal(let otherText)) where text == otherText: continue
            default: return false
            }
        }
        return segments.count == other.segments.count
    }

    /// Whether every path that this matches lies below `prefix`.
    fileprivate func lies(below prefix: [UInt8]) -> Bool {
        var lead: [UInt8] = []
        for segment in segments {
            lead.append(UInt8(ascii: "/"))
            guard case .literal(let literal) = segment else { break }
            lead += literal
        }
        return PathPattern.prefix(prefix).matches(lead.span)
    }
}
