import ApusAddresses
import ApusModel

/// A listener's `proxy_protocol`.
struct ProxyProtocolSection {
    var networks: [Network] = []
}

extension ProxyProtocolSection: Keyed {
    static let usual = ProxyProtocolSection()

    static let keys: [SectionKey<ProxyProtocolSection>] = [
        SectionKey(
            "from", \.networks,
            .networks(everybody: "any client may say in its header who it is; name the networks of your proxies"),
            "Networks of the proxies that begin each connection with a header, which names the client.",
            needed: "[10.0.0.0/8]")
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        guard let from = written["from"], case .sequence(let items) = from.node.content, items.isEmpty else { return }
        findings.error(
            "`from` is empty; expected the networks of your proxies, such as `[10.0.0.0/8]`, or `proxy_protocol: off`",
            at: from.position)
    }
}
