/// The routes of all listeners, laid out for matching: flat rules without references, their bytes side by side.
///
/// `Route` says the same in arrays and strings; reading those on the request path would cost reference counting.
@usableFromInline
struct RouteTable: Sendable {
    @usableFromInline
    enum HostRule: UInt8, Sendable { case any, exact, suffix }

    @usableFromInline
    enum PathRule: UInt8, Sendable { case any, exact, prefix }

    /// One route's two patterns; the ranges name bytes of `text`.
    @usableFromInline
    struct Rule: Sendable {
        @usableFromInline let host: HostRule
        @usableFromInline let path: PathRule
        @usableFromInline let hostText: Range<Int>
        @usableFromInline let pathText: Range<Int>

        @inlinable
        var matchesEverything: Bool { host == .any && path == .any }
    }

    @usableFromInline let rules: [Rule]
    @usableFromInline let text: [UInt8]
    /// Per listener, its rules.
    @usableFromInline let listeners: [Range<Int>]

    init(routes: [Route], listeners: [Range<Int>]) {
        var text: [UInt8] = []
        func store(_ bytes: [UInt8]) -> Range<Int> {
            text += bytes
            return (text.count - bytes.count)..<text.count
        }
        rules = routes.map { route in
            let (host, hostText): (HostRule, Range<Int>) =
                switch route.match.hosts.first {
                case nil, .any: (.any, 0..<0)
                case .exact(let name): (.exact, store(name))
                case .suffix(let suffix): (.suffix, store(suffix))
                }
            let (path, pathText): (PathRule, Range<Int>) =
                switch route.match.path {
                case .any: (.any, 0..<0)
                case .exact(let exact): (.exact, store(exact))
                case .prefix(let prefix): (.prefix, store(prefix))
                }
            return Rule(host: host, path: path, hostText: hostText, pathText: pathText)
        }
        self.text = text
        self.listeners = listeners
    }

    @inlinable
    func match(listener: Int, host: Span<UInt8>, path: Span<UInt8>) -> Int? {
        let rules = rules.span
        for index in listeners[listener] {
            let rule = rules[index]
            if rule.matchesEverything || matches(rule, host: host, path: path) { return index }
        }
        return nil
    }

    @usableFromInline
    func matches(_ rule: Rule, host: Span<UInt8>, path: Span<UInt8>) -> Bool {
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
