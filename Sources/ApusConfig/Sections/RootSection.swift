import ApusAddresses
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
    var clientFields = ClientFields()
    var accessLog = AccessLogSection()
    var operations = OperationsSection()

    /// - Parameter isComplete: whether all that the files include could be read; if not, nothing is missed in them.
    init?(_ document: Node, isComplete: Bool = true, _ findings: inout Findings) {
        guard
            var section = Section(
                document, "a configuration", example: "listeners: ...", at: .start, &findings)
        else { return nil }
        node = section.take("node")?.name(&findings)?.value
        zone = section.take("zone")?.name(&findings)
        if let field = section.take("workers") {
            let isAuto = field.node.text == "auto"
            if isAuto {
                field.reject(
                    expected: "a whole number from 1 to 1024", hint: "leave it out for one per core", &findings)
            } else {
                workers = field.integer(in: Bounds.workers, &findings)
            }
        }
        func need(_ key: String, example: String) -> Field? {
            isComplete ? section.require(key, example: example) : section.take(key)
        }
        if let field = need("listeners", example: "[{ bind: 127.0.0.1:8080 }]") {
            listeners = ListenerSection.list(field, &findings)
        }
        if let field = need("pools", example: "{ web: { endpoints: [127.0.0.1:3001] } }") {
            hasPools = true
            pools = PoolSection.mapping(field, &findings)
        }
        if let field = section.take("timeouts") { timeouts = Timeouts(field, &findings) }
        if let field = section.take("limits") { limits = LimitsSection(field, &findings) }
        if let field = section.take("trusted_proxies") { trustedProxies = Self.networks(field, &findings) }
        if let field = section.take("client_headers") { clientFields = ClientFields(field, &findings) }
        if let field = section.take("access_log") { accessLog = AccessLogSection(field, &findings) }
        operations = OperationsSection(&section, &findings)
        // Carried out already.
        _ = section.take("include")
        section.finish(&findings)
    }

    private static func networks(_ field: Field, _ findings: inout Findings) -> [Network] {
        let items = field.list(of: "networks", example: "[10.0.0.0/8]", &findings) ?? []
        return items.compactMap { item in
            if let network = item.text.flatMap({ Network($0) }) {
                if network.isEverybody {
                    findings.warning(
                        "`\(network)` is everybody: any client may say in X-Forwarded-For who it is; name the networks "
                            + "of your proxies", at: item.position)
                }
                return network
            }
            field.item(item).reject(
                expected: "a network or an address, such as `10.0.0.0/8` or `\"2001:db8::/32\"`", &findings)
            return nil
        }
    }
}

extension Network {
    /// All addresses, of one version at least.
    fileprivate var isEverybody: Bool { prefixLength == 0 || self == Network("0.0.0.0/0") }
}
