import ApusBalancing
import ApusModel
import Testing

/// What is known of a pool's health after a reload.
@Suite struct PoolHealthReloadTests {
    static let second: Int64 = 1_000_000

    /// What is told of one that has come to others.
    static let joins = "unknown: new, and gets requests once a probe passes (the configuration has changed)"

    /// Where nobody else serves, one that is new has the benefit of the doubt; and when the others go down meanwhile.
    @Test func oneThatJoinsIsUsedWhereNobodyElseIsLeft() {
        var replaced = Watched(1)
        #expect(replaced.reload(ids: [1], now: 1) == [])
        #expect(replaced.health.servingCount == 1)
        var pool = Watched(1)
        #expect(pool.reload(ids: [0, 1], now: 1) == ["1 \(Self.joins)"])
        #expect(pool.health.servingCount == 1 && pool.health.joiningCount == 1)
        var changes: [String] = []
        for _ in 0..<3 { changes += PoolHealthTests.words(pool.health.probeFailed(0, .timedOut, now: 2)) }
        #expect(changes.last == "1 unknown (no other endpoint of the pool is left)")
        #expect(pool.health.servingCount == 1 && pool.health.joiningCount == 0)
    }

    @Test func thoseThatJoinAreNoReasonToPanic() {
        let panic: (inout Pool) -> Void = { $0.panicThreshold = 60 }
        var pool = Watched(2, panic)
        _ = pool.reload(ids: 0..<6, now: 1, panic)
        #expect(!pool.health.isPanicking && pool.health.servingCount == 2)
        for endpoint in 2..<6 { _ = pool.health.probeSucceeded(endpoint, now: 2) }
        #expect(!pool.health.isPanicking && pool.health.servingCount == 6 && pool.health.joiningCount == 0)
    }

    /// Why a name leads nowhere may change, and is told as it is now.
    @Test func whyANameLeadsNowhereIsToldAsItIs() {
        func snapshot(isRefused: Bool) -> Snapshot {
            let snapshot = ReloadedPool.snapshot([.init(id: 0)], Watched.probed { _ in })
            var endpoints = snapshot.endpoints
            endpoints[0].weight = 0
            endpoints[0].isUnresolved = true
            endpoints[0].isRefused = isRefused
            return snapshot.replacing(endpoints: endpoints)
        }
        var before = snapshot(isRefused: false)
        var health = PoolHealth(pool: 0, of: before, now: 0)
        #expect("\(health.state(0))" == "unhealthy(its host name has no address)")
        for (isRefused, since) in [(true, 1), (true, 1), (false, 3)] {
            let succession = Succession(from: before, to: snapshot(isRefused: isRefused), census: nil)
            health = PoolHealth(
                pool: 0, of: succession.snapshot, now: Int64(since), succeeding: health,
                members: succession.members(ofPool: 0))
            before = succession.snapshot
            let reason = isRefused ? "leads to the admin server" : "has no address"
            #expect("\(health.state(0))" == "unhealthy(its host name \(reason))")
            #expect(health.since(0) == Int64(since) && health.availableCount == 0)
        }
    }

    /// A pool's health through reloads.
    private struct Watched {
        var snapshot: Snapshot
        var health: PoolHealth

        init(_ count: Int, _ change: (inout Pool) -> Void = { _ in }) {
            snapshot = ReloadedPool.snapshot((0..<count).map { .init(id: $0) }, Watched.probed(change))
            health = PoolHealth(pool: 0, of: snapshot, now: 0)
            for endpoint in 0..<count { _ = health.probeSucceeded(endpoint, now: 0) }
        }

        static func probed(_ change: (inout Pool) -> Void) -> (inout Pool) -> Void {
            return withoutActuallyEscaping(change) { change in
                var pool = Pool(name: "p", health: HealthCheck(probe: .tcp, rise: 2, fall: 3), endpoints: 0..<0)
                change(&pool)
                return { [pool] in
                    let endpoints = $0.endpoints
                    $0 = pool
                    $0.endpoints = endpoints
                }
            }
        }

        mutating func reload(
            _ members: [ReloadedPool.Member], now: Int64, census: Census? = nil,
            _ change: (inout Pool) -> Void = { _ in }
        ) -> [String] {
            let succession = Succession(
                from: snapshot, to: ReloadedPool.snapshot(members, Watched.probed(change)), census: census)
            health = PoolHealth(
                pool: 0, of: succession.snapshot, now: now, succeeding: health, members: succession.members(ofPool: 0))
            snapshot = succession.snapshot
            return PoolHealthTests.words(health.settled(now: now))
        }

        mutating func reload(
            ids: some Sequence<Int>, now: Int64, census: Census? = nil, _ change: (inout Pool) -> Void = { _ in }
        ) -> [String] {
            reload(ids.map { .init(id: $0) }, now: now, census: census, change)
        }

        var states: [EndpointState.Kind] { snapshot.endpoints.indices.map { health.state($0).kind } }
    }

    @Test func statesAndCountsLiveOn() {
        var pool = Watched(3)
        for now in 1...3 { _ = pool.health.probeFailed(0, .timedOut, now: Int64(now)) }
        for now in 1...2 { _ = pool.health.probeFailed(1, .timedOut, now: Int64(now)) }
        let state = pool.health.state(0)
        #expect(pool.reload(ids: [3, 2, 1, 0], now: 10) == ["0 \(Self.joins)"])
        #expect(pool.states == [.unknown, .healthy, .healthy, .unhealthy])
        #expect(pool.health.state(3) == state && pool.health.since(3) == 3)
        #expect(pool.health.availableCount == 2 && pool.health.count == 4)
        let third = pool.health.probeFailed(2, .timedOut, now: 11)
        let words = "3 of 3 probes failed: timed out"
        #expect(PoolHealthTests.words(third) == ["2 unhealthy: \(words) (\(words))"])
        _ = pool.health.probeSucceeded(3, now: 12)
        #expect(pool.reload(ids: 0..<4, now: 13) == [])
        #expect(PoolHealthTests.words(pool.health.probeSucceeded(0, now: 14)) == ["0 healthy (2 of 2 probes passed)"])
    }

    @Test func anotherCheckCountsAnew() {
        var pool = Watched(2)
        for _ in 0..<3 { _ = pool.health.probeFailed(0, .timedOut, now: 1) }
        for _ in 0..<2 { _ = pool.health.probeFailed(1, .timedOut, now: 1) }
        let http: (inout Pool) -> Void = { $0.health.probe = .http(path: "/") }
        #expect(pool.reload(ids: 0..<2, now: 2, http) == [])
        #expect(pool.states == [.unhealthy, .healthy])
        #expect(pool.health.probeFailed(1, .timedOut, now: 3).isEmpty)
        #expect(pool.health.probeSucceeded(0, now: 3).isEmpty)
        #expect(!pool.health.probeSucceeded(0, now: 4).isEmpty)
        // Without probes, only requests tell, and time.
        for _ in 0..<2 { _ = pool.health.probeFailed(1, .timedOut, now: 5) }
        #expect(pool.states == [.healthy, .unhealthy])
        #expect(pool.reload(ids: 0..<2, now: 6) { $0.health.probe = .none } == [])
        #expect(pool.health.nextWakeup != nil)
        let woken = pool.health.woken(now: pool.health.nextWakeup!)
        #expect(PoolHealthTests.words(woken) == ["1 unknown (\(PoolHealthEjectionTests.over))"])
    }

    @Test func ejectionsLiveOnAndGrow() {
        let rules = OutlierRules(consecutive5xx: 5, baseEjection: .seconds(30), maximumEjectedPercent: 50)
        let outliers: (inout Pool) -> Void = { $0.outliers = rules }
        var pool = Watched(4, outliers)
        _ = pool.health.failedInARow(1, .status5xx, count: 5, now: 0)
        #expect(pool.reload(ids: [1, 0, 2, 3], now: 1, outliers) == [])
        #expect(pool.health.isEjected(0) && pool.health.ejectedCount == 1 && pool.health.ejections(0)[0] == 1)
        #expect(pool.health.nextWakeup == 30 * Self.second)
        _ = pool.health.woken(now: 30 * Self.second)
        _ = pool.health.failedInARow(0, .status5xx, count: 5, now: 31 * Self.second)
        #expect(pool.health.state(0).words { "\($0 / Self.second)" }.hasPrefix("ejected until 91:"), "twice as long")
        // Without rules nobody is ejected; the workers must be told.
        let back = pool.reload(ids: [1, 0, 2, 3], now: 32 * Self.second) { $0.outliers = nil }
        #expect(back == ["0 healthy (the configuration has changed)"])
        #expect(pool.health.ejectedCount == 0 && pool.health.availableCount == 4)
    }

    @Test func theLastThatIsLeftComesBack() {
        let outliers: (inout Pool) -> Void = { $0.outliers = OutlierRules(consecutive5xx: 5) }
        var pool = Watched(2, outliers)
        _ = pool.health.failedInARow(1, .status5xx, count: 5, now: 0)
        let changes = pool.reload(ids: [1], now: 1, outliers)
        #expect(changes == ["0 healthy (no other endpoint of the pool is left)"])
    }

    @Test func retiredOnesCountForNothing() {
        var pool = Watched(3) { $0.panicThreshold = 60 }
        let census = Census(endpoints: [0, 1])
        #expect(pool.reload(ids: [2], now: 5, census: census) { $0.panicThreshold = 60 } == [])
        #expect(pool.states == [.healthy, .draining, .draining])
        #expect(pool.health.state(1).words { "\($0)" } == "draining (removed)")
        #expect(pool.health.isRetired(1) && !pool.health.isAvailable(1) && pool.health.since(1) == 5)
        #expect(pool.health.count == 1 && pool.health.availableCount == 1 && pool.health.weightedCount == 1)
        for endpoint in 1...2 {
            #expect(pool.health.probeFailed(endpoint, .timedOut, now: 6).isEmpty)
            #expect(pool.health.probeSucceeded(endpoint, now: 6).isEmpty)
            #expect(pool.health.connectFailed(endpoint, .timedOut, now: 6).isEmpty)
            #expect(pool.health.connectSucceeded(endpoint, now: 6).isEmpty)
            #expect(pool.health.failedInARow(endpoint, .status5xx, count: 9, now: 6).isEmpty)
            #expect(pool.health.setWeight(endpoint, 0, now: 6).isEmpty)
            #expect(pool.health.breakerChanged(.endpoint(endpoint), .closed, nil, now: 6).isEmpty)
        }
        // It lingers, goes on lingering, and is unknown when it is added again.
        let lingering = Census(endpoints: [1])
        #expect(pool.reload(ids: [2], now: 7, census: lingering) { $0.panicThreshold = 60 } == [])
        #expect(pool.health.since(1) == 5)
        #expect(pool.reload(ids: [2, 0], now: 8) == ["1 \(Self.joins)"])
        #expect(pool.states == [.healthy, .unknown])
    }

    @Test func weightsAndBreakersLiveOn() {
        let breaker: (inout Pool) -> Void = { $0.endpointBreaker = BreakerRules() }
        var pool = Watched(3, breaker)
        _ = pool.health.setWeight(0, 0, now: 1)
        _ = pool.health.setWeight(1, 7, now: 1)
        _ = pool.health.breakerChanged(.endpoint(2), .open(until: 99, openings: 1), .trialFailed, now: 1)
        #expect(pool.reload([.init(id: 2), .init(id: 1), .init(id: 0)], now: 2, breaker) == [])
        #expect((0..<3).map { pool.health.weight($0) } == [1, 7, 0])
        #expect(pool.health.weightedCount == 2)
        #expect(pool.health.breaker(0).kind == .open)
        let changes = pool.reload([.init(id: 2, weight: 0), .init(id: 1, weight: 2), .init(id: 0)], now: 3)
        #expect(changes == ["0 draining (the configuration has changed)"])
        #expect((0..<3).map { pool.health.weight($0) } == [0, 2, 0])
        #expect(pool.health.breaker(0).kind == .closed, "there is none any more")
    }

    @Test func intervalsAreNotPutOff() {
        let outliers: (inout Pool) -> Void = { $0.outliers = OutlierRules(interval: .seconds(10)) }
        var pool = Watched(2, outliers)
        for second in 1...9 {
            _ = pool.reload(ids: 0..<2 + second % 2, now: Int64(second) * Self.second, outliers)
            #expect(pool.health.nextInterval == 10 * Self.second)
        }
        _ = pool.reload(ids: 0..<2, now: 9 * Self.second) { $0.outliers = OutlierRules(interval: .milliseconds(500)) }
        #expect(pool.health.nextInterval == 9_500_000)
    }

    /// What an endpoint did before it was taken out is not held against its return, reload or not; and for what it does
    /// from then on it answers.
    @Test func whenAnEndpointCameBackIsRemembered() {
        let outliers: (inout Pool) -> Void = {
            $0.outliers = OutlierRules(
                successRateDeviations: 1.9, interval: .seconds(10), baseEjection: .seconds(1))
        }
        var pool = Watched(6, outliers)
        var volumes = Array(repeating: EndpointVolume(requests: 200, failures: 0), count: 6)
        volumes[2].failures = 200
        _ = pool.health.failedInARow(2, .status5xx, count: 5, now: 3 * Self.second)
        _ = pool.health.woken(now: 4 * Self.second)
        #expect(pool.health.isAvailable(2))
        #expect(pool.reload(ids: [1, 0, 2, 3, 4, 5], now: 5 * Self.second, outliers) == [])
        let first = pool.health.intervalEnded(volumes: volumes, now: 10 * Self.second)
        #expect(first.isEmpty, "it came back within the interval")
        #expect(pool.reload(ids: 0..<6, now: 15 * Self.second, outliers) == [])
        let second = pool.health.intervalEnded(volumes: volumes, now: 20 * Self.second)
        #expect(PoolHealthTests.words(second).count == 1 && pool.health.isEjected(2), "it was there all the time")
    }

    /// How far an endpoint is with its slow start is told the same before and after a reload; one that is new begins.
    @Test func slowStartsAreToldOn() {
        let ramp: (inout Pool) -> Void = { $0.slowStart = SlowStart(window: .seconds(10)) }
        var pool = Watched(3, ramp)
        #expect(pool.health.slowStartShare(0, now: 1) == nil, "the balancer has just begun")
        _ = pool.health.setWeight(0, 0, now: 100 * Self.second)
        #expect(pool.health.slowStartShare(0, now: 101 * Self.second) == nil, "it drains")
        _ = pool.health.setWeight(0, 1, now: 102 * Self.second)
        for _ in 0..<3 { _ = pool.health.probeFailed(1, .timedOut, now: 102 * Self.second) }
        for _ in 0..<2 { _ = pool.health.probeSucceeded(1, now: 104 * Self.second) }
        #expect(pool.reload(ids: [2, 1, 0, 3], now: 106 * Self.second, ramp) == ["3 \(Self.joins)"])
        #expect(pool.health.slowStartShare(3, now: 106 * Self.second) == nil, "it gets nothing yet")
        _ = pool.health.probeSucceeded(3, now: 106 * Self.second)
        let shares = (0..<4).map { pool.health.slowStartShare($0, now: 107 * Self.second) }
        #expect(shares == [nil, 0.3, 0.5, 0.1])
        #expect(pool.health.slowStartEnd(2) == 112 * Self.second)
        #expect(pool.health.slowStartShare(2, now: 112 * Self.second) == nil)
        // Another window is another share of the same time; without one there is none.
        #expect(
            pool.reload(ids: [2, 1, 0, 3], now: 107 * Self.second) { $0.slowStart = SlowStart(window: .seconds(20)) }
                == [])
        #expect(pool.health.slowStartShare(1, now: 107 * Self.second) == 0.15)
        #expect(pool.reload(ids: [2, 1, 0, 3], now: 107 * Self.second) == [])
        #expect(pool.health.slowStartShare(1, now: 107 * Self.second) == nil)
    }
}
