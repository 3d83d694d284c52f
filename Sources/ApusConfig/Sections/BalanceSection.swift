import ApusModel

/// A pool's `balance`: the algorithm, and what its name says about the hash.
struct BalanceSection {
    var balance = Balance.roundRobin
    /// Written as `ip-hash`: a hash of the client's address and of nothing else.
    var isByClient = false
    /// As it was written.
    var name = Balance.roundRobin.rawValue

    /// Where it was written.
    var position: SourcePosition?

    private static let names = Balance.allCases.map(\.rawValue) + ["ip-hash"]

    /// What other proxies call them.
    private static let others = [
        "rr": "round-robin", "wrr": "weighted-round-robin", "staticrr": "weighted-round-robin",
        "leastconn": "least-connections", "lc": "least-connections", "p2c": "least-requests", "ewma": "peak-ewma",
        "randomchoose": "random", "source": "ip-hash", "consistent": "hash", "ringhash": "hash", "maglev": "hash",
        "uri": "hash", "urlparam": "hash", "header": "hash", "cookie": "hash", "hdr": "hash",
    ]

    init() {}

    init(_ field: Field, _ findings: inout Findings) {
        position = field.position
        guard let name = field.word(of: Self.names.map { ($0, $0) }, others: Self.others, &findings) else { return }
        self.name = name
        isByClient = name == "ip-hash"
        balance = Balance(rawValue: name) ?? .hash
    }
}
