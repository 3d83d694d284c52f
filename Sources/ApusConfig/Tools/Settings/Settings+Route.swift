import ApusAddresses
public import ApusModel
import ApusRouting

extension Settings {
    /// What a route asks of requests, and what it does with them.
    public init(_ route: Route, of snapshot: Snapshot) {
        addMatch(route.match)
        addAction(route.action, of: snapshot)
        add("priority", "\(route.priority)", usual: "normal")
        if let words = route.rewrite?.words { add("rewrite.\(words.key)", words.value) }
        add("rewrite.host", route.hostRewrite?.words)
        for edit in route.requestFields { add(edit, "headers.request") }
        for edit in route.responseFields { add(edit, "headers.response") }
        add("timeouts.connect", route.timeouts.connect?.configured)
        add("timeouts.response_head", route.timeouts.responseHead?.configured)
        add("timeouts.body", route.timeouts.body?.configured)
        if let retries = route.retries { add("retries", Settings(retries, usual: RetryRules())) }
        add("limits.body", route.limits.bodyBytes.map(ByteSize.write))
        add("limits.min_rate", route.limits.minRate.map { $0 == 0 ? "off" : ByteSize.write($0) })
        add("limits.requests", route.limits.requests.map { "\($0)" })
    }

    /// What a route asks of requests.
    init(_ match: RouteMatch) { addMatch(match) }

    private mutating func addMatch(_ match: RouteMatch) {
        func list(_ words: [String]) -> String? {
            words.count < 2 ? words.first : "[" + words.joined(separator: ", ") + "]"
        }
        add("host", list(match.hosts.filter { $0 != .any }.map(\.words)))
        add("path", match.path == .any ? nil : match.path.words)
        add("method", list(match.methods))
        for condition in match.fields { add(condition, "header") }
        for condition in match.query { add(condition, "query") }
        for condition in match.cookies { add(condition, "cookie") }
        add("client", list(match.clients.map(\.description)))
    }

    private mutating func add(_ condition: ValueCondition, _ kind: String) {
        let key = "\(kind).\(condition.name)"
        if isSensitive(fieldName: condition.name) {
            add(key, concealed: Array(condition.words.utf8))
        } else {
            add(key, condition.words)
        }
    }

    private mutating func addAction(_ action: RouteAction, of snapshot: Snapshot) {
        switch action {
        case .forward(let split):
            // One name for one pool and several, so that a canary reads as a change and not as two.
            add("pool", split.words(of: snapshot))
            add("split_by", split.key?.words)
        case .redirect(let redirect):
            add("redirect", redirect.location.words)
            add("redirect.status", redirect.status, usual: 308)
        case .respond(let response):
            let usual = FixedResponse()
            add("respond", "\(response.status)")
            add("respond.content_type", response.contentType, usual: usual.contentType)
            add("respond.body", bodyWords(response.body), usual: bodyWords([]))
        }
    }

    private mutating func add(_ edit: FieldEdit, _ message: String) {
        switch edit {
        case .set(let name, let value): addField("\(message).set.\(name)", named: name, value.words)
        case .add(let name, let value): addField("\(message).add.\(name)", named: name, value.words)
        case .remove(let name): add("\(message).remove.\(name)", "yes")
        }
    }

    /// A header field's value, which is kept to itself where its name says that it lets somebody in.
    mutating func addField(_ key: String, named name: String, _ value: String) {
        if isSensitive(fieldName: name) {
            add(key, concealed: Array(value.utf8))
        } else {
            add(key, value.debugDescription)
        }
    }
}
