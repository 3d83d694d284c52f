import ApusModel

/// The routes of a listener, laid out so that one that matches everything that a later route could is found without
/// looking at all of them.
///
/// A route that covers another has the same host or one above it, the same path or one above it, and asks nothing else
/// that the other does not ask as well. Those few places are looked up; patterns and expressions, which cannot be looked
/// up, are compared one by one, as many as `patternBudget` allows.
struct RouteCoverage {
    private enum HostKey: Hashable {
        case any
        case exact([UInt8])
        case suffix([UInt8])
    }

    private enum PathKey: Hashable {
        case any
        case exact([UInt8])
        case prefix([UInt8])
        /// Templates and regular expressions.
        case pattern
    }

    /// What a route asks first besides its host and path.
    private enum ConditionKey: Hashable {
        case none
        case exact(kind: Int, name: String, value: [UInt8])
        case other(kind: Int, name: String)
        case method
        case client
    }

    private struct Key: Hashable {
        let path: PathKey
        let condition: ConditionKey
    }

    private var hosts: [HostKey: [Key: [Int]]] = [:]
    /// By index.
    private var matches: [Int: RouteMatch] = [:]
    private var patternBudget = 200_000
    private var budget = 5_000_000

    mutating func add(_ match: RouteMatch, _ index: Int) {
        matches[index] = match
        let key = Key(path: Self.key(match.path), condition: Self.conditionKey(match))
        for host in match.hosts.isEmpty ? [.any] : match.hosts.map(Self.key) {
            hosts[host, default: [:]][key, default: []].append(index)
        }
    }

    /// The index of the first route added that matches whatever `match` does; nil when there is none.
    mutating func firstCovering(_ match: RouteMatch) -> Int? {
        var first: Int?
        let paths = Self.keysAbove(match.path)
        let conditions = Self.conditionKeysAbove(match)
        for host in Self.keysAbove(match.hosts.first ?? .any) {
            guard let keys = hosts[host] else { continue }
            for path in paths {
                for condition in conditions {
                    for index in keys[Key(path: path, condition: condition)] ?? [] {
                        if let first, index >= first { break }
                        if path == .pattern { patternBudget -= 1 }
                        budget -= 1
                        guard patternBudget > 0, budget > 0 else { break }
                        if let other = matches[index], other.covers(match) { first = index }
                    }
                }
            }
        }
        return first
    }

    // MARK: - Keys

    private static func key(_ host: HostPattern) -> HostKey {
        switch host {
        case .any: .any
        case .exact(let name): .exact(name)
        case .suffix(let suffix): .suffix(suffix)
        }
    }

    private static func key(_ path: PathPattern) -> PathKey {
        switch path {
        case .any: .any
        case .exact(let path): .exact(path)
        case .prefix(let prefix): .prefix(prefix)
        case .template, .regex: .pattern
        }
    }

    private static func keysAbove(_ host: HostPattern) -> [HostKey] {
        guard case .any = host else {
            let name: [UInt8]
            switch host {
            case .any: return [.any]
            case .exact(let exact): name = exact
            case .suffix(let suffix): name = suffix
            }
            let dots = name.indices.filter { name[$0] == UInt8(ascii: ".") }
            return [.any, key(host)] + dots.map { .suffix(Array(name[$0...])) }
        }
        return [.any]
    }

    private static func keysAbove(_ path: PathPattern) -> [PathKey] {
        var keys: [PathKey] = [.any]
        let lead: [UInt8]
        switch path {
        case .any: return keys
        case .regex: return [.any, .pattern]
        case .exact(let exact):
            lead = exact
            keys.append(.exact(exact))
        case .prefix(let prefix): lead = prefix
        case .template(let template):
            var text: [UInt8] = []
            for segment in template.segments {
                text.append(UInt8(ascii: "/"))
                guard case .literal(let literal) = segment else { break }
                text += literal
            }
            lead = text
        }
        keys.append(.prefix(lead))
        for index in lead.indices where lead[index] == UInt8(ascii: "/") {
            if index > 0 { keys.append(.prefix(Array(lead[..<index]))) }
            if index + 1 < lead.count { keys.append(.prefix(Array(lead[...index]))) }
        }
        keys.append(.pattern)
        return keys
    }

    private static func conditionKey(_ match: RouteMatch) -> ConditionKey {
        let all = conditions(of: match)
        if let exact = all.lazy.compactMap({ exactKey($0.kind, $0.condition) }).first { return exact }
        if let first = all.first { return .other(kind: first.kind, name: first.condition.name) }
        if !match.methods.isEmpty { return .method }
        return match.clients.isEmpty ? .none : .client
    }

    /// The keys of routes that ask no more than `match`.
    private static func conditionKeysAbove(_ match: RouteMatch) -> [ConditionKey] {
        var keys: [ConditionKey] = [.none]
        if !match.methods.isEmpty { keys.append(.method) }
        if !match.clients.isEmpty { keys.append(.client) }
        for (kind, condition) in conditions(of: match) {
            keys.append(.other(kind: kind, name: condition.name))
            if let exact = exactKey(kind, condition) { keys.append(exact) }
        }
        return keys
    }

    private static func exactKey(_ kind: Int, _ condition: ValueCondition) -> ConditionKey? {
        guard case .exact(let value) = condition.test, !condition.isNegated else { return nil }
        return .exact(kind: kind, name: condition.name, value: value)
    }

    private static func conditions(of match: RouteMatch) -> [(kind: Int, condition: ValueCondition)] {
        [match.fields, match.query, match.cookies].enumerated().flatMap { kind, conditions in
            conditions.map { (kind, $0) }
        }
    }
}
