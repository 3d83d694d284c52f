import ApusBalancing
import ApusModel
import Testing

/// What becomes of picks at a reload.
@Suite struct PickReloadTests {
    static let second: Int64 = 1_000_000

    /// A pool of which something else than its endpoints differs from reload to reload.
    private static func other(_ pool: inout Pool, _ number: Int) { pool.retries.attempts = 2 + number % 2 }

    @Test(arguments: Balance.allCases, [5, 40])
    func goOnAsIfNothingHadHappened(balance: Balance, count: Int) {
        let members = (0..<count).map { ReloadedPool.Member(id: $0, weight: 1 + $0 % 3) }
        var reloaded = ReloadedPool(members) { $0.balance = balance }
        var untouched = ReloadedPool(members) { $0.balance = balance }
        var loads = Loads(loads: Array(repeating: 0, count: count))
        var random = SplitMix64(seed: 3)
        var inFlight: [Int] = []
        for turn in 0..<350 {
            let now = Int64(turn) * 1_000
            if turn % 7 == 0 {
                reloaded.reload(members, now: now) {
                    $0.balance = balance
                    Self.other(&$0, turn / 7)
                }
            }
            if turn % 31 == 0 {
                let (index, isUp) = (random.next(below: count), random.next(below: 2) == 0)
                reloaded.dispatcher.setAvailable(index, isUp, now: now)
                untouched.dispatcher.setAvailable(index, isUp, now: now)
            }
            let request = PickRequest(hash: turn % 3 == 0 ? nil : random.next())
            let choices = (reloaded.choice(request, loads, now: now), untouched.choice(request, loads, now: now))
            #expect(choices.0 == choices.1)
            guard case .endpoint(let index) = choices.1 else { continue }
            loads.loads[index] += 1
            inFlight.append(index)
            _ = reloaded.dispatcher.attemptStarted(index, load: loads.loads[index], now: now)
            _ = untouched.dispatcher.attemptStarted(index, load: loads.loads[index], now: now)
            guard inFlight.count > count else { continue }
            let ended = inFlight.remove(at: random.next(below: inFlight.count))
            let took = Int64(100 + random.next(below: 1_000 * (ended + 1)))
            loads.loads[ended] -= 1
            reloaded.end(ended, after: took, load: loads.loads[ended], now: now)
            untouched.end(ended, after: took, load: loads.loads[ended], now: now)
        }
    }

    /// An endpoint that comes and goes and an order that changes, with each pick: whoever stays has its share.
    @Test(arguments: Balance.all { $0.hasShares && !$0.looksAtLoad }, [4, 33])
    func areSharedOutWhateverTheReloads(balance: Balance, count: Int) {
        var random = SplitMix64(seed: 5)
        let members = (0..<count).map { ReloadedPool.Member(id: $0, weight: 1 + $0 % 3) }
        var pool = ReloadedPool(members) { $0.balance = balance }
        var counts: [Int: Int] = [:]
        let turns = 40 * max(count, 12)
        for turn in 0..<turns {
            let next = (turn % 2 == 0 ? members + [.init(id: 1_000)] : members)
            pool.reload(turn % 5 == 0 ? next.shuffled(using: &random) : next)
            counts[pool.pick()!, default: 0] += 1
        }
        let proportions = members.map { balance.looksAtWeights ? $0.weight : 1 }
        let found = members.map { counts[$0.id, default: 0] }
        #expect(areProbable(found, proportions: proportions), "\(found)")
        guard balance == .roundRobin || balance == .weightedRoundRobin else { return }
        let total = Double(proportions.reduce(0, +))
        for (count, proportion) in zip(found, proportions) {
            let share = Double(count) / (Double(found.reduce(0, +)) * Double(proportion) / total)
            #expect((0.7...1.3).contains(share), "\(share) of a share: \(found)")
        }
    }

    @Test func aReloadBeforeEachPickDoesNotSendAllToOne() {
        var pool = ReloadedPool(0..<3)
        var picks: [Int] = []
        for turn in 0..<9 {
            pool.reload(ids: 0..<3) { Self.other(&$0, turn) }
            picks.append(pool.pick()!)
        }
        #expect(picks == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        // Nor when the endpoints are listed the other way round each time.
        picks = []
        for turn in 0..<300 {
            if turn % 10 == 0 { pool.reload(ids: turn % 20 == 0 ? [2, 1, 0] : [0, 1, 2]) }
            picks.append(pool.pick()!)
        }
        #expect((0..<3).allSatisfy { id in picks.count { $0 == id } >= 85 }, "\(picks.prefix(20))")
    }

    @Test(arguments: [(30, 40), (40, 30)])
    func weightedTurnsGoOnWhereAGroupOutgrowsItsAlgorithm(counts: (Int, Int)) {
        var pool = ReloadedPool(0..<counts.0) { $0.balance = .weightedRoundRobin }
        let before = (0..<15).map { _ in pool.pick()! }
        pool.reload(ids: 0..<counts.1)
        let after = (0..<10).map { _ in pool.pick()! }
        #expect(Set(before).intersection(after).isEmpty, "those that had their turn wait for the others")
    }

    @Test(arguments: HashRules.Method.allCases)
    func keysStayWithTheEndpointsThatStay(method: HashRules.Method) {
        let change: (inout Pool) -> Void = {
            $0.balance = .hash
            $0.hash.method = method
        }
        var pool = ReloadedPool(0..<20, change: change)
        var random = SplitMix64(seed: 7)
        let keys = (0..<3_000).map { _ in random.next() }
        func owners(_ pool: inout ReloadedPool) -> [Int?] { keys.map { pool.pick(PickRequest(hash: $0)) } }
        let before = owners(&pool)
        // One goes and lingers, the others change places: as if it had never been.
        pool.reload(ids: (0..<19).reversed(), census: Census(endpoints: [19]))
        #expect(pool.isRetired(19) && pool.id(19) == 19)
        let without = owners(&pool)
        var fresh = ReloadedPool(0..<19, change: change)
        #expect(without == owners(&fresh))
        let moved = zip(before, without).count { $0 != $1 && $0 != 19 }
        #expect(moved <= (method == .maglev ? 150 : 0), "\(moved) keys of others have moved")
        // It comes back before it was gone.
        pool.reload(ids: 0..<20)
        #expect(owners(&pool) == before)
    }

    @Test func weightsSetAtRunTimeStayUnlessTheConfigurationChangesThem() {
        var pool = ReloadedPool([.init(id: 0), .init(id: 1), .init(id: 2)]) { $0.balance = .weightedRoundRobin }
        pool.dispatcher.setWeight(0, 0, now: 0)
        pool.dispatcher.setWeight(1, 6, now: 0)
        pool.reload([.init(id: 2), .init(id: 1), .init(id: 0)])
        #expect(pool.counts(700) == [2: 100, 1: 600])
        pool.reload([.init(id: 2), .init(id: 1, weight: 2), .init(id: 0)])
        #expect(pool.counts(300) == [2: 100, 1: 200])
        pool.reload([.init(id: 2), .init(id: 1, weight: 2), .init(id: 0, weight: 3)])
        #expect(pool.counts(600) == [2: 100, 1: 200, 0: 300])
    }

    @Test(arguments: HashRules.Method.allCases)
    func weightsSetAtRunTimeStayInTablesOfHashes(method: HashRules.Method) {
        let change: (inout Pool) -> Void = {
            $0.balance = .hash
            $0.hash.method = method
        }
        var pool = ReloadedPool(0..<4, change: change)
        pool.dispatcher.setWeight(1, 3, now: 0)
        pool.dispatcher.setWeight(2, 0, now: 0)
        pool.reload(ids: 0..<5)
        var random = SplitMix64(seed: 7)
        var counts = [0, 0, 0, 0, 0]
        for _ in 0..<6_000 { counts[pool.pick(PickRequest(hash: random.next()))!] += 1 }
        #expect(counts[2] == 0)
        #expect((2_700...3_300).contains(counts[1]), "\(counts)")
    }

    @Test func whoIsDownStaysDownAndWhoIsNewIsUp() {
        var pool = ReloadedPool(0..<3)
        pool.dispatcher.setAvailable(1, false, now: 0)
        pool.reload(ids: [3, 2, 1, 0])
        #expect(pool.counts(9) == [0: 3, 2: 3, 3: 3])
        pool.dispatcher.setAvailable(2, true, now: 0)
        #expect(pool.counts(8) == [0: 2, 1: 2, 2: 2, 3: 2])
    }

    @Test(arguments: [Balance.leastTime, .peakEWMA], [3, 40])
    func responseTimesStay(balance: Balance, count: Int) {
        var pool = ReloadedPool(0..<count) { $0.balance = balance }
        for index in 0..<count {
            _ = pool.dispatcher.attemptStarted(index, load: 1, now: 0)
            pool.end(index, after: index == 1 ? 100 : 50_000, load: 0, now: 0)
        }
        // With another algorithm of that kind, too.
        pool.reload(ids: (0..<count).reversed()) { $0.balance = balance == .leastTime ? .peakEWMA : .leastTime }
        let picks = pool.counts(400)
        #expect(picks[1, default: 0] > 2 * picks[2, default: 0])
        pool.reload(ids: (0..<count).reversed()) { $0.balance = .leastTime }
        #expect(pool.counts(50) == [1: 50])
    }

    @Test func rampsGoOnAndBeginForThoseThatAreNew() {
        let ramp: (inout Pool) -> Void = { $0.slowStart = SlowStart(window: .seconds(10)) }
        var pool = ReloadedPool(0..<2, change: ramp)
        let begin = 100 * Self.second
        pool.dispatcher.setAvailable(1, false, now: begin)
        pool.dispatcher.setAvailable(1, true, now: begin)
        let half = begin + 5 * Self.second
        pool.reload(ids: [1, 0], now: half)
        let counts = pool.counts(9_000, now: half)
        #expect((2_600...3_400).contains(counts[1]!), "half of its share: \(counts)")
        #expect(pool.counts(1_000, now: begin + 10 * Self.second)[1] == 500, "at its end, though there were reloads")

        let later = begin + 20 * Self.second
        pool.reload(ids: [1, 0, 2], now: later)
        #expect(pool.counts(3_000, now: later)[2, default: 0] < 100)
        let full = pool.counts(3_000, now: later + 10 * Self.second)
        #expect(full == [0: 1_000, 1: 1_000, 2: 1_000])
    }

    @Test func panicAndTiersAreOfThoseThatAreThere() {
        var pool = ReloadedPool([.init(id: 0), .init(id: 1), .init(id: 2, tier: 1)]) { $0.panicThreshold = 60 }
        pool.dispatcher.setAvailable(0, false, now: 0)
        #expect(!pool.dispatcher.isPanicking, "two of three")
        pool.reload([.init(id: 0), .init(id: 2, tier: 1)], census: Census(endpoints: [1]))
        #expect(pool.dispatcher.isPanicking, "one of two")
        #expect(pool.dispatcher.ranks.map(\.total) == [1, 1])
        pool.reload([.init(id: 0, tier: 1), .init(id: 2)])
        #expect(pool.counts(10) == [2: 10])
    }
}

extension ReloadedPool {
    mutating func choice(_ request: PickRequest, _ load: some EndpointLoad, now: Int64) -> PoolDispatcher.Choice {
        dispatcher.choose(request, load: load, excluding: TriedEndpoints(), orTried: false, now: now)
    }

    /// An attempt is answered well and over.
    mutating func end(_ index: Int, after microseconds: Int64, load: Int, now: Int64) {
        _ = dispatcher.answered(
            index, AttemptOutcome(status: 200), route: 0, after: microseconds, admitted: now, now: now)
        dispatcher.attemptEnded(index, wasJudged: true, admitted: now, load: load, now: now)
    }
}
