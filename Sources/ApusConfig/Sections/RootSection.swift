import ApusModel

/// The whole file: every section, with what could be read of it.
struct RootSection {
    var node: String?
    var zone: Located<String>?
    var workers: Int?
    var listeners: [ListenerSection] = []
    var pools: [PoolSection] = []
    /// `pools` was written, though perhaps not as it must be.
    var hasPools = false
    var timeouts = Timeouts()
    var limits = LimitsSection()
    var trustedProxies: [Network] = []
    var accessLog = AccessLog.off
    var admin: Located<Authority>?

    init?(_ document: Node, _ findings: inout Findings) {
        guard
            var section = Section(
                document, "a configuration", example: "listeners: ...", at: .start, &findings)
        else { return nil }
        node = section.take("node")?.name(&findings)?.value
        zone = section.take("zone")?.name(&findings)
        workers = section.take("workers")?.integer(in: 1...1024, &findings)
        if let field = section.require("listeners", example: "[{ bind: 127.0.0.1:8080 }]", &findings) {
            listeners = ListenerSection.list(field, &findings)
        }
        if let field = section.require("pools", example: "{ web: { endpoints: [127.0.0.1:3001] } }", &findings) {
            hasPools = true
            pools = PoolSection.mapping(field, &findings)
        }
        if let field = section.take("timeouts") { timeouts = Timeouts(field, &findings) }
        if let field = section.take("limits") { limits = LimitsSection(field, &findings) }
        if let field = section.take("trusted_proxies") { trustedProxies = Self.networks(field, &findings) }
        if let field = section.take("access_log") { accessLog = AccessLog(field, &findings) }
        if let field = section.take("admin") { admin = Self.admin(field, &findings) }
        section.finish(&findings)
    }

    private static func networks(_ field: Field, _ findings: inout Findings) -> [Network] {
        let items = field.list(of: "networks", example: "[10.0.0.0/8]", &findings) ?? []
        return items.compactMap { item in
            if let network = item.text.flatMap({ Network($0) }) { return network }
            field.item(item).reject(
                expected: "a network or an address, such as `10.0.0.0/8` or `\"2001:db8::/32\"`", &findings)
            return nil
        }
    }

    /// `{ bind: ... }`, or `off`.
    private static func admin(_ field: Field, _ findings: inout Findings) -> Located<Authority>? {
        if field.node.plainText == "off" { return nil }
        let example = "{ bind: 127.0.0.1:9900 }"
        guard case .mapping = field.node.content else {
            field.reject(expected: "a mapping such as `\(example)`, or `off`", &findings)
            return nil
        }
        guard var section = Section(field, "the admin server", example: example, &findings) else { return nil }
        let bind = section.require("bind", example: "127.0.0.1:9900", &findings)
        section.finish(&findings)
        return bind.flatMap { Authority.read($0, as: .bind, &findings) }
    }
}

extension AccessLog {
    fileprivate init(_ field: Field, _ findings: inout Findings) {
        self = .off
        switch field.node.text {
        case "off": break
        case "stdout": self = .standardOutput
        case let path? where path.hasPrefix("/"): self = .file(path: path)
        default:
            field.reject(expected: "`stdout`, `off` or an absolute path such as `/var/log/apus.log`", &findings)
        }
    }
}
