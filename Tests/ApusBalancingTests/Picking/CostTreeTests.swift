import ApusBalancing
import Testing

@Suite struct CostTreeTests {
    @Test func drawsOnlyTheLeast() {
        var random = SplitMix64(seed: 1)
        for count in [1, 2, 3, 5, 33, 64, 100] {
            var tree = CostTree(count: count)
            var costs = Array(repeating: CostTree.absent, count: count)
            #expect(tree.drawLeast(&random) == nil)
            for _ in 0..<300 {
                let place = random.next(below: count)
                costs[place] = random.next(below: 6) == 0 ? CostTree.absent : UInt64(random.next(below: 5))
                tree.set(place, costs[place])
                let least = costs.min()!
                #expect(tree.cost(place) == costs[place])
                guard least < CostTree.absent else {
                    #expect(tree.drawLeast(&random) == nil)
                    continue
                }
                #expect(tree.drawLeast(&random).map { costs[$0] } == least)
            }
        }
        #expect(CostTree(count: 0).drawLeast(&random) == nil)
    }

    @Test func equalsAreEquallyLikely() throws {
        var random = SplitMix64(seed: 2)
        for count in [3, 37, 100] {
            var tree = CostTree(count: count)
            let proportions = (0..<count).map { $0 % 3 == 1 ? 1 : 0 }
            for place in 0..<count { tree.set(place, proportions[place] == 1 ? 4 : 5) }
            var counts = Array(repeating: 0, count: count)
            for _ in 0..<(200 * count) {
                let place = tree.drawLeast(&random)
                counts[try #require(place)] += 1
            }
            #expect(areProbable(counts, proportions: proportions))
        }
    }
}
