import ApusBalancing
import ApusModel
import Testing

/// What algorithms know, and where chance stands, goes on at a reload that changes the pool's endpoints.
@Suite struct KnowledgeReloadTests {
    /// A pool that is given the same seed at each reload: chance that began anew would fall on the same ones again.
    @Test(arguments: Balance.all(where: \.drawsIndependently), [4, 33])
    func chanceDoesNotBeginAnew(balance: Balance, count: Int) {
        var pool = ReloadedPool(0..<count) { $0.balance = balance }
        var counts = Array(repeating: 0, count: count + 1)
        for turn in 0..<30 * count {
            pool.reload(ids: 0..<(count + turn % 2))
            counts[pool.pick()!] += 1
        }
        #expect(areProbable(Array(counts.dropLast()), proportions: Array(repeating: 1, count: count)), "\(counts)")
    }

    /// In a pool of this size only a few endpoints are asked for their load at a pick: the others are remembered.
    @Test(arguments: Balance.all(where: \.remembersLoads))
    func loadsAreRemembered(balance: Balance) {
        let count = 300
        for idle in stride(from: 7, to: count, by: 41) {
            var pool = ReloadedPool(0..<count) { $0.balance = balance }
            var loads = Loads(loads: Array(repeating: 2, count: count))
            loads.loads[idle] = 0
            for index in 0..<count where index != idle {
                for load in 1...2 { _ = pool.dispatcher.attemptStarted(index, load: load, now: 0) }
            }
            pool.reload(ids: (0..<count - 1).reversed() + [count - 1])
            loads.loads.swapAt(idle, idle == count - 1 ? idle : count - 2 - idle)
            #expect(pool.pick(load: loads) == idle)
        }
    }

    @Test func theBoundOfAHashGoesOn() {
        let change: (inout Pool) -> Void = {
            $0.balance = .hash
            $0.hash.loadFactor = 1.5
        }
        // Five in flight on average; who has six is below the bound, unless nobody remembers how many there are in all.
        var pool = ReloadedPool(0..<120, change: change)
        let loads = Loads(loads: (0..<121).map { $0 % 6 == 0 ? 0 : 6 })
        var random = SplitMix64(seed: 9)
        for _ in 0..<20 { _ = pool.pick(PickRequest(hash: random.next()), load: loads) }
        let keys = (0..<40).map { _ in random.next() }
        func owners(_ pool: ReloadedPool) -> [Int?] {
            keys.map { key in
                var pool = pool
                return pool.pick(PickRequest(hash: key), load: loads)
            }
        }
        let before = owners(pool)
        pool.reload(ids: 0..<121)
        let moved = zip(before, owners(pool)).count { $0 != $1 }
        #expect(moved <= 5, "\(moved) of 40 keys have moved for one endpoint more among 120")
    }

    /// Where picks look at loads, an endpoint that ramps up saves for its next pick; reloads take nothing of it.
    @Test func whatWasSavedInASlowStartStays() {
        let window = Duration.seconds(10)
        func picks(reloading: Bool) -> Int {
            var pool = ReloadedPool(0..<2) {
                $0.balance = .leastConnections
                $0.slowStart = SlowStart(window: window)
            }
            pool.dispatcher.setAvailable(1, false, now: 0)
            pool.dispatcher.setAvailable(1, true, now: 0)
            var count = 0
            for turn in 0..<1_000 {
                if reloading { pool.reload(ids: turn % 2 == 0 ? [1, 0] : [0, 1], now: 5_000_000) }
                if pool.pick(now: 5_000_000) == 1 { count += 1 }
            }
            return count
        }
        let (without, with) = (picks(reloading: false), picks(reloading: true))
        #expect((200...300).contains(without))
        #expect((without - 30...without + 30).contains(with), "\(with), not \(without)")
    }

    /// What differs at these reloads has nothing to do with the limit: it is learned as if there had been none.
    @Test func theAdaptiveLimitIsLearnedOn() {
        let change: (inout Pool) -> Void = { $0.concurrency = ConcurrencyRules(initial: 20, minimum: 2, maximum: 200) }
        var reloaded = ReloadedPool(0..<2, change: change)
        var untouched = ReloadedPool(0..<2, change: change)
        var limits: Set<Int> = []
        for turn in 0..<1_000 {
            let now = Int64(turn) * 20_000
            if turn % 13 == 0 {
                reloaded.reload(ids: 0..<(2 + turn % 2), now: now) {
                    change(&$0)
                    $0.retries.attempts = 1 + turn % 3
                }
            }
            // As many as are let in; more than ten at once wait for one another.
            while true {
                let isIn = reloaded.dispatcher.arrived(.normal, now: now)
                let isAlso = untouched.dispatcher.arrived(.normal, now: now)
                #expect(isIn == isAlso)
                guard isIn, isAlso else { break }
            }
            let latency = Int64(2_000 * max(10, untouched.dispatcher.requestsInFlight) / 10)
            while reloaded.dispatcher.requestsInFlight > 0 {
                reloaded.dispatcher.departed(latency: latency, now: now + latency)
            }
            while untouched.dispatcher.requestsInFlight > 0 {
                untouched.dispatcher.departed(latency: latency, now: now + latency)
            }
            #expect(reloaded.dispatcher.concurrencyLimit == untouched.dispatcher.concurrencyLimit)
            limits.insert(untouched.dispatcher.concurrencyLimit!)
        }
        #expect(limits.count > 2, "it was learned at all: \(limits)")
    }
}
