import ApusBalancing
import ApusHTTP
import ApusModel
import Testing

@testable import ApusExchange

/// Random requests, failures, hedges and departures in pools with limits, queues and budgets. Whatever happens, nothing is
/// counted twice or left behind, and no limit is exceeded.
@Suite struct PoolVisitWalkTests {
    private struct Walker {
        var pool: VisitedPool
        var visits: [Int32: PoolVisit] = [:]
        var random: SplitMix64
        var nextHandle: Int32 = 1
        /// Visits that have extra load in flight or before them, by this walker's own account: from a retry that the budget
        /// allowed, or a hedge, to the end of an attempt.
        var budgeted: Set<Int32> = []
        /// Seen at least once each, or the walk shows nothing.
        var seen: Set<String> = []

        mutating func carryOut(_ step: PoolVisit.Step, _ handle: Int32) {
            seen.insert(String(step.words.prefix { $0 != " " }))
            switch step {
            case .start: pool.begin(step, &visits[handle]!)
            case .seek:
                let next = visits[handle]!.seek(&pool.origins, as: handle, now: pool.now)
                carryOut(next, handle)
            case .queue, .staysQueued, .pause: break
            case .refuse: leave(handle)
            }
        }

        mutating func arrive() {
            let handle = nextHandle
            nextHandle += 1
            visits[handle] = pool.visit()
            let step = visits[handle]!.seek(&pool.origins, as: handle, now: pool.now)
            carryOut(step, handle)
        }

        mutating func leave(_ handle: Int32) {
            guard var visit = visits.removeValue(forKey: handle) else { return }
            budgeted.remove(handle)
            if visit.other.isUnderWay {
                let other = visit.other
                visit.other = Attempt()
                pool.end(other, of: &visit)
            }
            if visit.current.isUnderWay { pool.end(&visit) }
            pool.leave(&visit, as: handle)
        }

        mutating func proceed(_ handle: Int32) {
            guard var visit = visits[handle] else { return }
            switch visit.wait {
            case .queued where random.next(below: 4) == 0:
                let step = visit.patienceEnded(&pool.origins, as: handle)
                visits[handle] = visit
                return carryOut(step, handle)
            case .queued: return
            case .backoff:
                visit.pauseEnded()
                visits[handle] = visit
                return carryOut(.seek, handle)
            case .nothing: break
            }
            if visit.other.isUnderWay, random.next(below: 2) == 0 { visit.makeCurrent(visit.other.connection) }
            switch random.next(below: 5) {
            case 0:
                if let (loser, _) = visit.win() {
                    pool.end(loser, of: &visit)
                    budgeted.remove(handle)
                }
                #expect(budgeted.contains(handle) == visit.isBudgeted)
                _ = visit.answered(AttemptOutcome(status: 200), route: 0, &pool.origins, now: pool.now)
                pool.end(&visit, keepsConnection: true)
                visits[handle] = visit
                leave(handle)
            case 1:
                if let hedge = visit.hedge(VisitedPool.request, by: nil, &pool.origins, now: pool.now) {
                    seen.insert("hedge")
                    budgeted.insert(handle)
                    pool.begin(at: hedge.endpoint, hedge.lease, &visit)
                }
                visits[handle] = visit
            case 2:
                visits[handle] = visit
                leave(handle)
            default:
                let failures: [RetryPolicy.Failure] = [
                    .connectRefused, .reusedConnectionDied, .freshConnectionDied, .tryTimedOut, .badResponse,
                ]
                let failure = failures[random.next(below: failures.count)]
                budgeted.remove(handle)
                let replaced = visit.staleReplacements
                let step = pool.fail(&visit, failure)
                visits[handle] = visit
                guard let step else {
                    seen.insert("alone")
                    return
                }
                // What could not connect, and a stale connection, cost no budget.
                let isFree = failure == .connectRefused || visit.staleReplacements > replaced
                switch step {
                case .seek, .pause: if !isFree { budgeted.insert(handle) }
                default: break
                }
                carryOut(step, handle)
            }
        }

        mutating func serveQueue() {
            guard let handle = pool.origins.dispatchers[0].nextWaiting(now: pool.now) else { return }
            let choice = visits[handle]!.choose(from: &pool.origins, now: pool.now)
            let step = visits[handle]!.turnCame(choice, &pool.origins, as: handle)
            carryOut(step, handle)
        }

        mutating func walk(_ steps: Int) {
            for _ in 0..<steps {
                pool.now += Int64(random.next(below: 2_000))
                switch random.next(below: 8) {
                case 0, 1, 2: arrive()
                case 3: serveQueue()
                case 4 where random.next(below: 10) == 0:
                    let endpoint = random.next(below: 3)
                    pool.origins.dispatchers[0].setAvailable(endpoint, random.next(below: 3) > 0, now: pool.now)
                default:
                    if let handle = visits.keys.sorted().randomElement(using: &random) { proceed(handle) }
                }
                check()
            }
        }

        /// Compares every count with what the visits themselves have.
        func check() {
            var loads = [0, 0, 0]
            var busy = 0
            for visit in visits.values {
                for attempt in [visit.current, visit.other] where attempt.isUnderWay {
                    loads[Int(attempt.endpoint)] += 1
                    busy += 1
                }
            }
            #expect(pool.origins.loads.counts == loads)
            #expect(loads.allSatisfy { $0 <= 2 } && busy <= 5)
            #expect(pool.origins.poolLoads.counts == [busy])
            #expect(pool.origins.waiting.counts == [visits.values.count { $0.wait == .queued }])
            #expect(pool.origins.dispatchers[0].waitingCount == pool.origins.waiting.counts[0])
            #expect(pool.origins.dispatchers[0].requestsInFlight == visits.count)
            #expect(pool.origins.dispatchers[0].retriesInFlight == budgeted.count)
        }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>) func nothingIsLeftBehind(seed: UInt64) {
        let pool = VisitedPool(endpoints: 3) {
            // On every other walk there are fewer connections than places.
            if seed % 2 == 0 { $0.connections = UpstreamConnectionLimits(max: 1) }
            $0.requests = RequestLimits(perEndpoint: 2, perPool: 5, queue: QueueRules(length: 3))
            $0.hedging = HedgingRules(after: .milliseconds(1))
            $0.retries = RetryRules(attempts: 4, backoff: .milliseconds(1), budgetPercent: 50, minimumPerSecond: 50)
        }
        var walker = Walker(pool: pool, random: SplitMix64(seed: seed))
        walker.walk(4_000)
        #expect(walker.seen.isSuperset(of: ["start", "seek", "queue", "stays", "pause", "refuse", "hedge", "alone"]))
        for handle in walker.visits.keys.sorted() { walker.leave(handle) }
        #expect(walker.pool.isQuiet)
    }
}
