import ApusBalancing
import ApusModel
import Testing

@Suite struct SubsetTests {
    static func picker(_ count: Int, size: Int, node: String = "node-1", panicThreshold: Int = 0) -> PoolPicker {
        PoolPicker(
            (0..<count).map { _ in Place() }, locality: Locality(subsetSize: size), panicThreshold: panicThreshold,
            node: node)
    }

    /// The endpoints in use, found by picking.
    static func used(_ picker: inout PoolPicker, of count: Int) -> Set<Int> {
        let counts = picker.counts(3 * count, of: count)
        return Set(counts.indices.filter { counts[$0] > 0 })
    }

    @Test func usesSoManyAndAlwaysTheSame() {
        var picker = Self.picker(50, size: 10)
        let used = Self.used(&picker, of: 50)
        #expect(used.count == 10)
        #expect(picker.candidateCount == 10)
        var again = Self.picker(50, size: 10)
        #expect(Self.used(&again, of: 50) == used)
    }

    /// The choice is part of how several balancers agree: it must not change with a build.
    @Test func isTheSameInEveryBuild() {
        var picker = Self.picker(20, size: 5, node: "balancer-a")
        #expect(Self.used(&picker, of: 20).sorted() == [0, 4, 12, 13, 16])
    }

    @Test func aPoolThatIsSmallEnoughIsUsedWhole() {
        for size in [10, 11, 1_000] {
            var picker = Self.picker(10, size: size)
            #expect(Self.used(&picker, of: 10).count == 10)
        }
    }

    @Test func losingOneReplacesExactlyThatOne() throws {
        for node in ["a", "b", "c", "d"] {
            var picker = Self.picker(30, size: 8, node: node)
            let before = Self.used(&picker, of: 30)
            for lost in before {
                picker.setAvailable(lost, false, now: 0)
                let after = Self.used(&picker, of: 30)
                #expect(after.count == 8)
                #expect(after.isSuperset(of: before.subtracting([lost])))
                #expect(!after.contains(lost))
                picker.setAvailable(lost, true, now: 0)
                #expect(Self.used(&picker, of: 30) == before)
            }
            let spare = try #require((0..<30).first { !before.contains($0) })
            picker.setAvailable(spare, false, now: 0)
            #expect(Self.used(&picker, of: 30) == before)
        }
    }

    @Test func aDrainingEndpointTakesNoPlace() throws {
        var picker = Self.picker(30, size: 8)
        let before = Self.used(&picker, of: 30)
        let drained = try #require(before.first)
        picker.setWeight(drained, 0, now: 0)
        let after = Self.used(&picker, of: 30)
        #expect(after.count == 8 && after.isSuperset(of: before.subtracting([drained])))
        picker.setWeight(drained, 7, now: 0)
        #expect(Self.used(&picker, of: 30) == before)
    }

    @Test func withFewLeftAllOfThemAreUsed() {
        var picker = Self.picker(30, size: 8)
        for index in 0..<25 { picker.setAvailable(index, false, now: 0) }
        #expect(Self.used(&picker, of: 30) == Set(25..<30))
        for index in 25..<30 { picker.setAvailable(index, false, now: 0) }
        #expect(picker.pick(load: Idle(), now: 0) == nil)
        for index in 0..<30 { picker.setAvailable(index, true, now: 0) }
        var fresh = Self.picker(30, size: 8)
        #expect(Self.used(&picker, of: 30) == Self.used(&fresh, of: 30))
    }

    /// 100 balancers with names that differ in a digit: each endpoint is used by about as many, and no two subsets are
    /// the same.
    @Test func balancersChooseDifferentlyAndEvenly() {
        var users = Array(repeating: 0, count: 50)
        var subsets: Set<Set<Int>> = []
        for node in 0..<100 {
            var picker = Self.picker(50, size: 10, node: "apus-\(node)")
            let used = Self.used(&picker, of: 50)
            subsets.insert(used)
            for index in used { users[index] += 1 }
        }
        #expect(subsets.count == 100)
        #expect(follow(users, shares: Array(repeating: 1, count: 50)), "\(users)")
        #expect(users.allSatisfy { (6...36).contains($0) }, "20 each is even: \(users)")
    }

    @Test func eachTierHasItsOwn() {
        let places = (0..<40).map { Place(tier: $0 / 20) }
        var picker = PoolPicker(places, locality: Locality(subsetSize: 4), node: "n")
        #expect(picker.ranks.map(\.candidates) == [4, 4])
        #expect(picker.ranks.map(\.total) == [20, 20])
        // Ranks spill over by the health of all their endpoints: losing some of the others does not matter here.
        for index in 0..<10 { picker.setAvailable(index, false, now: 0) }
        #expect(picker.ranks.map { $0.percent.rounded() } == [70, 30])
        #expect(picker.ranks.map(\.candidates) == [4, 4])
    }
}

@Suite struct PanicTests {
    @Test func withTooFewAvailableAllAreUsed() {
        var picker = PoolPicker((0..<4).map { Place(weight: $0 == 3 ? 0 : 1) }, panicThreshold: 50)
        picker.setAvailable(0, false, now: 0)
        #expect(!picker.isPanicking)
        #expect(picker.counts(10, of: 4) == [0, 5, 5, 0])
        picker.setAvailable(1, false, now: 0)
        #expect(picker.isPanicking)
        #expect(picker.candidateCount == 3)
        #expect(picker.counts(9, of: 4) == [3, 3, 3, 0])
        picker.setAvailable(2, false, now: 0)
        #expect(picker.counts(9, of: 4) == [3, 3, 3, 0])
        picker.setAvailable(0, true, now: 0)
        #expect(picker.isPanicking)
        picker.setAvailable(1, true, now: 0)
        #expect(!picker.isPanicking)
        #expect(picker.counts(10, of: 4) == [5, 5, 0, 0])
    }

    @Test func withoutAThresholdNobodyDownIsPicked() {
        var picker = PoolPicker([Place(), Place()])
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(1, false, now: 0)
        #expect(!picker.isPanicking)
        #expect(picker.pick(load: Idle(), now: 0) == nil)
    }

    @Test func drainingEndpointsDoNotCount() {
        var picker = PoolPicker([Place(), Place(), Place()], panicThreshold: 60)
        picker.setAvailable(0, false, now: 0)
        #expect(!picker.isPanicking)
        picker.setWeight(1, 0, now: 0)
        #expect(picker.isPanicking)
        #expect(picker.counts(4, of: 3) == [2, 0, 2])
        picker.setWeight(0, 0, now: 0)
        #expect(!picker.isPanicking)
        #expect(picker.counts(4, of: 3) == [0, 0, 4])
    }

    @Test func aBackupTierThatIsUpKeepsItsTraffic() {
        var picker = PoolPicker([Place(), Place(), Place(), Place(tier: 1)], panicThreshold: 50)
        for index in 0..<3 { picker.setAvailable(index, false, now: 0) }
        #expect(picker.isPanicking)
        #expect(picker.counts(10, of: 4) == [0, 0, 0, 10])
        #expect(Set(picker.visited()) == [0, 1, 2, 3])
        // With nothing left, every endpoint is as good as another.
        picker.setAvailable(3, false, now: 0)
        #expect(follow(picker.counts(10_000, of: 4), shares: [1, 1, 1, 1]))
    }

    @Test func aSubsetInAPanicIsTheOneOfAnAllHealthyPool() {
        var picker = SubsetTests.picker(30, size: 8, panicThreshold: 30)
        let healthy = SubsetTests.used(&picker, of: 30)
        for index in 0..<25 { picker.setAvailable(index, false, now: 0) }
        #expect(picker.isPanicking)
        #expect(SubsetTests.used(&picker, of: 30) == healthy)
        for index in 0..<10 { picker.setAvailable(index, true, now: 0) }
        #expect(!picker.isPanicking)
        #expect(SubsetTests.used(&picker, of: 30).isSubset(of: Set(0..<10).union(25..<30)))
    }
}
