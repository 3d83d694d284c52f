import ApusModel
import ApusRouting

/// One entry of a listener's `routes`; the positions are those of keys that something else may make useless.
struct RouteSection {
    var position: SourcePosition
    /// What labels it: its `name`, or the host and path as they were written.
    var name = ""
    /// Where `name` was written.
    var namePosition: SourcePosition?
    var match = RouteMatch()
    /// Nil when it is wrong.
    var action: RouteActionSection?
    var priority = Priority.normal
    var priorityPosition: SourcePosition?
    var rewrite = RewriteSection()
    var requestFields: [FieldEdit] = []
    var responseFields: [FieldEdit] = []
    var timeouts = RouteTimeouts()
    var retries: RouteRetriesSection?
    var limits = RouteLimits()
    /// Whether everything that it asks was understood, so that it can be compared with other routes.
    var isUnderstood = true
    /// The keys that only matter for requests that go to a pool, as far as they were written.
    var poolKeys: [Located<String>] = []

    static func list(_ field: Field, _ findings: inout Findings) -> [RouteSection] {
        guard let items = field.list(of: "routes", example: "[{ path: /v1/*, pool: api }]", &findings) else {
            return []
        }
        if items.isEmpty {
            findings.error("`routes` is empty; expected at least one, such as `[{ pool: web }]`", at: field.position)
        }
        return items.compactMap { RouteSection($0, &findings) }
    }

    private init?(_ node: Node, _ findings: inout Findings) {
        guard
            var section = Section(
                node, "a route", example: "{ path: /v1/*, pool: api }", at: node.position, &findings)
        else { return nil }
        position = section.position
        let label = section.take("name")
        let conditions = RouteConditions(&section, &findings)
        match = conditions.match
        isUnderstood = conditions.isUnderstood
        name = conditions.name
        if let label, let given = label.name(&findings) {
            name = given.value
            namePosition = given.position
        }
        action = RouteActionSection(&section, match.path, &findings)
        readTransit(&section, &findings)
        // What was meant by a key that nobody knows may be what tells it from other routes.
        if section.hasMore { isUnderstood = false }
        section.finish(&findings)
    }

    /// What happens to the request and its response on the way.
    private mutating func readTransit(_ section: inout Section, _ findings: inout Findings) {
        func take(_ key: String) -> Field? {
            let field = section.take(key)
            if let field { poolKeys.append(field.key) }
            return field
        }
        if let field = take("rewrite") { rewrite = RewriteSection(field, match.path, &findings) }
        if let field = section.take("headers") { readHeaders(field, &findings) }
        if let field = take("timeouts") { timeouts = RouteTimeouts(field, &findings) }
        if let field = take("retries") { retries = RouteRetriesSection(field, &findings) }
        if let field = section.take("limits") { limits = RouteLimits(field, &findings) }
        let priorities: [(name: String, value: Priority)] = [("low", .low), ("normal", .normal), ("high", .high)]
        if let field = take("priority"), let given = field.word(of: priorities, &findings) {
            priority = given
            priorityPosition = field.key.position
        }
    }

    private mutating func readHeaders(_ field: Field, _ findings: inout Findings) {
        let example = "{ response: { set: { X-Frame-Options: DENY } } }"
        guard var section = Section(field, "`headers`", example: example, &findings) else { return }
        if let field = section.take("request") {
            poolKeys.append(Located(value: "headers.request", position: field.key.position))
            requestFields = FieldEdit.list(field, match.path, &findings)
        }
        if let field = section.take("response") { responseFields = FieldEdit.list(field, match.path, &findings) }
        section.finish(
            &findings, otherwise: "say on which way, and how, such as `request: { set: { NAME: VALUE } }`")
    }
}

extension RouteTimeouts {
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        guard var section = Section(field, "a route's `timeouts`", example: "{ response_head: 5s }", &findings) else {
            return
        }
        connect = section.take("connect")?.duration(in: Section.durations, &findings)
        responseHead = section.take("response_head")?.duration(in: Section.durations, &findings)
        body = section.take("body")?.duration(in: Section.durations, &findings)
        section.finish(&findings)
    }
}

extension RouteLimits {
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        guard var section = Section(field, "a route's `limits`", example: "{ body: 10MiB }", &findings) else { return }
        if let field = section.take("body") {
            bodyBytes = field.node.plainText == "unlimited" ? .max : LimitsSection.bodyBytes(field, &findings)
        }
        if var field = section.take("min_rate") {
            field.alternative = "off"
            minRate = field.node.plainText == "off" ? 0 : LimitsSection.rate(field, &findings)
        }
        section.read("requests", into: &requests, or: "unlimited", &findings) { field, findings in
            field.integer(in: Bounds.counts, &findings)
        }
        section.finish(&findings)
    }
}
