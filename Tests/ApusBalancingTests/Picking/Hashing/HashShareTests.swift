import ApusBalancing
import ApusModel
import Testing

/// How many keys each endpoint has.
@Suite struct HashShareTests {
    /// The largest share, as a multiple of the mean, that a group of so many may have. For Maglev that of the keys drawn
    /// alone; for the others that of places or points too.
    static let bounds: [(HashRules.Method, Int, Double)] = [
        (.maglev, 3, 1.03), (.maglev, 10, 1.06), (.maglev, 100, 1.25),
        (.rendezvous, 3, 1.04), (.rendezvous, 10, 1.08), (.rendezvous, 100, 1.30),
        (.ring, 3, 1.08), (.ring, 10, 1.12), (.ring, 100, 1.30),
    ]

    @Test(arguments: bounds)
    func equalWeightsHaveEqualShares(method: HashRules.Method, count: Int, bound: Double) {
        var group = HashGroup(method, 0..<count)
        let shares = shares(group.owners(20_000), count)
        #expect(Double(shares.max()!) * Double(count) / 20_000 < bound)
    }

    @Test func maglevIsAsEvenAsTheKeysAre() {
        var group = HashGroup(.maglev, 0..<10)
        #expect(chiSquare(shares(group.owners(20_000), 10)) < 27.9, "9 degrees of freedom, p = 0.001")
    }

    @Test(arguments: HashRules.Method.allCases)
    func sharesFollowWeights(method: HashRules.Method) {
        let weights = [1, 2, 5, 10, 2, 0, 20]
        var group = HashGroup(method, 0..<7) { weights[$0] }
        let shares = shares(group.owners(20_000), 7)
        for (share, weight) in zip(shares, weights) {
            let expected = Double(weight * 500)
            #expect(abs(Double(share) - expected) <= expected * (method == .ring ? 0.25 : 0.12), "weight \(weight)")
        }
    }

    @Test(arguments: HashRules.Method.allCases)
    func onlyTheRatiosOfWeightsMatter(method: HashRules.Method) {
        var light = HashGroup(method, 0..<6) { $0 + 1 }
        var heavy = HashGroup(method, 0..<6) { ($0 + 1) * 1_000 }
        #expect(light.owners(3_000) == heavy.owners(3_000))
    }

    @Test(arguments: HashRules.Method.allCases)
    func theOrderOfTheConfigurationDoesNotMatter(method: HashRules.Method) {
        var random = SplitMix64(seed: 41)
        for count in [2, 9, 130] {
            var one = HashGroup(method, 0..<count) { $0 % 4 }
            var other = HashGroup(method, (0..<count).shuffled(using: &random)) { $0 % 4 }
            for number in 0..<count where number % 3 == 0 {
                one.setAvailable(number, false)
                other.setAvailable(number, false)
            }
            #expect(one.owners(2_000) == other.owners(2_000))
        }
    }

    @Test(arguments: HashRules.Method.allCases)
    func workersAgree(method: HashRules.Method) {
        var one = HashGroup(method, 0..<10, worker: 0)
        var other = HashGroup(method, 0..<10, worker: 3)
        #expect(one.owners(1_000) == other.owners(1_000))
    }

    /// Two endpoints of one name are two endpoints.
    @Test(arguments: HashRules.Method.allCases)
    func twinsShare(method: HashRules.Method) {
        let members = ["a", "b", "b"].map { GroupMember(name: $0, weight: 1) }
        var picker = GroupPicker(.hash, hash: HashRules(method: method), members: members, worker: 0, seed: 1)
        var owners: [Int?] = []
        for key in 0..<6_000 {
            owners.append(picker.pick(hash: HashGroup.hash(key), load: Idle(), excluding: TriedEndpoints(), now: 0))
        }
        #expect(shares(owners, 3).allSatisfy { (1_800...2_200).contains($0) })
    }

    @Test(arguments: HashRules.Method.allCases)
    func requestsWithoutAKeyTakeTurns(method: HashRules.Method) {
        var group = HashGroup(method, 0..<3)
        #expect(letters(&group.picker, 7) == "abcabca")
    }

    // MARK: Weights that change

    @Test(arguments: HashRules.Method.allCases)
    func anEndpointWithHalfTheWeightKeepsHalfOfItsKeys(method: HashRules.Method) {
        var group = HashGroup(method, 0..<8) { _ in 100 }
        let before = group.owners(8_000)
        var kept = shares(before, 8)[3]
        let all = kept
        var last = before
        // Less and less: what has gone stays away, and nobody else's keys move.
        for weight in [75, 50, 25, 1] {
            group.picker.setWeight(3, weight)
            let now = group.owners(8_000)
            for key in 0..<8_000 where last[key] != 3 { #expect(now[key] == last[key]) }
            kept = shares(now, 8)[3]
            #expect(abs(Double(kept) / Double(all) - Double(weight) / 100) < 0.08)
            last = now
        }
        group.picker.setWeight(3, 0)
        #expect(shares(group.owners(8_000), 8)[3] == 0)
        group.picker.setWeight(3, 100)
        #expect(group.owners(8_000) == before)
    }

    @Test(arguments: HashRules.Method.allCases)
    func anEndpointWithMoreWeightGetsMoreKeys(method: HashRules.Method) {
        var group = HashGroup(method, 0..<10) { $0 == 4 ? 0 : 10 }
        let before = group.owners(10_000)
        #expect(shares(before, 10)[4] == 0)
        group.picker.setWeight(4, 10)
        let after = group.owners(10_000)
        var anew = HashGroup(method, 0..<10) { _ in 10 }
        #expect(after == anew.owners(10_000))
        #expect(moved(before, after) <= 1_200)
    }
}
