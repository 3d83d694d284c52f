import ApusAddresses
import ApusBalancing
import ApusModel
import Testing

/// The health of a pool: probes, weights, breakers and panic, by exact sequences.
@Suite struct PoolHealthTests {
    static let second: Int64 = 1_000_000

    /// The health of a pool of endpoints with these weights.
    static func pool(
        _ weights: [Int], outliers: OutlierRules? = OutlierRules(), panic: Int = 0,
        check: HealthCheck = HealthCheck(probe: .tcp, rise: 2, fall: 3), backups: Set<Int> = [], tiers: [Int: Int] = [:]
    ) -> PoolHealth {
        let address = SocketAddress("127.0.0.1:80")!
        let snapshot = Snapshot(
            workers: 1, listeners: [], routes: [],
            pools: [
                Pool(
                    name: "web", health: check, outliers: outliers, panicThreshold: panic, endpoints: 0..<weights.count)
            ],
            endpoints: weights.enumerated().map {
                Endpoint(
                    name: "\($0.offset)", address: address, weight: $0.element, pool: 0,
                    tier: tiers[$0.offset] ?? 0, isBackup: backups.contains($0.offset))
            })
        return PoolHealth(pool: 0, of: snapshot, now: 0)
    }

    /// A pool of `count` endpoints whose probes have found them up.
    static func up(
        _ count: Int, outliers: OutlierRules? = OutlierRules(), panic: Int = 0,
        check: HealthCheck = HealthCheck(probe: .tcp, rise: 2, fall: 3)
    ) -> PoolHealth {
        var health = pool(Array(repeating: 1, count: count), outliers: outliers, panic: panic, check: check)
        for endpoint in 0..<count { _ = health.probeSucceeded(endpoint, now: 0) }
        return health
    }

    /// The changes of endpoints as people read them: `0 healthy -> unhealthy: ... (cause)`.
    static func words(_ changes: [HealthChange]) -> [String] {
        func clock(_ time: Int64) -> String { "\(time / second)s" }
        return changes.map { change in
            switch change {
            case .endpoint(let change): "\(change.endpoint) \(change.after.words(clock: clock)) (\(change.cause))"
            case .breaker(let change): "\(change.owner) \(change.after.words(now: .min, clock: clock))"
            case .panic(let change): "panic \(change.isPanicking) \(change.available)/\(change.total)"
            }
        }
    }

    func words(_ changes: [HealthChange]) -> [String] { Self.words(changes) }

    static func takeDown(_ health: inout PoolHealth, _ endpoint: Int, now: Int64) -> [HealthChange] {
        (0..<3).flatMap { _ in health.probeFailed(endpoint, .timedOut, now: now) }
    }

    // MARK: - Probes and weights

    @Test func everyEndpointBeginsUnknownAndAvailable() {
        let health = Self.pool([1, 0])
        #expect(health.state(0) == .unknown && health.state(1) == .draining)
        #expect(health.isAvailable(0) && health.isAvailable(1) && health.availableCount == 2)
        #expect(health.nextWakeup == nil && health.since(0) == 0)
    }

    @Test func probesTakeDownAndBringBack() {
        var health = Self.pool([1, 1])
        #expect(words(health.probeSucceeded(0, now: 1)) == ["0 healthy (a probe passed)"])
        #expect(health.probeFailed(0, .connectionRefused, now: 2).isEmpty)
        #expect(health.probeFailed(0, .connectionRefused, now: 3).isEmpty)
        let down = health.probeFailed(0, .connectionRefused, now: 4)
        #expect(
            words(down) == [
                "0 unhealthy: 3 of 3 probes failed: connection refused (3 of 3 probes failed: connection refused)"
            ])
        guard case .endpoint(let change) = down[0] else { return }
        #expect(change.before == .healthy && change.wasAvailable && !change.isAvailable && change.changesAvailability)
        #expect(!health.isAvailable(0) && health.availableCount == 1 && health.since(0) == 4)
        #expect(health.probeSucceeded(0, now: 5).isEmpty)
        #expect(words(health.probeSucceeded(0, now: 6)) == ["0 healthy (2 of 2 probes passed)"])
        #expect(health.availableCount == 2)
    }

    @Test func connectFailuresCount() {
        var health = Self.up(2)
        for now in Int64(1)...2 { #expect(health.connectFailed(0, .connectionRefused, now: now).isEmpty) }
        #expect(health.connectSucceeded(0, now: 3).isEmpty)
        for now in Int64(4)...5 { #expect(health.connectFailed(0, .connectionRefused, now: now).isEmpty) }
        #expect(health.connectFailed(0, .connectionRefused, now: 6).count == 1)
    }

    @Test func withoutProbesItReturnsInTimeAndAConnectionMakesItHealthy() {
        var health = Self.pool([1, 1], check: HealthCheck(probe: .none, interval: .seconds(5), fall: 3))
        for now in Int64(1)...3 { _ = health.connectFailed(1, .unreachable, now: now) }
        #expect(health.nextWakeup == 5_000_003)
        #expect(health.woken(now: 5_000_002).isEmpty)
        #expect(words(health.woken(now: 5_000_003)) == ["1 unknown (\(PoolHealthEjectionTests.over))"])
        #expect(health.nextWakeup == nil)
        #expect(words(health.connectSucceeded(1, now: 5_000_004)) == ["1 healthy (a request connected)"])
    }

    @Test func weightZeroDrains() {
        var health = Self.up(2)
        let drained = health.setWeight(0, 0, now: 7)
        #expect(words(drained) == ["0 draining (weight 0)"])
        #expect(health.isAvailable(0), "its sessions go on")
        #expect(health.setWeight(1, 5, now: 8).isEmpty, "another weight is no other state")
        #expect(Self.takeDown(&health, 0, now: 9).count == 1, "a drained endpoint can fail")
        #expect(health.state(0).kind == .unhealthy)
        #expect(words(health.setWeight(0, 3, now: 10)) == [])
        _ = health.probeSucceeded(0, now: 11)
        #expect(words(health.probeSucceeded(0, now: 12)) == ["0 healthy (2 of 2 probes passed)"])
    }

    // MARK: - Panic

    @Test func panicBeginsBelowTheThresholdAndEndsAtIt() {
        var health = Self.up(4, panic: 50)
        _ = Self.takeDown(&health, 0, now: 1)
        _ = Self.takeDown(&health, 1, now: 2)
        #expect(!health.isPanicking, "two of four are not below half")
        let third = Self.takeDown(&health, 2, now: 3)
        #expect(words(third).last == "panic true 1/4" && third.count == 2 && health.isPanicking)
        #expect(Self.takeDown(&health, 3, now: 4).count == 1, "said once")
        _ = health.probeSucceeded(0, now: 5)
        #expect(health.probeSucceeded(0, now: 6).count == 1)
        _ = health.probeSucceeded(1, now: 7)
        #expect(words(health.probeSucceeded(1, now: 8)).last == "panic false 2/4")
        #expect(!health.isPanicking)
    }

    @Test func endpointsThatDrainDoNotCountForPanic() {
        var health = Self.up(4, panic: 60)
        _ = Self.takeDown(&health, 0, now: 1)
        #expect(words(health.setWeight(1, 0, now: 2)) == ["1 draining (weight 0)"], "two of three")
        #expect(words(Self.takeDown(&health, 2, now: 3)).last == "panic true 1/3")
        _ = health.setWeight(0, 0, now: 4)
        #expect(words(health.setWeight(2, 0, now: 5)) == ["panic false 1/1"], "those that are down may drain, too")
    }

    // MARK: - Breakers

    @Test func theFirstReportOfABreakerCounts() {
        var health = Self.up(2)
        let cause = BreakerCause.failures(failed: 12, total: 20)
        func report(_ state: BreakerState, _ now: Int64, _ cause: BreakerCause? = nil) -> [String] {
            words(health.breakerChanged(.endpoint(1), state, cause, now: now))
        }
        let opened = report(.open(until: 5 * Self.second, openings: 1), 1, cause)
        #expect(opened == ["endpoint(1) breaker open until 5s: 12 of 20 requests failed"])
        #expect(report(.open(until: 4 * Self.second, openings: 1), 2, cause).isEmpty, "another worker saw it too")
        // Nobody has asked since its time was up.
        #expect(
            health.breaker(1).words(now: 5 * Self.second, clock: { "\($0 / Self.second)s" })
                == "breaker open, the next request tries again (since 5s): 12 of 20 requests failed")
        let extended = health.breakerChanged(.endpoint(1), .open(until: 6 * Self.second, openings: 1), cause, now: 3)
        guard case .breaker(let change)? = extended.first else {
            Issue.record("the later end holds")
            return
        }
        #expect(change.isExtension && change.after.state == .open(until: 6 * Self.second, openings: 1))
        #expect(change.after.openings == 1 && change.after.changedAt == 1)
        #expect(report(.closed, 3).isEmpty, "cannot follow: its worker has not heard yet")
        #expect(report(.halfOpen(openings: 1), 5 * Self.second) == ["endpoint(1) breaker half-open"])
        #expect(report(.halfOpen(openings: 1), 5 * Self.second).isEmpty)
        #expect(report(.open(until: 7 * Self.second, openings: 1), 5 * Self.second, cause).isEmpty, "late")
        #expect(report(.open(until: 15 * Self.second, openings: 2), 5 * Self.second, .trialFailed).count == 1)
        #expect(report(.halfOpen(openings: 1), 6 * Self.second).isEmpty, "late")
        #expect(report(.closed, 15 * Self.second) == ["endpoint(1) breaker closed"], "half-open unsaid")
        #expect(report(.halfOpen(openings: 2), 16 * Self.second).isEmpty)
        #expect(health.breaker(1).openings == 2 && health.breaker(1).cause == nil)
        #expect(health.breaker(0) == BreakerStatus() && health.poolBreaker == BreakerStatus())
        #expect(health.isAvailable(1), "breakers are the workers'")
        #expect(words(health.breakerChanged(.pool, .open(until: 1, openings: 1), nil, now: 0)).count == 1)
        #expect(health.poolBreaker.kind == .open)
    }
}
