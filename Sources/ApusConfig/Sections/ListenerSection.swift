import ApusModel

/// One entry of `listeners`.
struct ListenerSection {
    var position: SourcePosition
    var name: Located<String>?
    var bind: Located<Authority>?
    var paths = PathRule.safe
    var hidesReasons = false
    /// Nil when `routes` was left out.
    var routes: [RouteSection]?

    static func list(_ field: Field, _ findings: inout Findings) -> [ListenerSection] {
        let example = "[{ bind: 127.0.0.1:8080 }]"
        guard let items = field.list(of: "listeners", example: example, &findings) else { return [] }
        if items.isEmpty {
            findings.error("`listeners` is empty; expected at least one, such as `\(example)`", at: field.position)
        }
        return items.enumerated().compactMap { ListenerSection($0.element, isFirst: $0.offset == 0, &findings) }
    }

    private init?(_ node: Node, isFirst: Bool, _ findings: inout Findings) {
        guard
            var section = Section(
                node, "a listener", example: "{ bind: 127.0.0.1:8080 }", at: node.position, &findings)
        else { return nil }
        position = section.position
        name = section.take("name")?.name(&findings)
        // A dash too many makes one listener two.
        let advice = isFirst ? nil : "without its `-`, this would belong to the listener above"
        bind = section.require("bind", example: "127.0.0.1:8080", advice: advice)
            .flatMap { Authority.read($0, as: .bind, &findings) }
        if let given = section.take("paths")?.choice(of: PathRule.self, &findings) { paths = given }
        if let field = section.take("apus_reason") {
            hidesReasons = field.word(of: [("show", false), ("hide", true)], &findings) ?? false
        }
        if let field = section.take("routes") { routes = RouteSection.list(field, &findings) }
        section.finish(&findings)
    }
}
