import ApusModel
import ApusRouting

/// The routes of a listener, laid out so that one that matches everything that a later route could is found without
/// looking at all of them.
///
/// A route that covers another has the same host or one above it, the same path or one above it, and asks nothing else
/// that the other does not ask as well. Those few places are looked up, by hashes alone, since what is found there is
/// compared in full; patterns and expressions, which cannot be looked up, are compared one by one. Both as long as the
/// budgets last.
struct RouteCoverage {
    /// A route at one of its places.
    private struct Entry {
        let match: Int
        /// The next one at the same place; -1 for none.
        var next = -1
    }

    /// The first and the last entry at a place.
    private typealias List = (first: Int, last: Int)

    /// By the hash of the host's place: most hosts that could be above another's have no routes.
    private var hosts: Set<UInt64> = []
    /// By the hash of host, path and condition.
    private var places: [UInt64: List] = [:]
    private var entries: [Entry] = []
    private var matches: [(match: RouteMatch, index: Int)] = []
    private var patternBudget = 200_000
    private var budget = 5_000_000

    /// Routes must come in the order in which they are tried.
    mutating func add(_ match: RouteMatch, _ index: Int) {
        matches.append((match, index))
        let path = CoverageKeys.path(match.path)
        let condition = CoverageKeys.condition(match)
        if match.hosts.isEmpty { add(at: CoverageKeys.any, path, condition) }
        for host in match.hosts { add(at: CoverageKeys.host(host), path, condition) }
    }

    private mutating func add(at host: UInt64, _ path: UInt64, _ condition: UInt64) {
        hosts.insert(host)
        entries.append(Entry(match: matches.count - 1))
        let entry = entries.count - 1
        let place = CoverageKeys.place(host, path, condition)
        if let last = places[place]?.last { entries[last].next = entry }
        places[place, default: (entry, entry)].last = entry
    }

    /// The index of the first route added that matches whatever `match` does; nil when there is none.
    mutating func firstCovering(_ match: RouteMatch) -> Int? {
        var first: Int?
        let above = CoverageKeys.hostsAbove(match.hosts.first ?? .any).filter(hosts.contains)
        guard !above.isEmpty else { return nil }
        let paths = CoverageKeys.pathsAbove(match.path)
        let conditions = CoverageKeys.conditionsAbove(match)
        for host in above {
            for path in paths {
                for condition in conditions {
                    var entry = places[CoverageKeys.place(host, path, condition)]?.first ?? -1
                    while entry >= 0 {
                        let number = entries[entry].match
                        if let first, number >= first { break }
                        if covers(number, match, isPattern: path == CoverageKeys.pattern) { first = number }
                        entry = patternBudget > 0 && budget > 0 ? entries[entry].next : -1
                    }
                }
            }
        }
        return first.map { matches[$0].index }
    }

    private mutating func covers(_ number: Int, _ match: RouteMatch, isPattern: Bool) -> Bool {
        // Hosts and clients are compared each with each.
        let other = matches[number].match
        budget -= 1 + other.hosts.count * match.hosts.count / 8 + other.clients.count * match.clients.count / 8
        if isPattern { patternBudget -= 1 }
        return patternBudget > 0 && budget > 0 && other.covers(match)
    }
}

/// Hashes of what a route asks for, and of everything above it. Two that are the same may be hashes of different things.
private enum CoverageKeys {
    static let any: UInt64 = 1
    /// The path of templates and regular expressions.
    static let pattern: UInt64 = 2

    private static let exact: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let wide: UInt64 = 0x9e37_79b9_7f4a_7c15

    private static func hash(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    static func place(_ host: UInt64, _ path: UInt64, _ condition: UInt64) -> UInt64 {
        ((host &* 0xbf58_476d_1ce4_e5b9 ^ path) &* 0x94d0_49bb_1331_11eb ^ condition) &* wide
    }

    // MARK: Hosts, hashed from their ends, so that the suffixes of a name are on the way

    static func host(_ host: HostPattern) -> UInt64 {
        switch host {
        case .any: any
        case .exact(let name): name.reversed().reduce(exact, hash)
        case .suffix(let suffix): suffix.reversed().reduce(wide, hash)
        }
    }

    static func hostsAbove(_ host: HostPattern) -> [UInt64] {
        var keys = [any]
        let name: [UInt8]
        switch host {
        case .any: return keys
        case .exact(let exact): name = exact
        case .suffix(let suffix): name = suffix
        }
        if case .exact = host { keys.append(self.host(host)) }
        var suffix = wide
        for byte in name.reversed() {
            suffix = hash(suffix, byte)
            if byte == UInt8(ascii: ".") { keys.append(suffix) }
        }
        return keys
    }

    // MARK: Paths

    static func path(_ path: PathPattern) -> UInt64 {
        switch path {
        case .any: any
        case .exact(let path): path.reduce(exact, hash)
        case .prefix(let prefix): prefix.reduce(wide, hash)
        case .template, .regex: pattern
        }
    }

    static func pathsAbove(_ path: PathPattern) -> [UInt64] {
        var keys = [any]
        let lead: [UInt8]
        switch path {
        case .any: return keys
        case .regex: return [any, pattern]
        case .exact(let exact):
            lead = exact
            keys.append(self.path(path))
        case .prefix(let prefix): lead = prefix
        case .template(let template): lead = template.literalLead
        }
        var prefix = wide
        for (index, byte) in lead.enumerated() {
            let next = hash(prefix, byte)
            if byte == UInt8(ascii: "/") {
                if index > 0 { keys.append(prefix) }
                if index + 1 < lead.count { keys.append(next) }
            }
            prefix = next
        }
        keys.append(prefix)
        keys.append(pattern)
        return keys
    }

    // MARK: What a route asks first besides its host and path

    private static let method: UInt64 = 3
    private static let client: UInt64 = 4

    static func condition(_ match: RouteMatch) -> UInt64 {
        var first: UInt64?
        for (kind, conditions) in [match.fields, match.query, match.cookies].enumerated() {
            for condition in conditions {
                if let key = exactKey(kind, condition) { return key }
                first = first ?? key(kind, condition)
            }
        }
        if let first { return first }
        if !match.methods.isEmpty { return method }
        return match.clients.isEmpty ? any : client
    }

    /// The keys of routes that ask no more than `match`.
    static func conditionsAbove(_ match: RouteMatch) -> [UInt64] {
        var keys = [any]
        if !match.methods.isEmpty { keys.append(method) }
        if !match.clients.isEmpty { keys.append(client) }
        for (kind, conditions) in [match.fields, match.query, match.cookies].enumerated() {
            for condition in conditions {
                keys.append(key(kind, condition))
                if let exact = exactKey(kind, condition) { keys.append(exact) }
            }
        }
        return keys
    }

    private static func key(_ kind: Int, _ condition: ValueCondition) -> UInt64 {
        condition.name.utf8.reduce(hash(wide, UInt8(kind)), hash)
    }

    private static func exactKey(_ kind: Int, _ condition: ValueCondition) -> UInt64? {
        guard case .exact(let value) = condition.test, !condition.isNegated else { return nil }
        return value.reduce(hash(key(kind, condition) ^ exact, 0), hash)
    }
}

extension PathTemplate {
    /// What stands before its first place.
    fileprivate var literalLead: [UInt8] {
        var lead: [UInt8] = []
        for segment in segments {
            lead.append(UInt8(ascii: "/"))
            guard case .literal(let literal) = segment else { break }
            lead += literal
        }
        return lead
    }
}
