import ApusModel

/// One entry of a pool's `endpoints`.
struct EndpointSection {
    var address: Located<Authority>?
    var weight = 1
    var zone: String?
    var tier = 0
    var isBackup = false
    /// Where `weight` was written rightly.
    var weightPosition: SourcePosition?
    /// Where `tier` or `backup` was written.
    var tierPosition: SourcePosition?

    static let kind = Kind<[EndpointSection]>(
        .list(of: .either([.named(.address), shape])), told: { _ in nil },
        read: { field, findings in list(field, &findings) })

    private static func list(_ field: Field, _ findings: inout Findings) -> [EndpointSection] {
        guard let items = field.list(of: "endpoints", example: "[127.0.0.1:3001]", &findings) else { return [] }
        if items.isEmpty {
            findings.error(
                "`endpoints` is empty; expected at least one, such as `[127.0.0.1:3001]`", at: field.position)
        }
        return items.map { EndpointSection(field.item($0), &findings) }
    }

    private init() {}

    /// `host:port`, or a mapping.
    private init(_ field: Field, _ findings: inout Findings) {
        if case .mapping = field.node.content {
            let example = "{ address: 127.0.0.1:3001, weight: 3 }"
            self.init(field, "an endpoint", example: example, &findings)
        } else {
            self.init()
            address = Authority.read(field, as: .endpoint, &findings)
        }
    }

    /// What `diff` and `explain` show of an endpoint that runs.
    init(_ endpoint: Endpoint) {
        weight = endpoint.weight
        zone = endpoint.zone
        tier = endpoint.tier
        isBackup = endpoint.isBackup
    }
}

extension EndpointSection: Keyed {
    static let usual = EndpointSection()

    static let keys: [SectionKey<EndpointSection>] = [
        SectionKey(
            "address", .named(.address), "A host and a port.", words: "`host:port`", needed: "127.0.0.1:3001",
            read: { field, owner, findings in
                owner.address = Authority.read(field, as: .endpoint, &findings)
                return owner.address != nil
            }),
        SectionKey("weight", \.weight, Kind.integer(in: Bounds.weights), "Its share relative to the others'."),
        SectionKey("tier", \.tier, Kind.integer(in: Bounds.tiers), "Lower tiers come first."),
        SectionKey("zone", \.zone, Kind.name.ifWritten, "The zone that it is in."),
        SectionKey("backup", \.isBackup, Kind.flag, "Whether it is used only when no other endpoint is left."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if written.isRight("weight") { weightPosition = written["weight"]?.position }
        tierPosition = (written["backup"] ?? written["tier"])?.key.position
        if let backup = written["backup"], written["tier"] != nil {
            findings.error(
                "`backup` comes after every tier, and has none; keep `backup: true` or `tier`", at: backup.key.position)
        }
    }
}
