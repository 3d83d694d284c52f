import ApusModel
import ApusRouting

/// A route's `headers`: what is changed on the way to the origin, and on the way back.
struct RouteHeadersSection {
    private(set) var request: [FieldEdit] = []
    private(set) var response: [FieldEdit] = []
    /// Where `request` was written.
    private(set) var requestPosition: SourcePosition?
    /// The route's, whose captures they may use.
    private var path = PathPattern.any

    init() {}

    /// What `diff` and `explain` show of a route that runs.
    init(request: [FieldEdit], response: [FieldEdit]) {
        self.request = request
        self.response = response
    }

    init(_ field: Field, _ path: PathPattern, _ findings: inout Findings) {
        self.path = path
        let example = "{ response: { set: { X-Frame-Options: DENY } } }"
        guard var section = Section(field, "`headers`", example: example, &findings) else { return }
        read(
            &section, of: field.key,
            otherwise: "say on which way, and how, such as `request: { set: { NAME: VALUE } }`", &findings)
    }
}

extension RouteHeadersSection: Keyed {
    static let usual = RouteHeadersSection()

    static let keys: [SectionKey<RouteHeadersSection>] = [
        SectionKey(
            "request", FieldEditsSection.shape, "Before the request is sent to the origin.", usually: "none",
            told: { .section(Settings(FieldEditsSection($0.request))) }),
        SectionKey(
            "response", FieldEditsSection.shape, "Before the response is sent to the client.",
            words: "a mapping with the same keys", usually: "none",
            told: { .section(Settings(FieldEditsSection($0.response))) }),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        requestPosition = written["request"]?.key.position
        if let field = written["request"] { request = FieldEditsSection(field, path, &findings).edits }
        if let field = written["response"] { response = FieldEditsSection(field, path, &findings).edits }
        if written.these(["request", "response"]).isEmpty, !written.section.hasMore {
            findings.error(
                "`headers` changes nothing; expected `request` or `response`, such as `request: { remove: [X-Debug] }`",
                at: written.position)
        }
    }
}
