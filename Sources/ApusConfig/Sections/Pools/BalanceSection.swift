import ApusModel

/// A pool's `balance`: the algorithm, and what its name says about the hash.
struct BalanceSection: Equatable {
    /// As it was written.
    private(set) var name = Balance.roundRobin.rawValue
    var balance: Balance { Balance(rawValue: name) ?? .hash }
    /// Written as `ip-hash`: a hash of the client's address and of nothing else.
    var isByClient: Bool { name == Self.byClient }

    private static let byClient = "ip-hash"
    private static let names = Balance.allCases.map(\.rawValue) + [byClient]

    /// What other proxies call them, in lower case and without `-` and `_`, and what they are called here.
    private static let others = [
        "rr": "round-robin", "wrr": "weighted-round-robin", "staticrr": "weighted-round-robin",
        "leastconn": "least-connections", "lc": "least-connections", "p2c": "least-requests", "ewma": "peak-ewma",
        "randomchoose": "random", "source": "ip-hash", "consistent": "hash", "ringhash": "hash", "maglev": "hash",
        "uri": "hash", "urlparam": "hash", "header": "hash", "cookie": "hash", "hdr": "hash",
    ]

    static let kind = Kind<BalanceSection>(
        .words(names), words: "an algorithm", told: { .word($0.name) },
        read: { field, findings in
            field.word(of: names.map { ($0, $0) }, others: others, &findings).map { BalanceSection(name: $0) }
        })

    init() {}

    init(_ balance: Balance) { name = balance.rawValue }

    private init(name: String) { self.name = name }
}
