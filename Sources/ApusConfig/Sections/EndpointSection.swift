/// One entry of a pool's `endpoints`.
struct EndpointSection {
    var address: Located<Authority>?
    /// Nil when it was left out.
    var weight: Located<Int>?

    static func list(_ field: Field, _ findings: inout Findings) -> [EndpointSection] {
        guard let items = field.list(of: "endpoints", example: "[127.0.0.1:3001]", &findings) else { return [] }
        if items.isEmpty {
            findings.error(
                "`endpoints` is empty; expected at least one, such as `[127.0.0.1:3001]`", at: field.position)
        }
        return items.map { EndpointSection(field.item($0), &findings) }
    }

    /// `host:port`, or a mapping.
    private init(_ field: Field, _ findings: inout Findings) {
        guard case .mapping = field.node.content else {
            address = Authority.read(field, as: .endpoint, &findings)
            return
        }
        let example = "{ address: 127.0.0.1:3001, weight: 3 }"
        guard var section = Section(field, "an endpoint", example: example, &findings) else { return }
        address = section.require("address", example: "127.0.0.1:3001", &findings)
            .flatMap { Authority.read($0, as: .endpoint, &findings) }
        if let field = section.take("weight"), let weight = field.integer(in: 0...65_535, &findings) {
            self.weight = Located(value: weight, position: field.position)
        }
        section.finish(&findings)
    }
}
