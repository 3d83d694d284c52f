import ApusModel
import Testing

@testable import ApusBalancing

/// Rendezvous hashing in groups that are too large for a table.
@Suite struct RendezvousTreeTests {
    static func owners(
        _ numbers: some Sequence<Int>, keys: Int, weight: (Int) -> Int = { _ in 1 }
    ) -> [Int?] {
        var group = HashGroup(.rendezvous, numbers, weight: weight)
        return group.owners(keys)
    }

    /// Calculated by another program, in another language, with another library's logarithms.
    @Test(arguments: [
        (300, [218, 189, 146, 205, 91, 78, 62, 247, 14, 18, 138, 282, 201, 121, 298, 258]),
        (10_000, [8583, 7938, 1465, 478, 5953, 4803, 1786, 3519]),
    ])
    func ownersNeverChange(count: Int, expected: [Int]) {
        var group = HashGroup(.rendezvous, 0..<count) { $0 % 4 }
        #expect(group.owners(expected.count) == expected)
    }

    @Test func sharesFollowWeights() {
        var group = HashGroup(.rendezvous, 0..<300) { $0 % 3 }
        let shares = shares(group.owners(30_000), 300)
        var statistic = 0.0
        for number in 0..<300 {
            let expected = Double(100 * (number % 3))
            guard expected > 0 else {
                #expect(shares[number] == 0)
                continue
            }
            statistic += (Double(shares[number]) - expected) * (Double(shares[number]) - expected) / expected
        }
        #expect(statistic < 266.5, "199 degrees of freedom, p = 0.001")
    }

    @Test func onlyTheRatiosOfWeightsMatter() {
        var light = HashGroup(.rendezvous, 0..<400) { $0 % 5 }
        var heavy = HashGroup(.rendezvous, 0..<400) { $0 % 5 * 10_000 }
        #expect(light.owners(3_000) == heavy.owners(3_000))
    }

    // MARK: Changes of the group

    /// From one size to the next, and to the next: no border at which many keys move.
    @Test func noSizeIsABorder() {
        var moves: [Double] = []
        var before = Self.owners(0..<260, keys: 4_000)
        for count in (240..<260).reversed() {
            let after = Self.owners(0..<count, keys: 4_000)
            let share = Double(moved(before, after)) / 4_000
            #expect(share <= 1 / Double(count + 1) + 0.02, "\(count)")
            moves.append(share)
            before = after
        }
        // With 16 to 31 endpoints per cluster, 1 + 1 + 2 of 250.
        #expect(moves.reduce(0, +) / Double(moves.count) < 4.0 / 250)
    }

    /// The smallest groups with a tree, of which one endpoint is the most: none may take much with it.
    @Test func anyEndpointOfTheSmallestTreeMayLeave() {
        let before = Self.owners(0..<130, keys: 2_000)
        for victim in stride(from: 0, to: 130, by: 6) {
            let after = Self.owners((0..<130).filter { $0 != victim }, keys: 2_000)
            #expect(Double(moved(before, after)) / 2_000 <= 1.0 / 130 + 0.02, "\(victim)")
        }
    }

    @Test func aWeightMovesKeysInItsMeasure() {
        let before = Self.owners(0..<500, keys: 4_000) { _ in 2 }
        let after = Self.owners(0..<500, keys: 4_000) { $0 == 77 ? 4 : 2 }
        #expect(Double(moved(before, after)) / 4_000 <= 1.0 / 500 + 0.02)
        #expect(after.count { $0 == 77 } > before.count { $0 == 77 })
    }

    @Test func oneOfTenThousandTakesLittleWithIt() {
        let before = Self.owners(0..<10_000, keys: 2_000)
        let victim = before[0]!
        let after = Self.owners((0..<10_000).filter { $0 != victim }, keys: 2_000)
        #expect(!after.contains(victim))
        #expect(moved(before, after) <= 10)
    }

    // MARK: Health

    @Test func halfOfTenThousandDownMoveHalfOfTheKeysAndGetThemBack() {
        var group = HashGroup(.rendezvous, 0..<10_000)
        let before = group.owners(2_000)
        for number in 0..<5_000 { group.picker.setAvailable(number, false) }
        let meanwhile = group.owners(2_000)
        #expect(zip(before, meanwhile).allSatisfy { $0! < 5_000 ? $1! >= 5_000 : $0 == $1 })
        for number in (0..<5_000).reversed() { group.picker.setAvailable(number, true) }
        #expect(group.owners(2_000) == before)
    }

    /// What goes down leaves its keys to the whole group, not to its neighbours in the tree.
    @Test func aClusterThatIsDownIsReplacedByEverybody() {
        let count = 1_000
        var group = HashGroup(.rendezvous, 0..<count)
        let members = (0..<count).map { GroupMember(name: "10.1.\($0 / 250).\($0 % 250):80", weight: 1) }
        let hashes = HashedMembers(members).hashes
        let cluster = Set((0..<count).filter { hashes[$0] >> 59 == 21 })
        #expect((20...45).contains(cluster.count))
        let before = group.owners(10_000)
        for number in cluster { group.picker.setAvailable(number, false) }
        let meanwhile = group.owners(10_000)
        var heirs: Set<Int> = []
        for (before, meanwhile) in zip(before, meanwhile) {
            guard cluster.contains(before!) else {
                #expect(before == meanwhile)
                continue
            }
            #expect(!cluster.contains(meanwhile!))
            heirs.insert(meanwhile!)
        }
        #expect(heirs.count > 150)
        for number in cluster { group.picker.setAvailable(number, true) }
        #expect(group.owners(10_000) == before)
    }

    /// Half of the tree, and a cluster of the other half, have no weight: no key ends there.
    @Test func clustersWithoutWeightAreEmpty() {
        let members = HashedMembers((0..<600).map { GroupMember(name: "web-\($0)", weight: 1) })
        let weights = members.hashes.map { $0 >> 63 == 1 || $0 >> 60 == 3 ? 0 : 1 }
        let tree = RendezvousTree(members, weights: weights)
        var owners: Set<Int> = []
        for key in 0..<4_000 { owners.insert(tree.owner(HashGroup.hash(key))) }
        #expect(owners.allSatisfy { weights[$0] > 0 })
        #expect(owners.count == weights.reduce(0, +))
        let last = RendezvousTree(members, weights: weights.indices.map { $0 == 431 ? 1 : 0 })
        for key in 0..<500 { #expect(last.owner(HashGroup.hash(key)) == 431) }
    }

    @Test func endpointsOfOneNameShare() {
        let members = Array(repeating: GroupMember(name: "web", weight: 1), count: 200)
        var picker = GroupPicker(.hash, hash: HashRules(method: .rendezvous), members: members, worker: 0, seed: 1)
        var owners: Set<Int?> = []
        for key in 0..<4_000 {
            owners.insert(picker.pick(hash: HashGroup.hash(key), load: Idle(), excluding: TriedEndpoints(), now: 0))
        }
        #expect(owners.count == 200)
    }
}
