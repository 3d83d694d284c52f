import ApusBalancing
import ApusModel

/// A group that hashes, whose endpoints a test speaks of by number, wherever they stand in the group.
struct HashGroup {
    var picker: GroupPicker
    /// The number of the endpoint at each index.
    let numbers: [Int]

    /// - Parameters:
    ///   - numbers: the endpoints, in the order of the configuration.
    ///   - weight: of the endpoint of a number.
    init(
        _ method: HashRules.Method, _ numbers: some Sequence<Int>, loadFactor: Double? = nil, worker: Int = 0,
        weight: (Int) -> Int = { _ in 1 }
    ) {
        self.numbers = Array(numbers)
        picker = GroupPicker(
            .hash, hash: HashRules(method: method, loadFactor: loadFactor),
            members: self.numbers.map { GroupMember(name: "10.1.\($0 / 250).\($0 % 250):80", weight: weight($0)) },
            worker: worker, seed: 1)
    }

    /// The number of the endpoint of a key.
    mutating func owner(
        _ key: Int, load: some EndpointLoad = Idle(), excluding tried: TriedEndpoints = TriedEndpoints()
    ) -> Int? {
        picker.pick(hash: Self.hash(key), load: load, excluding: tried, now: 0).map { numbers[$0] }
    }

    /// The numbers of the endpoints of the keys below `keys`.
    mutating func owners(_ keys: Int) -> [Int?] {
        var owners: [Int?] = []
        for key in 0..<keys { owners.append(owner(key)) }
        return owners
    }

    mutating func setAvailable(_ number: Int, _ isAvailable: Bool) {
        picker.setAvailable(numbers.firstIndex(of: number)!, isAvailable)
    }

    static func hash(_ key: Int) -> UInt64 { KeyHash.of(UInt64(key), 0) }
}

/// How many of the owners are others than before.
func moved(_ before: [Int?], _ after: [Int?]) -> Int { zip(before, after).count { $0 != $1 } }

/// How often each number below `count` owns a key.
func shares(_ owners: [Int?], _ count: Int) -> [Int] {
    var shares = Array(repeating: 0, count: count)
    for owner in owners { if let owner { shares[owner] += 1 } }
    return shares
}
