import ApusAddresses
import ApusBalancing
import ApusModel

/// Who speaks the sealed protocol in a season: which listeners, and which pools.
struct Sealing {
    private(set) var listeners: Set<UInt16> = []
    private(set) var pools: Set<String> = []

    var isAny: Bool { !listeners.isEmpty || !pools.isEmpty }

    /// - Parameter seed: a season's: every other speaks plainly alone.
    init(season seed: UInt64) {
        guard seed % 2 == 0 else { return }
        var random = SplitMix64(seed: seed)
        for port in [80, 81] as [UInt16] where random.next(below: 3) > 0 { listeners.insert(port) }
        for pool in ["a", "b", "c", "d", "e", "f"] where random.next(below: 2) == 0 { pools.insert(pool) }
        if !isAny { listeners = [80] }
    }

    func isSealed(_ port: UInt16) -> Bool { listeners.contains(port) }

    /// The pools that a request may come to, by the first part of its path.
    private static let pools: [Substring: Set<String>] = [
        "a": ["a"], "b": ["b"], "c": ["c", "a"], "d": ["d"], "e": ["e"], "f": ["f"], "g": ["a", "c"], "h": ["a"],
        "x": ["c", "a"],
    ]

    /// What is wrong with a connection over which that request has come to that port; nil for nothing.
    ///
    /// - Parameter name: whom the worker has said in the handshake that it speaks for; nil where it speaks plainly.
    func complaint(_ path: String, at port: UInt16, by name: String?) -> String? {
        let possible = path.split(separator: "/").first.flatMap { Self.pools[$0] } ?? []
        guard let name else {
            return possible.isSubset(of: pools) ? "\(path) came plainly" : nil
        }
        let parts = name.split(separator: " ")
        guard parts.count == 3, possible.intersection(pools).contains(String(parts[0])), parts[2] == "\(port)" else {
            return "\(path) came over a connection that is \(name)"
        }
        return nil
    }
}

/// The configurations that have been handed over, as handshakes tell of them.
struct Generations {
    /// The one that the worker has heard of last, and the one that was handed over last.
    private(set) var heard = 0
    private(set) var given = 0

    mutating func give() { given += 1 }
    mutating func hear() { heard = given }

    /// What engines are made from in the latest configuration.
    func shields(_ snapshot: Snapshot, for engines: ScriptedEngines) -> ScriptedShields {
        let listeners = snapshot.listeners.map { $0.tls == nil ? nil : "\($0.bind.port) \(given)" }
        let pools = snapshot.pools.map { $0.tls == nil ? nil : "\($0.name) \(given)" }
        return ScriptedShields(listeners + pools, peers: snapshot.endpoints.map(\.address.port), for: engines)
    }
}
