import ApusBalancing
import ApusModel
import Testing

/// Endpoints on which nothing is in flight.
struct Idle: EndpointLoad {
    func load(_ index: Int) -> Int { 0 }
}

/// Endpoints with the loads that a test says, some of them saturated.
struct Loads: EndpointLoad {
    var loads: [Int]
    var saturated: Set<Int> = []

    func load(_ index: Int) -> Int { loads[index] }
    func isSaturated(_ index: Int) -> Bool { saturated.contains(index) }
}

extension TriedEndpoints {
    init(_ indices: some Sequence<Int>) {
        self.init()
        for index in indices { insert(index) }
    }
}

extension GroupPicker {
    /// A group whose endpoints have these weights.
    init(_ balance: Balance, weights: [Int], worker: Int, seed: UInt64) {
        self.init(
            balance, hash: HashRules(),
            members: weights.enumerated().map { GroupMember(name: "10.0.0.\($0):80", weight: $1) }, worker: worker,
            seed: seed)
    }

    /// A pick for a request without a key.
    mutating func pick(
        load: some EndpointLoad, excluding tried: TriedEndpoints = TriedEndpoints()
    ) -> Int? {
        pick(hash: nil, load: load, excluding: tried, now: 0)
    }

    /// A pick where there must be one.
    mutating func required(_ load: some EndpointLoad) throws -> Int {
        let pick = pick(load: load)
        return try #require(pick)
    }
}

/// What `count` picks in a row give on idle endpoints, as letters: a is the first endpoint, - is none.
func letters(_ picker: inout GroupPicker, _ count: Int, excluding tried: TriedEndpoints = TriedEndpoints()) -> String {
    (0..<count).map { _ in
        picker.pick(load: Idle(), excluding: tried).map { String(UnicodeScalar(UInt8(97 + $0))) } ?? "-"
    }.joined()
}
