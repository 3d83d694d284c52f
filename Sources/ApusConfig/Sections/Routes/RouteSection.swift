import ApusModel
import ApusRouting

/// One entry of a listener's `routes`.
struct RouteSection {
    var position = SourcePosition.start
    /// What labels it: its `name`, or the host and path as they were written.
    var name = ""
    /// Where `name` was written.
    var namePosition: SourcePosition?
    var match = RouteMatch()
    /// Nil when it is wrong.
    var action: RouteActionSection?
    var priority = Priority.normal
    var rewrite = RewriteSection()
    var headers = RouteHeadersSection()
    var timeouts = RouteTimeouts()
    /// What `diff` and `explain` show of the retries of a route that runs.
    private(set) var retriesInForce: RetryRules?
    var retries: RouteRetriesSection?
    var limits = RouteLimits()
    var cors: CrossOriginRules?
    var clientCertificate: ClientRequirement?
    /// Whether everything that it asks was understood, so that it can be compared with other routes.
    var isUnderstood = true
    private(set) var written: WrittenKeys?

    static let kind = Kind<[RouteSection]?>(
        .list(of: shape), told: { _ in nil }, read: { field, findings in .some(list(field, &findings)) })

    private static func list(_ field: Field, _ findings: inout Findings) -> [RouteSection] {
        guard let items = field.list(of: "routes", example: "[{ path: /v1/*, pool: api }]", &findings) else {
            return []
        }
        if items.isEmpty {
            findings.error("`routes` is empty; expected at least one, such as `[{ pool: web }]`", at: field.position)
        }
        return items.compactMap { RouteSection($0, &findings) }
    }

    private init() {}

    private init?(_ node: Node, _ findings: inout Findings) {
        guard
            var section = Section(
                node, "a route", example: "{ path: /v1/*, pool: api }", at: node.position, &findings)
        else { return nil }
        position = section.position
        read(&section, of: Located(value: "routes", position: position), &findings)
    }

    /// What `diff` and `explain` show of a route that runs.
    init(_ route: Route, of snapshot: Snapshot) {
        self.init(route.match)
        action = RouteActionSection(route.action, of: snapshot)
        priority = route.priority
        rewrite = RewriteSection(path: route.rewrite, host: route.hostRewrite)
        headers = RouteHeadersSection(request: route.requestFields, response: route.responseFields)
        timeouts = route.timeouts
        retriesInForce = route.retries
        limits = route.limits
        cors = route.cors
        clientCertificate = route.clientCertificate
    }

    /// What `diff` and `explain` show of what a route asks.
    init(_ match: RouteMatch) { self.match = match }
}

extension RouteSection: Keyed {
    static let usual = RouteSection()

    static let keys: [SectionKey<RouteSection>] =
        [
            SectionKey(
                "name", .named(.name), "Its label in metrics and logs.", usually: "what `host` and `path` say",
                read: { field, owner, findings in
                    guard let given = field.name(&findings) else { return false }
                    owner.name = given.value
                    owner.namePosition = given.position
                    return true
                })
        ] + keysOfConditions + keysOfActions + transit

    private static let transit: [SectionKey<RouteSection>] = [
        SectionKey(
            "rewrite", RewriteSection.shape, "The path and the host that the origin gets.",
            told: { .section(Settings($0.rewrite)) }),
        SectionKey(
            "headers", RouteHeadersSection.shape, "Changes to header fields on the way.",
            told: { .section(Settings($0.headers)) }),
        SectionKey(
            "timeouts", \.timeouts, Kind.section(example: "{ response_head: 5s }", what: "a route's `timeouts`"),
            "Where they differ from the listener's."),
        SectionKey(
            "retries", RouteRetriesSection.shape.or("off"), "Where they differ from the pool's.",
            usually: "what the pool says",
            told: { route in route.retriesInForce.map { .section(Settings(RetriesSection(rules: $0))) } },
            read: { field, owner, findings in
                owner.retries = retriesKind.read(field, &findings)
                return owner.retries != nil
            }),
        SectionKey(
            "limits", \.limits, Kind.section(example: "{ body: 10MiB }", what: "a route's `limits`"),
            "Limits of this route."),
        SectionKey(
            "cors", \.cors, Kind.switched(nil, example: "{ origins: https://app.example.com }"),
            "Which pages of other origins may read the responses."),
        SectionKey(
            "client_certificate", Shape.text().oneOrMore,
            "Whom the route lets in: clients with a certificate (`required`), or with one of these names (403).",
            words: "`required`, `spiffe://example.org/ns/prod/*`, `CN=alice` or another name, or a list of names",
            usually: "all clients",
            told: { $0.clientCertificate.flatMap { Settings.Value(list: $0.words) } },
            read: { field, owner, findings in
                if field.node.text == "required" {
                    owner.clientCertificate = ClientRequirement()
                    return true
                }
                guard let names = field.clientNames(&findings), !names.isEmpty else { return false }
                owner.clientCertificate = ClientRequirement(names: names)
                return true
            }),
        SectionKey("priority", \.priority, priorities, "Which requests are refused first."),
    ]

    private static let retriesKind = Kind<RouteRetriesSection>.section(
        off: .off, example: "{ attempts: 2, status: 502-503 }")

    private static let priorities = Kind<Priority>(
        .words(Priority.allCases.map { "\($0)" }), told: { .word("\($0)") },
        read: { field, findings in field.word(of: Priority.allCases.map { ("\($0)", $0) }, &findings) })

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        self.written = written
        let conditions = RouteConditions(written, &findings)
        match = conditions.match
        // What was meant by a key that nobody knows may be what tells it from other routes.
        isUnderstood = conditions.isUnderstood && !written.section.hasMore
        if namePosition == nil { name = conditions.name }
        action = RouteActionSection(written, match.path, &findings)
        if let field = written["rewrite"] { rewrite = RewriteSection(field, match.path, &findings) }
        if let field = written["headers"] { headers = RouteHeadersSection(field, match.path, &findings) }
    }

    /// Whether it was written that Apus answers by itself, rightly or not.
    var isAnswered: Bool {
        switch action {
        case .redirect, .respond: true
        case .forward: false
        case nil:
            written.map { $0.these(["pool", "pools"]).isEmpty && !$0.these(["redirect", "respond"]).isEmpty } ?? false
        }
    }

    /// The keys that only matter for requests that go to a pool, as far as they were written.
    var poolKeys: [Located<String>] {
        let own = written?.these(["rewrite", "timeouts", "retries", "priority"]).map(\.key) ?? []
        guard let position = headers.requestPosition else { return own }
        return own + [Located(value: "headers.request", position: position)]
    }
}
