import ApusModel
import Testing

@testable import ApusBalancing

/// What is inside of the three methods.
@Suite struct HashTableTests {
    static func members(_ count: Int) -> HashedMembers {
        HashedMembers((0..<count).map { GroupMember(name: "web-\($0)", weight: 1) })
    }

    /// Which endpoint has which key: whoever must change these moves clients of every pool, and says so.
    @Test(arguments: [
        (HashRules.Method.maglev, "511521334224213211264232216133542225524216442656240422253356"),
        (.ring, "535556443255261654351422560452540551203355345032652425251562"),
        (.rendezvous, "103064224621412425153415504114546315502100411263254225544143"),
    ])
    func ownersNeverChange(method: HashRules.Method, expected: String) {
        var group = HashGroup(method, 0..<7) { 1 + $0 % 3 }
        #expect(group.owners(60).map { String($0!) }.joined() == expected)
    }

    /// Whatever happens, an answer is a candidate that is neither saturated nor tried, and nil only when there is none.
    @Test(arguments: HashRules.Method.allCases, [nil, 1.25])
    func answersAreAlwaysAllowed(method: HashRules.Method, loadFactor: Double?) {
        var random = SplitMix64(seed: 61)
        for count in [0, 1, 2, 7, 65, 140] {
            var weights = (0..<count).map { _ in random.next(below: 4) }
            var group = HashGroup(method, 0..<count, loadFactor: loadFactor) { weights[$0] }
            var up = Array(repeating: true, count: count)
            var loads = Loads(loads: Array(repeating: 0, count: count))
            for step in 0..<100 {
                if count > 0 {
                    let flipped = random.next(below: count)
                    up[flipped].toggle()
                    group.picker.setAvailable(flipped, up[flipped])
                    loads.loads[random.next(below: count)] = random.next(below: 5) - 1
                    loads.saturated = random.next(below: 3) == 0 ? [random.next(below: count)] : []
                    if step % 10 == 0 {
                        let changed = random.next(below: count)
                        weights[changed] = random.next(below: weights[changed] + 1)
                        group.picker.setWeight(changed, weights[changed])
                    }
                }
                let tried = TriedEndpoints((0..<random.next(below: 4)).map { _ in random.next(below: max(1, count)) })
                let allowed = (0..<count).filter {
                    up[$0] && weights[$0] > 0 && !loads.saturated.contains($0) && !tried.contains($0)
                }
                let owner = group.owner(step, load: loads, excluding: tried)
                #expect(owner.map(allowed.contains) ?? allowed.isEmpty)
            }
        }
    }

    @Test func sizesArePrimeAndSteady() {
        #expect([4, 8, 9, 14, 25, 90, 7_920].map(MaglevTable.prime(from:)) == [5, 11, 11, 17, 29, 97, 7_927])
        #expect(MaglevTable.size(for: 3) == 65_537 && MaglevTable.size(for: 655) == 65_537)
        #expect(MaglevTable.size(for: 656) == 262_147 && MaglevTable.size(for: 2_622) == 1_048_583)
    }

    @Test func everyEndpointHasItsPlacesOfAMaglevTable() {
        let table = MaglevTable(Self.members(9), weights: [1, 1, 1, 1, 1, 1, 1, 1, 1])
        #expect(shares(table.owners.map { Int($0) }, 9).allSatisfy { abs($0 - 65_537 / 9) <= 1 })
        let weighted = MaglevTable(Self.members(3), weights: [1, 0, 3])
        let places = shares(weighted.owners.map { Int($0) }, 3)
        #expect(places[1] == 0 && abs(places[0] * 3 - places[2]) <= 4)
    }

    @Test func theHighestScoreWins() {
        let weights = [3, 1, 2, 0, 5, 1]
        let members = Self.members(6)
        let table = RendezvousTable(members, weights: weights)
        for place in stride(from: 0, to: 65_536, by: 97) {
            let scores = weights.indices.map { index in
                let hash = KeyHash.mixed(KeyHash.mixed(UInt64(place)) ^ members.hashes[index])
                return -Double(weights[index]) / logarithm((Double(hash >> 11) + 0.5) * 0x1p-53)
            }
            #expect(scores[Int(table.elected(at: place))] == scores.max())
        }
    }

    @Test(arguments: [
        (1.0, 0.0), (0.5, -0.693_147_180_559_945_3), (2.0, 0.693_147_180_559_945_3), (10, 2.302_585_092_994_045_7),
        (0x1p-54, -37.429_947_750_237_05), (0.999, -0.001_000_500_333_583_533_4), (0.75, -0.287_682_072_451_780_9),
        (1.414_213_562, 0.346_573_590_0), (3, 1.098_612_288_668_109_8),
    ])
    func logarithmsAreRight(value: Double, expected: Double) {
        #expect(abs(logarithm(value) - expected) <= 1e-9 + 1e-15 * abs(expected))
    }

    @Test func aKeyBelongsToTheNextPointClockwise() {
        var ring = HashRing(Self.members(5), weights: [1, 1, 2, 1, 0])
        for index in 0..<4 { ring.setShare(index, 1) }
        #expect(ring.positions.count == 2048 + 3 * 1024)
        #expect(zip(ring.positions, ring.positions.dropFirst()).allSatisfy { $0 <= $1 })
        var random = SplitMix64(seed: 71)
        for _ in 0..<500 {
            let hash = random.next()
            let expected = ring.positions.firstIndex { $0 >= UInt32(hash >> 32) } ?? ring.positions.count
            #expect(ring.point(of: hash) == expected)
        }
        #expect(ring.livePoint(from: ring.positions.count) == 0)
    }
}
