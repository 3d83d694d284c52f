import ApusBalancing
import ApusModel
import Testing

/// Exchanges in flight that a test has started; it may tell their total or leave it to an estimate.
private struct InFlight: EndpointLoad {
    var loads: [Int]
    var tellsTotal: Bool
    var saturated: Set<Int> = []

    func load(_ index: Int) -> Int { loads[index] }
    func isSaturated(_ index: Int) -> Bool { saturated.contains(index) }
    var total: Int? { tellsTotal ? loads.reduce(0, +) : nil }
}

@Suite struct BoundedLoadTests {
    static let weights = [1, 3, 2, 5, 0, 1, 1, 2]

    /// Whether an endpoint that has just taken one more has no more than its bound.
    static func isWithinBound(_ index: Int, _ loads: [Int], weights: [Int], up: [Bool], factor: Double) -> Bool {
        let candidates = weights.indices.filter { up[$0] }
        let share = Double(weights[index]) / Double(candidates.map { weights[$0] }.reduce(0, +))
        return loads[index] <= Int((factor * Double(loads.reduce(0, +)) * share).rounded(.up))
    }

    /// A random run of starts and ends, with a few keys that everybody wants and endpoints that come and go.
    @Test(arguments: HashRules.Method.allCases, [1.01, 1.25, 2])
    func noEndpointTakesMoreThanItsBound(method: HashRules.Method, factor: Double) throws {
        for tellsTotal in [true, false] {
            var random = SplitMix64(seed: 51)
            var group = HashGroup(method, 0..<8, loadFactor: factor) { Self.weights[$0] }
            var load = InFlight(loads: Array(repeating: 0, count: 8), tellsTotal: tellsTotal)
            var up = Array(repeating: true, count: 8)
            var running: [Int] = []
            for step in 0..<1_000 {
                if step % 50 == 0 {
                    let flipped = random.next(below: 7)
                    up[flipped].toggle()
                    group.setAvailable(flipped, up[flipped])
                }
                if !running.isEmpty, random.next(below: 100) < 48 {
                    load.loads[running.remove(at: random.next(below: running.count))] -= 1
                    continue
                }
                let key = random.next(below: 3) == 0 ? random.next(below: 1_000) : 7
                let picked = group.owner(key, load: load)
                let owner = try #require(picked)
                load.loads[owner] += 1
                running.append(owner)
                #expect(Self.isWithinBound(owner, load.loads, weights: Self.weights, up: up, factor: factor))
            }
            #expect(running.count > 20)
        }
    }

    /// In a large group whose total nobody tells, the estimate may lag, and the bound with it: not by much.
    @Test(arguments: HashRules.Method.allCases)
    func anEstimatedTotalKeepsTheBoundNearly(method: HashRules.Method) throws {
        var random = SplitMix64(seed: 52)
        // Two workers, each of which sees what both have in flight.
        var groups = (0..<2).map { HashGroup(method, 0..<60, loadFactor: 1.25, worker: $0) }
        var load = InFlight(loads: Array(repeating: 0, count: 60), tellsTotal: false)
        var running: [Int] = []
        var worst = 0.0
        for step in 0..<4_000 {
            if running.count >= 600 {
                load.loads[running.remove(at: random.next(below: running.count))] -= 1
            }
            let key = random.next(below: 2) == 0 ? random.next(below: 1_000) : 7
            let picked = groups[step % 2].owner(key, load: load)
            let owner = try #require(picked)
            load.loads[owner] += 1
            running.append(owner)
            if step > 1_000 { worst = max(worst, Double(load.loads.max()!) / Double(running.count) * 60) }
        }
        #expect(worst < 1.5)
    }

    @Test(arguments: HashRules.Method.allCases)
    func withoutLoadKeysGoWhereTheyGoWithoutABound(method: HashRules.Method) {
        var free = HashGroup(method, 0..<10)
        var bounded = HashGroup(method, 0..<10, loadFactor: 1.25)
        #expect(free.owners(1_000) == bounded.owners(1_000))
    }

    /// What one key has too much goes to the others in the key's own order, and comes back.
    @Test(arguments: HashRules.Method.allCases)
    func aHotKeySpillsOverInItsOwnOrder(method: HashRules.Method) {
        var group = HashGroup(method, 0..<10, loadFactor: 1.5)
        let first = group.owner(7)!
        let second = group.owner(7, excluding: TriedEndpoints([first]))!
        var loads = Array(repeating: 1, count: 10)
        func owner(_ loads: [Int]) -> Int? { group.owner(7, load: InFlight(loads: loads, tellsTotal: true)) }
        // 1.5 * 11 / 10 is 1.65: two are allowed.
        #expect(owner(loads) == first)
        loads[first] = 2
        #expect(owner(loads) == second)
        loads[first] = 0
        #expect(owner(loads) == first)
    }

    /// A request is rather sent above a bound than nowhere.
    @Test(arguments: HashRules.Method.allCases)
    func theBoundIsWaivedWhereNobodyElseIsLeft(method: HashRules.Method) {
        var group = HashGroup(method, 0..<3, loadFactor: 1.25)
        let load = InFlight(loads: [9, 0, 0], tellsTotal: true, saturated: [2])
        let left = group.owner(1, load: load, excluding: TriedEndpoints([1]))
        #expect(left == 0)
        let none = group.owner(1, load: load, excluding: TriedEndpoints([0, 1]))
        #expect(none == nil)
    }

    /// A sum of counters may be off for a moment, even below zero.
    @Test(arguments: HashRules.Method.allCases)
    func loadsBelowZeroAreNone(method: HashRules.Method) {
        var group = HashGroup(method, 0..<3, loadFactor: 1.25)
        for tellsTotal in [true, false] {
            let owner = group.owner(1, load: InFlight(loads: [-1, -2, -1], tellsTotal: tellsTotal))
            #expect(owner != nil)
        }
    }
}
