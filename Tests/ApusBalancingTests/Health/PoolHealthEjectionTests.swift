import ApusBalancing
import ApusModel
import Testing

/// Who is ejected from a pool, for how long, and who never is, by exact sequences.
@Suite struct PoolHealthEjectionTests {
    let second = PoolHealthTests.second
    static let over = "its time out of service is over, and requests will tell"

    func words(_ changes: [HealthChange]) -> [String] { PoolHealthTests.words(changes) }

    @Test func failuresInARowEject() {
        var health = PoolHealthTests.up(4)
        let changes = health.failedInARow(1, .status5xx, count: 5, now: 2 * second)
        #expect(words(changes) == ["1 ejected until 32s: 5 consecutive 5xx (5 consecutive 5xx)"])
        #expect(!health.isAvailable(1) && health.isEjected(1) && health.ejectedCount == 1)
        #expect(health.failedInARow(1, .status5xx, count: 5, now: 3 * second).isEmpty, "it is out already")
        #expect(health.deniedEjections == 0)
        #expect(health.nextWakeup == 32 * second)
        #expect(health.woken(now: 32 * second - 1).isEmpty)
        #expect(words(health.woken(now: 32 * second)) == ["1 healthy (\(Self.over))"])
        #expect(health.isAvailable(1) && health.ejectedCount == 0 && health.nextWakeup == nil)
        #expect(words(health.failedInARow(1, .gatewayError, count: 3, now: 33 * second))[0].contains("gateway"))
        #expect(health.ejections(1) == [1, 1, 0, 0, 0])
    }

    /// The cap is for pools that would lose what they serve with: a backup that is well takes over.
    @Test(arguments: [([2], [:]), ([], [2: 1])] as [(Set<Int>, [Int: Int])])
    func whereAReserveIsWellAllOfItsPrimariesMayBeEjected(backups: Set<Int>, tiers: [Int: Int]) {
        var health = PoolHealthTests.pool([1, 1, 1], backups: backups, tiers: tiers)
        for endpoint in 0..<3 { _ = health.probeSucceeded(endpoint, now: 0) }
        for endpoint in 0..<2 {
            #expect(!health.failedInARow(endpoint, .timeout, count: 5, now: second).isEmpty)
        }
        #expect(health.ejectedCount == 2 && health.deniedEjections == 0)
        #expect(health.failedInARow(2, .timeout, count: 5, now: second).isEmpty, "the last is never")
        // One that is no reserve of another's is capped as before.
        var other = PoolHealthTests.pool([1, 1, 1], backups: backups, tiers: tiers)
        for endpoint in 0..<3 { _ = other.probeSucceeded(endpoint, now: 0) }
        for _ in 0..<3 { _ = other.probeFailed(2, .timedOut, now: second) }
        #expect(!other.failedInARow(0, .timeout, count: 5, now: second).isEmpty)
        #expect(other.failedInARow(1, .timeout, count: 5, now: second).isEmpty)
    }

    @Test func withoutRulesNothingEjects() {
        var health = PoolHealthTests.up(4, outliers: nil)
        #expect(health.nextInterval == nil)
        #expect(health.failedInARow(0, .status5xx, count: 5, now: 1).isEmpty)
        #expect(health.intervalEnded(volumes: Array(repeating: EndpointVolume(), count: 4), now: 1).isEmpty)
    }

    @Test func ejectionsGrowAndShrink() {
        var health = PoolHealthTests.up(4)
        var now: Int64 = 0
        func eject() -> Int64 {
            _ = health.failedInARow(0, .status5xx, count: 5, now: now)
            guard case .ejected(let until, _) = health.state(0) else { return 0 }
            let length = (until - now) / second
            now = until
            _ = health.woken(now: now)
            return length
        }
        #expect((0..<12).map { _ in eject() } == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])

        func interval() {
            now += 10 * second
            _ = health.intervalEnded(volumes: Array(repeating: EndpointVolume(), count: 4), now: now)
        }
        interval()
        #expect(eject() == 300, "the first interval began before it was back")
        interval()
        for _ in 0..<4 { interval() }
        #expect(eject() == 210, "ten, less the four intervals in service from beginning to end, and one")
        for _ in 0..<20 { interval() }
        #expect(eject() == 30)
    }

    @Test(arguments: [
        (50, 2, 1), (50, 3, 1), (50, 4, 2), (50, 5, 2), (10, 4, 1), (0, 4, 1), (100, 4, 3), (50, 1, 0), (34, 3, 1),
        (67, 3, 2),
    ])
    func theCapHolds(percent: Int, count: Int, ejected: Int) {
        var health = PoolHealthTests.up(count, outliers: OutlierRules(maximumEjectedPercent: percent))
        for endpoint in 0..<count { _ = health.failedInARow(endpoint, .status5xx, count: 5, now: 1) }
        #expect(health.ejectedCount == ejected)
        #expect(health.deniedEjections == count - ejected)
        #expect(health.availableCount == count - ejected)
    }

    @Test func theLastThatRequestsCanGoToIsNeverEjected() {
        var health = PoolHealthTests.up(4, outliers: OutlierRules(maximumEjectedPercent: 100))
        _ = PoolHealthTests.takeDown(&health, 0, now: 1)
        _ = health.setWeight(1, 0, now: 1)
        #expect(health.failedInARow(2, .status5xx, count: 5, now: 2).count == 1)
        #expect(health.failedInARow(3, .status5xx, count: 5, now: 3).isEmpty, "1 drains: it takes no new requests")
        #expect(health.isAvailable(3))
    }

    @Test func ejectionsEndWhenNothingElseIsLeft() {
        var health = PoolHealthTests.up(3)
        _ = health.failedInARow(0, .status5xx, count: 5, now: 1)
        _ = PoolHealthTests.takeDown(&health, 1, now: 2)
        let changes = PoolHealthTests.takeDown(&health, 2, now: 3)
        #expect(
            words(changes) == [
                "2 unhealthy: 3 of 3 probes failed: timed out (3 of 3 probes failed: timed out)",
                "0 healthy (no other endpoint of the pool is left)",
            ])
        #expect(health.isAvailable(0) && health.ejectedCount == 0 && health.availableCount == 1)
        #expect(health.failedInARow(0, .status5xx, count: 5, now: 4).isEmpty, "and stays")
    }

    @Test func drainingTheOthersEndsEjectionsToo() {
        var health = PoolHealthTests.up(2)
        _ = health.failedInARow(0, .status5xx, count: 5, now: 1)
        #expect(
            words(health.setWeight(1, 0, now: 2)) == [
                "1 draining (weight 0)", "0 healthy (no other endpoint of the pool is left)",
            ])
    }

    @Test func anEjectedEndpointCanGoDownBesides() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .status5xx, count: 5, now: 0)
        let down = PoolHealthTests.takeDown(&health, 0, now: second)
        guard case .endpoint(let change) = down[0] else { return }
        #expect(change.before.kind == .ejected && change.after.kind == .unhealthy && !change.changesAvailability)
        #expect(health.woken(now: 30 * second).isEmpty, "the ejection is over, and it is still down")
        #expect(health.state(0).kind == .unhealthy && health.ejectedCount == 0)
        #expect(health.failedInARow(0, .status5xx, count: 5, now: 31 * second).isEmpty, "it is out already")
    }

    @Test func probesThatPassDoNotEndAnEjectionByThemselves() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .status5xx, count: 5, now: 0)
        for now in Int64(1)...10 { #expect(health.probeSucceeded(0, now: now).isEmpty) }
        _ = PoolHealthTests.takeDown(&health, 0, now: 11)
        _ = health.probeSucceeded(0, now: 12)
        let back = health.probeSucceeded(0, now: 13)
        #expect(words(back) == ["0 healthy (2 of 2 probes passed)"], "they have seen the fault since")
    }

    @Test func probesEndItEarlyWhereThatIsWanted() {
        var health = PoolHealthTests.up(4, outliers: OutlierRules(returnsOnProbe: true))
        _ = health.failedInARow(0, .status5xx, count: 5, now: 0)
        #expect(health.probeSucceeded(0, now: 1).isEmpty)
        #expect(health.probeFailed(0, .timedOut, now: 2).isEmpty, "in a row")
        #expect(health.probeSucceeded(0, now: 3).isEmpty)
        #expect(words(health.probeSucceeded(0, now: 4)) == ["0 healthy (2 of 2 probes passed)"])
        #expect(health.ejectedCount == 0)
        #expect(health.woken(now: 30 * second).isEmpty)
        _ = health.failedInARow(0, .status5xx, count: 5, now: 31 * second)
        guard case .ejected(let until, _) = health.state(0) else { return }
        #expect(until == 91 * second, "the second one is longer, however the first ended")
    }

    /// A probe that has failed during the ejection asks what went wrong; one that never did may not.
    @Test func probesThatSawTheFaultSeeItsEnd() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .gatewayError, count: 5, now: 0)
        for now in Int64(1)...9 { #expect(health.probeSucceeded(0, now: now).isEmpty, "it connects, as all the time") }
        #expect(health.probeFailed(0, .timedOut, now: 10).isEmpty)
        #expect(health.probeSucceeded(0, now: 11).isEmpty)
        #expect(words(health.probeSucceeded(0, now: 12)) == ["0 healthy (2 of 2 probes passed)"])
        #expect(health.ejectedCount == 0)
    }

    @Test func whoAnswersAgainDidNotHang() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .timeout, count: 5, now: 0)
        _ = health.failedInARow(1, .gatewayError, count: 5, now: 0)
        #expect(words(health.answersAgain(0, now: 1)) == ["0 healthy (it answers again)"])
        #expect(health.answersAgain(0, now: 2).isEmpty && health.answersAgain(2, now: 2).isEmpty)
        #expect(health.answersAgain(1, now: 2).isEmpty, "its answers were bad, not late")
        #expect(health.isEjected(1) && health.ejectedCount == 1)
    }

    /// Where a connection is all that is checked, a request is asked of who is ejected.
    @Test func whatTheEjectedIsAskedSeesTheFaultAndItsEnd() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .gatewayError, count: 5, now: 0)
        for now in Int64(1)...9 { #expect(health.askFailed(0, .timedOut, now: now).isEmpty, "it connects") }
        #expect(health.isUp(0) && health.isEjected(0))
        #expect(health.probeSucceeded(0, now: 11).isEmpty)
        #expect(health.askFailed(0, .connectionReset, now: 12).isEmpty)
        #expect(health.probeSucceeded(0, now: 13).isEmpty)
        #expect(health.askFailed(0, .late, now: 14).isEmpty, "that says nothing")
        #expect(words(health.probeSucceeded(0, now: 15)) == ["0 healthy (2 of 2 probes passed)"])
        _ = health.failedInARow(1, .gatewayError, count: 5, now: 20)
        for now in Int64(21)...23 { _ = health.askFailed(1, .connectionRefused, now: now) }
        #expect(!health.isUp(1), "there is no connection either")
    }

    /// What this machine lacks for a probe shows neither the fault nor that it is over.
    @Test(arguments: Shortage.allCases)
    func aWantOfThisMachineIsNoFaultThatProbesSee(shortage: Shortage) {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .status5xx, count: 5, now: 0)
        #expect(health.askFailed(0, .shortage(shortage), now: 1).isEmpty)
        #expect(health.probeFailed(0, .shortage(shortage), now: 2).isEmpty)
        for now in Int64(3)...12 { #expect(health.probeSucceeded(0, now: now).isEmpty) }
        #expect(health.isEjected(0))
    }

    /// It may have been slow with some requests: that it answers is enough. One that comes and goes must answer for longer each
    /// time, so that it does not do so each second.
    @Test func whoWasLateReturnsWhenItAnswers() {
        var health = PoolHealthTests.up(4)
        var now: Int64 = 0
        for time in 1...4 {
            now += second
            _ = health.failedInARow(0, .timeout, count: 5, now: now)
            for _ in 1..<(2 * time) { #expect(health.probeSucceeded(0, now: now).isEmpty) }
            #expect(words(health.probeSucceeded(0, now: now)).count == 1 && !health.isEjected(0))
        }
        // What was nothing does not count.
        now += second
        _ = health.failedInARow(0, .timeout, count: 5, now: now)
        _ = health.answersAgain(0, now: now)
        _ = health.failedInARow(0, .timeout, count: 5, now: now)
        guard case .ejected(let until, _) = health.state(0) else { return #expect(Bool(false), "not ejected") }
        #expect(until - now == 150 * second)
    }

    /// It would cost a few requests once more. What never answered what it was asked is not known to fail at it.
    @Test func anEjectionGoesOnWhileTheFaultIsSeen() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .gatewayError, count: 5, now: 0)
        _ = health.askFailed(0, .timedOut, now: 29 * second)
        #expect(words(health.woken(now: 30 * second)) == ["0 healthy (\(Self.over))"])
        _ = health.failedInARow(0, .gatewayError, count: 5, now: 31 * second)
        #expect(health.probeSucceeded(0, now: 32 * second).isEmpty, "no probe has failed")
        _ = health.askFailed(0, .timedOut, now: 33 * second)
        guard case .endpoint(let change) = health.woken(now: 91 * second).first else {
            return #expect(Bool(false), "nothing has changed")
        }
        #expect(change.isExtension && !change.changesAvailability && health.since(0) == 31 * second)
        #expect(health.isEjected(0) && health.nextWakeup == 121 * second && health.ejections(0) == [0, 2, 0, 0, 0])
        for now in stride(from: 121 * second, to: 331 * second, by: Int(30 * second)) {
            #expect(health.woken(now: now).count == 1 && health.isEjected(0))
        }
        // As long as an ejection may be, and no longer.
        #expect(words(health.woken(now: 331 * second)) == ["0 healthy (\(Self.over))"])
    }

    /// One that has answered while it was well, and was asked no more then, is known not to answer when it hangs.
    @Test func whatTheWellAnswerIsMissedLater() {
        var health = PoolHealthTests.pool([1, 1, 1, 1])
        #expect((0..<4).allSatisfy { health.isToBeAsked($0) })
        #expect(words(health.askSucceeded(0, now: 0)) == ["0 healthy (a probe passed)"])
        #expect(!health.isToBeAsked(0) && health.isToBeAsked(1))
        for endpoint in 1..<4 { _ = health.probeSucceeded(endpoint, now: 0) }
        _ = health.failedInARow(0, .timeout, count: 5, now: second)
        #expect(health.isToBeAsked(0))
        _ = health.askFailed(0, .timedOut, now: 2 * second)
        #expect(health.woken(now: 31 * second).count == 1 && health.isEjected(0), "it goes on")
    }

    /// What answers nothing may be no HTTP at all, or answer something else: it is asked three times and counts for nothing.
    @Test func whoNeverAnsweredIsAskedNoMore() {
        var health = PoolHealthTests.pool([1, 1, 1, 1])
        #expect(words(health.askFailed(0, .timedOut, now: 0)) == ["0 healthy (a probe passed)"], "it connects")
        #expect(health.askFailed(0, .shortage(.descriptors), now: 1).isEmpty)
        #expect(health.askFailed(0, .late, now: 1).isEmpty)
        for now in Int64(1)...2 {
            #expect(health.isToBeAsked(0))
            #expect(health.askFailed(0, .status(502), now: now).isEmpty)
        }
        #expect(!health.isToBeAsked(0) && health.isUp(0))
        // Too little time to connect: that there is a connection is seen first.
        #expect(health.askFailed(1, .connectTimedOut, now: 3).isEmpty && !health.isToBeAsked(1))
        _ = health.probeSucceeded(1, now: 4)
        #expect(health.isToBeAsked(1))
        for now in Int64(5)...7 { _ = health.askFailed(2, .connectionRefused, now: now) }
        #expect(health.state(2).kind == .unhealthy, "that is the check's own failure")
        #expect(!health.isToBeAsked(2), "it would be back later")
        #expect(!PoolHealthTests.pool([1], outliers: nil).isToBeAsked(0), "nobody is ejected")
        #expect(!PoolHealthTests.pool([1], check: HealthCheck(port: 81)).isToBeAsked(0), "that port may speak anything")
    }

    /// One good answer behind a bad one does not have it come and go.
    @Test func whatProbesSawCountsForOneEjection() {
        var health = PoolHealthTests.up(4)
        _ = health.failedInARow(0, .gatewayError, count: 5, now: 0)
        _ = health.askFailed(0, .timedOut, now: second)
        _ = health.probeSucceeded(0, now: 2 * second)
        #expect(words(health.probeSucceeded(0, now: 3 * second)) == ["0 healthy (2 of 2 probes passed)"])
        _ = health.failedInARow(0, .gatewayError, count: 5, now: 4 * second)
        for now in Int64(5)...63 { #expect(health.probeSucceeded(0, now: now * second).isEmpty) }
        #expect(words(health.woken(now: 64 * second)) == ["0 healthy (\(Self.over))"])
    }

    // MARK: - Intervals

    @Test func outliersOfAnIntervalAreEjectedTheWorstFirst() {
        var health = PoolHealthTests.up(10, outliers: OutlierRules(successRateDeviations: 1, maximumEjectedPercent: 10))
        var volumes = Array(repeating: EndpointVolume(requests: 200, failures: 0), count: 10)
        volumes[3].failures = 100
        volumes[8].failures = 120
        #expect(health.nextInterval == 10 * second)
        let changes = health.intervalEnded(volumes: volumes, now: 10 * second + 5)
        #expect(words(changes).count == 1 && words(changes)[0].hasPrefix("8 ejected until 40s: 40% of its requests"))
        #expect(health.deniedEjections == 1 && health.isAvailable(3))
        #expect(health.nextInterval == 20 * second, "from when it was due")
        _ = health.intervalEnded(volumes: volumes, now: 55 * second)
        #expect(health.nextInterval == 65 * second, "after a standstill from now")
    }

    @Test func whoIsOutIsNotCompared() {
        var health = PoolHealthTests.up(
            6, outliers: OutlierRules(successRateDeviations: 1.9, maximumEjectedPercent: 100))
        _ = health.failedInARow(0, .status5xx, count: 5, now: 0)
        _ = PoolHealthTests.takeDown(&health, 1, now: 0)
        var volumes = Array(repeating: EndpointVolume(requests: 200, failures: 0), count: 6)
        volumes[2].failures = 200
        #expect(health.intervalEnded(volumes: volumes, now: 10 * second).isEmpty, "four are too few")
    }

    @Test func whatWasDoneBeforeIsNotHeldAgainstTheReturn() {
        var health = PoolHealthTests.up(
            6, outliers: OutlierRules(successRateDeviations: 1.9, interval: .seconds(10), baseEjection: .seconds(1)))
        var volumes = Array(repeating: EndpointVolume(requests: 200, failures: 0), count: 6)
        volumes[2].failures = 200
        _ = health.failedInARow(2, .status5xx, count: 5, now: 3 * second)
        _ = health.woken(now: 4 * second)
        #expect(health.isAvailable(2))
        #expect(health.intervalEnded(volumes: volumes, now: 10 * second).isEmpty)
        #expect(health.intervalEnded(volumes: volumes, now: 20 * second).count == 1)
    }
}
