import ApusModel

/// One entry of a pool's `endpoints`.
struct EndpointSection {
    var address: Located<Authority>?
    /// Nil when it was left out.
    var weight: Located<Int>?
    var zone: String?
    var tier = 0
    /// Where `tier` or `backup` was written.
    var tierPosition: SourcePosition?

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
        address = section.require("address", example: "127.0.0.1:3001")
            .flatMap { Authority.read($0, as: .endpoint, &findings) }
        if let field = section.take("weight"), let weight = field.integer(in: Bounds.weights, &findings) {
            self.weight = Located(value: weight, position: field.position)
        }
        zone = section.take("zone")?.name(&findings)?.value
        readTier(&section, &findings)
        section.finish(&findings)
    }

    /// `tier: 2`, or `backup: true` for tier 1.
    private mutating func readTier(_ section: inout Section, _ findings: inout Findings) {
        let backup = section.take("backup")
        guard let field = section.take("tier") else {
            if let backup, let isBackup = backup.flag(&findings) {
                tier = isBackup ? 1 : 0
                tierPosition = backup.key.position
            }
            return
        }
        tierPosition = field.key.position
        if let given = field.integer(in: Bounds.tiers, &findings) { tier = given }
        if let backup {
            findings.error("`backup: true` is the same as `tier: 1`; keep one of them", at: backup.key.position)
        }
    }
}
