/// Routes with one host and one simple path each, which are looked at one after the other: for as few as most listeners
/// have that costs less than an index does.
struct FewRoutes: Sendable {
    /// Listeners with more are indexed: from about here on that costs less.
    private static let limit = 6

    fileprivate enum HostRule: UInt8, Sendable { case any, exact, suffix }
    fileprivate enum PathRule: UInt8, Sendable { case any, exact, prefix }

    /// One route's two patterns; the ranges name bytes of `text`.
    struct Rule: Sendable {
        fileprivate var host = HostRule.any
        fileprivate var path = PathRule.any
        fileprivate var hostText = 0..<0
        fileprivate var pathText = 0..<0
        fileprivate var matchesEverything: Bool { host == .any && path == .any }
    }

    /// By the number of the route, as far as one is looked at; of those that are not simple it says nothing.
    private(set) var rules: [Rule] = []
    private var text: [UInt8] = []

    static func areFew(_ matches: ArraySlice<RouteMatch>) -> Bool {
        matches.count <= limit
            && matches.allSatisfy { match in
                switch match.path {
                case .any, .exact, .prefix: match.hosts.count <= 1
                case .template, .regex: false
                }
            }
    }

    /// - Parameter matches: up to the last that is looked at.
    init(_ matches: ArraySlice<RouteMatch>) {
        for match in matches {
            var rule = Rule()
            switch match.hosts.first {
            case nil, .any: break
            case .exact(let name): (rule.host, rule.hostText) = (.exact, store(name))
            case .suffix(let suffix): (rule.host, rule.hostText) = (.suffix, store(suffix))
            }
            switch match.path {
            case .any, .template, .regex: break
            case .exact(let exact): (rule.path, rule.pathText) = (.exact, store(exact))
            case .prefix(let prefix): (rule.path, rule.pathText) = (.prefix, store(prefix))
            }
            rules.append(rule)
        }
    }

    private mutating func store(_ bytes: [UInt8]) -> Range<Int> {
        text += bytes
        return (text.count - bytes.count)..<text.count
    }

    @inline(__always)
    func matches(_ rule: Rule, host: Span<UInt8>, path: Span<UInt8>) -> Bool {
        rule.matchesEverything || compare(rule, host: host, path: path)
    }

    private func compare(_ rule: Rule, host: Span<UInt8>, path: Span<UInt8>) -> Bool {
        let hostText = text.span.extracting(rule.hostText)
        let pathText = text.span.extracting(rule.pathText)
        switch rule.path {
        case .any: break
        case .exact: guard pathEquals(path, pathText) else { return false }
        case .prefix: guard pathIsWithin(path, pathText) else { return false }
        }
        return switch rule.host {
        case .any: true
        case .exact: hostEquals(host, hostText)
        case .suffix: hostEnds(host, in: hostText)
        }
    }
}
