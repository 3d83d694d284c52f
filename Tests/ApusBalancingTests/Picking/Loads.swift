import ApusBalancing
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

extension PoolPicker {
    /// A pick where there must be one.
    mutating func required(_ load: some EndpointLoad) throws -> Int {
        let pick = pick(load: load)
        return try #require(pick)
    }
}

/// What `count` picks in a row give on idle endpoints, as letters: a is the first endpoint, - is none.
func letters(_ picker: inout PoolPicker, _ count: Int, excluding tried: TriedEndpoints = TriedEndpoints()) -> String {
    (0..<count).map { _ in
        picker.pick(load: Idle(), excluding: tried).map { String(UnicodeScalar(UInt8(97 + $0))) } ?? "-"
    }.joined()
}
