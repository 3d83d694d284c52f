import ApusBalancing
import ApusModel
import Testing

/// Random reloads under random traffic: nothing that is retired is picked, and what was let in is accounted for.
@Suite struct DispatcherReloadPropertyTests {
    private struct Request {
        var endpoint: Int
        var tried = TriedEndpoints()
        var admitted: Int64
    }

    @Test(arguments: Balance.allCases, 0..<2 as Range<UInt64>)
    func requestsOutliveReloads(balance: Balance, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var members = (0..<5).map { ReloadedPool.Member(id: $0) }
        var pool = ReloadedPool(members, seed: seed) { $0.balance = balance }
        var requests: [Request] = []
        var loads: [Int: Int] = [:]
        var isUp: [Int: Bool] = [:]
        var nextID = 5
        // Retries that have not ended.
        var retries = 0
        for turn in 0..<1_000 {
            let now = Int64(turn) * 10_000
            switch random.next(below: 12) {
            case 0:
                Self.change(&members, nextID: &nextID, &random)
                let used = Set(requests.map(\.endpoint))
                let rules = Self.rules(balance, &random)
                let members = pool.reload(members, now: now, census: Census(endpoints: used), change: rules)
                for index in requests.indices {
                    // Whoever has a request has an index; what was tried and is gone has none.
                    requests[index].endpoint = members.toNew[requests[index].endpoint]!
                    requests[index].tried = pool.dispatcher.renamed(requests[index].tried, by: members)
                }
                #expect(pool.dispatcher.requestsInFlight == requests.count)
                #expect(pool.dispatcher.retriesInFlight == retries)
                guard pool.dispatcher.requestsInFlight == requests.count else { return }
                let present = Set((0..<pool.snapshot.endpoints.count).filter { !pool.isRetired($0) }.map(pool.id))
                isUp = isUp.filter { present.contains($0.key) }
            case 1:
                let index = random.next(below: pool.snapshot.endpoints.count)
                let becomesUp = random.next(below: 3) > 0
                pool.dispatcher.setAvailable(index, becomesUp, now: now)
                if !pool.isRetired(index) { isUp[pool.id(index)] = becomesUp }
            case 2:
                let index = random.next(below: pool.snapshot.endpoints.count)
                pool.dispatcher.setWeight(index, random.next(below: 4), now: now)
            case 3...7:
                guard pool.dispatcher.arrived(.normal, now: now) else { continue }
                let load = Self.load(pool, loads)
                let request = PickRequest(
                    hash: random.next(), session: Int32(random.next(below: pool.snapshot.endpoints.count)))
                guard case .endpoint(let index) = pool.choice(request, load, now: now) else {
                    pool.dispatcher.departed(latency: nil, now: now)
                    continue
                }
                #expect(!pool.isRetired(index))
                #expect(pool.dispatcher.isPanicking || isUp[pool.id(index), default: true])
                loads[pool.id(index), default: 0] += 1
                _ = pool.dispatcher.attemptStarted(index, load: loads[pool.id(index)]!, now: now)
                requests.append(Request(endpoint: index, tried: TriedEndpoints([index]), admitted: now))
            default:
                guard !requests.isEmpty else { continue }
                let request = requests.remove(at: random.next(below: requests.count))
                if Self.end(request, of: &pool, &loads, &random, now: now) { retries += 1 }
                while retries > 0, random.next(below: 3) == 0 {
                    pool.dispatcher.retryEnded()
                    retries -= 1
                }
            }
        }
        for request in requests where Self.end(request, of: &pool, &loads, &random, now: 30_000_000) { retries += 1 }
        for _ in 0..<retries { pool.dispatcher.retryEnded() }
        // One departure more than arrivals would be a trap; one less would be a request for ever in flight.
        #expect(loads.values.allSatisfy { $0 == 0 })
        #expect(pool.dispatcher.requestsInFlight == 0 && pool.dispatcher.retriesInFlight == 0)
    }

    /// - Returns: whether it leaves a retry that has not ended.
    private static func end(
        _ request: Request, of pool: inout ReloadedPool, _ loads: inout [Int: Int], _ random: inout SplitMix64,
        now: Int64
    ) -> Bool {
        var retries = false
        let id = pool.id(request.endpoint)
        let outcome = random.next(below: 3)
        if outcome == 0 {
            _ = pool.dispatcher.gaveNone(
                request.endpoint, .broke, route: 0, overdueIn: 0, after: 900, admitted: request.admitted, now: now)
            let progress = RetryPolicy.Progress(
                isSafe: true, isRepeatable: true, wasSent: true, isReplayable: true, attempts: 1)
            if case .retry(_, isBudgeted: true) = pool.dispatcher.decide(after: .tryTimedOut, of: progress, now: now) {
                retries = true
            }
        } else if outcome == 1 {
            _ = pool.dispatcher.answered(
                request.endpoint, AttemptOutcome(status: 200), route: 0, after: 700, admitted: request.admitted,
                now: now)
        }
        loads[id]! -= 1
        pool.dispatcher.attemptEnded(
            request.endpoint, wasJudged: outcome < 2, admitted: request.admitted, load: loads[id]!, now: now)
        pool.dispatcher.departed(latency: outcome == 1 ? 700 : nil, now: now)
        return retries
    }

    private static func load(_ pool: ReloadedPool, _ loads: [Int: Int]) -> Loads {
        Loads(loads: pool.snapshot.endpoints.indices.map { loads[pool.id($0), default: 0] })
    }

    private static func change(
        _ members: inout [ReloadedPool.Member], nextID: inout Int, _ random: inout SplitMix64
    ) {
        switch random.next(below: 5) {
        case 0 where members.count > 1: members.remove(at: random.next(below: members.count))
        case 1:
            // More than a small group, at times; now and then one that was there before.
            for _ in 0..<(random.next(below: 4) == 0 ? 35 : 1) {
                members.append(.init(id: nextID, weight: random.next(below: 4), tier: random.next(below: 2)))
                nextID += 1
            }
            let known = random.next(below: nextID)
            if !members.contains(where: { $0.id == known }) { members.append(.init(id: known)) }
        case 2: members.shuffle(using: &random)
        case 3: members[random.next(below: members.count)].weight = random.next(below: 4)
        default: if members.count > 20 { members.removeFirst(members.count - 3) }
        }
    }

    private static func rules(_ balance: Balance, _ random: inout SplitMix64) -> (inout Pool) -> Void {
        let draw = random.next()
        func flag(_ bit: UInt64) -> Bool { draw & (1 << bit) != 0 }
        return { pool in
            pool.balance = flag(0) || flag(1) ? balance : Balance.allCases[Int(draw >> 32) % Balance.allCases.count]
            pool.hash.method = HashRules.Method.allCases[Int(draw >> 16 & 0xff) % 3]
            if flag(2) { pool.endpointBreaker = BreakerRules(consecutiveFailures: flag(3) ? 2 : 3, open: .seconds(1)) }
            if flag(4) { pool.poolBreaker = BreakerRules(consecutiveFailures: 5, open: .milliseconds(100)) }
            if flag(5) { pool.concurrency = ConcurrencyRules(initial: 10, minimum: 2, maximum: flag(6) ? 20 : 5) }
            if flag(7) { pool.slowStart = SlowStart(window: .seconds(flag(8) ? 1 : 5)) }
            if flag(9) { pool.panicThreshold = 50 }
            if flag(10) { pool.locality.subsetSize = 3 }
            if flag(11) { pool.outliers = OutlierRules(consecutive5xx: 3) }
            if flag(12) { pool.hash.loadFactor = 1.5 }
            pool.retries.budgetPercent = flag(13) ? 20 : 100
        }
    }
}
