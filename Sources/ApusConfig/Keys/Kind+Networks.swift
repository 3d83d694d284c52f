import ApusAddresses

extension Kind where Value == [Network] {
    /// A list of networks.
    ///
    /// - Parameter everybody: what is wrong with one that has every address in it.
    static func networks(everybody: String) -> Kind {
        Kind(
            .list(of: .named(.network)), words: "a list of networks",
            told: { .word($0.isEmpty ? "none" : $0.map(\.description).joined(separator: ", ")) },
            read: { field, findings in networks(field, everybody, &findings) })
    }

    private static func networks(_ field: Field, _ everybody: String, _ findings: inout Findings) -> [Network] {
        let items = field.list(of: "networks", example: "[10.0.0.0/8]", &findings) ?? []
        return items.compactMap { item in
            if let network = item.text.flatMap({ Network($0) }) {
                if network.isEverybody {
                    findings.warning("`\(network)` is everybody: \(everybody)", at: item.position)
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
