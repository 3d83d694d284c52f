import ApusBalancing
import ApusModel
import Testing

/// Which keys move when a group changes.
@Suite struct HashRemapTests {
    static let sizes = [3, 10, 100, 1000]

    /// Endpoints to take away.
    static func victims(_ count: Int) -> [Int] { count <= 10 ? [0, 1, count - 1] : [count / 3] }

    static func keys(_ count: Int) -> Int {
        // A third of the keys is a number that varies more than a hundredth of them.
        count <= 10 ? 10_000 : 4_000
    }

    @Test(arguments: HashRules.Method.allCases, sizes)
    func anEndpointThatIsRemovedTakesOnlyItsShareWithIt(method: HashRules.Method, count: Int) {
        let keys = Self.keys(count)
        var whole = HashGroup(method, 0..<count)
        let before = whole.owners(keys)
        for victim in Self.victims(count) {
            var rest = HashGroup(method, (0..<count).filter { $0 != victim })
            let after = rest.owners(keys)
            let share = Double(moved(before, after)) / Double(keys)
            #expect(share <= 1 / Double(count) + 0.02, "\(victim)")
            #expect(!after.contains(victim))
            guard method == .rendezvous, count <= 128 else { continue }
            for (before, after) in zip(before, after) where before != victim { #expect(before == after) }
        }
    }

    @Test(arguments: HashRules.Method.allCases, sizes)
    func anEndpointThatGoesDownMovesItsOwnKeysAndGetsThemBack(method: HashRules.Method, count: Int) {
        let keys = Self.keys(count)
        var group = HashGroup(method, 0..<count)
        let before = group.owners(keys)
        for victim in Self.victims(count) {
            group.setAvailable(victim, false)
            let meanwhile = group.owners(keys)
            #expect(Double(moved(before, meanwhile)) / Double(keys) <= 1 / Double(count) + 0.02)
            #expect(!meanwhile.contains(victim))
            #expect(zip(before, meanwhile).allSatisfy { $0 == victim || $0 == $1 })
            group.setAvailable(victim, true)
            #expect(group.owners(keys) == before)
        }
    }

    @Test(arguments: HashRules.Method.allCases)
    func halfOfTheEndpointsDownMoveHalfOfTheKeysEvenly(method: HashRules.Method) {
        var group = HashGroup(method, 0..<20)
        let before = group.owners(10_000)
        for number in 0..<10 { group.setAvailable(number, false) }
        let meanwhile = group.owners(10_000)
        #expect(zip(before, meanwhile).allSatisfy { $0! < 10 || $0 == $1 })
        // The mean is 1,000; the ring is the least even.
        #expect(shares(meanwhile, 20)[10...].allSatisfy { (850...1_150).contains($0) })
        for number in (0..<10).reversed() { group.setAvailable(number, true) }
        #expect(group.owners(10_000) == before)
    }

    /// The one that is left of many is found, by few steps of any method.
    @Test(arguments: HashRules.Method.allCases)
    func theLastOneUpGetsAll(method: HashRules.Method) {
        var group = HashGroup(method, 0..<300)
        for number in 0..<300 where number != 217 { group.setAvailable(number, false) }
        #expect(group.owners(200).allSatisfy { $0 == 217 })
        group.setAvailable(217, false)
        #expect(group.owners(20).allSatisfy { $0 == nil })
    }

    /// With one of a hundred up, most keys are beyond reach of their places; they must be spread nevertheless.
    @Test(arguments: HashRules.Method.allCases)
    func fewOfManyAreSpreadToo(method: HashRules.Method) {
        var group = HashGroup(method, 0..<500)
        for number in 0..<500 where number % 100 != 0 { group.setAvailable(number, false) }
        let owners = group.owners(2_000)
        #expect(owners.allSatisfy { $0.map { $0 % 100 == 0 } ?? false })
        #expect(Set(owners).count == 5)
    }

    /// A key's second choice is the same whether its first is down or has been tried.
    @Test(arguments: HashRules.Method.allCases)
    func whatWasTriedIsPassedOverAsWhatIsDown(method: HashRules.Method) {
        var group = HashGroup(method, 0..<12)
        for key in 0..<30 {
            var tried = TriedEndpoints()
            var order: [Int] = []
            while let owner = group.owner(key, excluding: tried) {
                order.append(owner)
                tried.insert(owner)
            }
            #expect(order.sorted() == Array(0..<12))
            for owner in order.prefix(4) {
                #expect(group.owner(key) == owner)
                group.setAvailable(owner, false)
            }
            for owner in order.prefix(4) { group.setAvailable(owner, true) }
        }
    }

    /// What a saturated endpoint cannot take goes where it would go if it were down.
    @Test(arguments: HashRules.Method.allCases)
    func whatIsSaturatedIsPassedOverToo(method: HashRules.Method) {
        var group = HashGroup(method, 0..<12)
        for key in 0..<200 {
            let first = group.owner(key)!
            let loads = Loads(loads: Array(repeating: 0, count: 12), saturated: [first])
            let other = group.owner(key, load: loads)
            #expect(other == group.owner(key, excluding: TriedEndpoints([first])))
        }
    }
}
