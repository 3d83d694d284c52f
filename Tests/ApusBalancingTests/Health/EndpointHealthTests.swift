import ApusBalancing
import ApusModel
import Testing

@Suite struct EndpointHealthTests {
    static let check = HealthCheck(probe: .http(path: "/"), interval: .seconds(5), rise: 2, fall: 3)
    static let unprobed = HealthCheck(probe: .none, interval: .seconds(5), rise: 2, fall: 3)

    static func upEndpoint(_ check: HealthCheck = check) -> EndpointHealth {
        var health = EndpointHealth(check)
        _ = health.probeSucceeded(now: 0)
        return health
    }

    @Test func unknownServesAndHasTheBenefitOfTheDoubt() {
        var good = EndpointHealth(Self.check)
        #expect(good.isAvailable && good.description == "unknown" && good.changedAt == nil)
        #expect(good.probeSucceeded(now: 7) == .becameUp)
        #expect(good.isAvailable && good.description == "healthy" && good.changedAt == 7)

        var bad = EndpointHealth(Self.check)
        #expect(bad.probeFailed(now: 6, .status(503)) == nil)
        #expect(bad.connectFailed(now: 7, .connectionRefused) == nil)
        #expect(bad.isAvailable)
        let transition = bad.probeFailed(now: 8, .status(503))
        #expect(transition?.isAvailable == false)
        #expect(
            bad.description == "unhealthy: 3 of 3 probes and connects failed: status 503, expected 200-399")
        #expect(bad.changedAt == 8)
    }

    /// One probe is enough for an origin that started a little later than Apus.
    @Test func theFirstProbeThatPassesBringsUpWhatNeverWasUp() {
        var health = EndpointHealth(Self.check)
        for now in Int64(1)...3 { _ = health.probeFailed(now: now, .connectionRefused) }
        #expect(!health.isAvailable && !health.hasPassed)
        #expect(health.probeSucceeded(now: 4) == .becameUp)
        for now in Int64(5)...7 { _ = health.probeFailed(now: now, .connectionRefused) }
        #expect(health.probeSucceeded(now: 8) == nil)
        #expect(health.probeSucceeded(now: 9) == .becameUp)
    }

    @Test func oneThatJoinsWaitsForAProbe() {
        var good = EndpointHealth(Self.check, isJoining: true)
        #expect(!good.isAvailable)
        #expect(good.probeFailed(now: 1, .timedOut) == nil && !good.isAvailable)
        #expect(good.probeSucceeded(now: 2) == .becameUp)

        var bad = EndpointHealth(Self.check, isJoining: true)
        for now in Int64(1)...2 { #expect(bad.probeFailed(now: now, .timedOut) == nil) }
        #expect(bad.probeFailed(now: 3, .timedOut)?.isAvailable == false)
        #expect(bad.description == "unhealthy: 3 of 3 probes failed: timed out")
        #expect(EndpointHealth(Self.unprobed, isJoining: true).isAvailable)
    }

    @Test func whatApusWasLateWithCountsForNothing() {
        var health = Self.upEndpoint()
        for now in Int64(1)...20 { #expect(health.probeFailed(now: now, .late) == nil) }
        #expect(health.probeFailed(now: 21, .timedOut) == nil && health.probeFailed(now: 22, .timedOut) == nil)
        #expect(health.probeFailed(now: 23, .late) == nil && health.isAvailable)
        #expect(health.probeFailed(now: 24, .timedOut) != nil)
        #expect(health.probeSucceeded(now: 25) == nil)
        #expect(health.probeFailed(now: 26, .late) == nil)
        #expect(health.probeSucceeded(now: 27) == .becameUp)
    }

    @Test func fallsAfterThreeInARow() {
        var health = Self.upEndpoint()
        #expect(health.probeFailed(now: 1, .connectionRefused) == nil)
        #expect(health.probeFailed(now: 2, .connectionRefused) == nil)
        #expect(health.probeSucceeded(now: 3) == nil)
        #expect(health.probeFailed(now: 4, .timedOut) == nil)
        #expect(health.probeFailed(now: 5, .timedOut) == nil)
        #expect(health.isAvailable)
        guard case .becameDown(let cause) = health.probeFailed(now: 6, .connectionRefused) else {
            Issue.record("three failures in a row take it down")
            return
        }
        #expect(cause.description == "3 of 3 probes failed: connection refused")
        #expect(health.description == "unhealthy: 3 of 3 probes failed: connection refused")
        #expect(health.probeFailed(now: 7, .timedOut) == nil, "said once")
        #expect(health.changedAt == 6)
    }

    @Test func risesAfterTwoInARow() {
        var health = Self.upEndpoint()
        for _ in 0..<3 { _ = health.probeFailed(now: 0, .timedOut) }
        #expect(health.probeSucceeded(now: 1) == nil)
        #expect(health.probeFailed(now: 2, .timedOut) == nil)
        #expect(health.probeSucceeded(now: 3) == nil)
        #expect(!health.isAvailable)
        #expect(health.probeSucceeded(now: 4) == .becameUp)
        #expect(health.probeSucceeded(now: 5) == nil, "said once")
    }

    @Test func connectFailuresCountAtOnceTogetherWithProbes() {
        var health = Self.upEndpoint()
        #expect(health.probeFailed(now: 1, .timedOut) == nil)
        #expect(health.connectFailed(now: 2, .connectTimedOut) == nil)
        #expect(health.connectFailed(now: 3, .connectionRefused) != nil)
        #expect(health.description == "unhealthy: 3 of 3 probes and connects failed: connection refused")
        #expect(health.nextWakeup == nil, "probes bring it back")
    }

    @Test func aConnectionTakesBackConnectFailuresOnly() {
        var health = Self.upEndpoint()
        for now in Int64(0)..<20 {
            #expect(health.connectFailed(now: now, .connectionRefused) == nil)
            #expect(health.connectSucceeded(now: now) == nil)
        }
        for now in Int64(20)..<22 {
            #expect(health.probeFailed(now: now, .status(500)) == nil)
            #expect(health.connectSucceeded(now: now) == nil)
        }
        #expect(health.probeFailed(now: 22, .status(500)) != nil)
    }

    @Test func requestsNeitherRaiseNorHoldBackWhatIsProbed() {
        var health = Self.upEndpoint()
        for _ in 0..<3 { _ = health.probeFailed(now: 0, .timedOut) }
        #expect(health.connectSucceeded(now: 1) == nil)
        #expect(!health.isAvailable)
        #expect(health.probeSucceeded(now: 2) == nil)
        #expect(health.connectFailed(now: 3, .connectTimedOut) == nil, "began before it was down")
        #expect(health.probeSucceeded(now: 4) == .becameUp)
    }

    @Test func withoutProbesItFallsByConnectsAndReturnsInTime() {
        var health = EndpointHealth(Self.unprobed)
        #expect(health.connectFailed(now: 1, .connectionRefused) == nil)
        #expect(health.connectFailed(now: 2, .connectionRefused) == nil)
        #expect(health.nextWakeup == nil)
        #expect(health.connectFailed(now: 3, .connectionRefused) != nil)
        #expect(health.description == "unhealthy: 3 of 3 connects failed: connection refused")
        #expect(health.nextWakeup == 5_000_003)
        #expect(health.woken(now: 5_000_002) == nil)
        #expect(health.woken(now: 5_000_003) == .becameUnknown)
        #expect(health.isAvailable && health.description == "unknown" && health.nextWakeup == nil)
        #expect(health.woken(now: 5_000_004) == nil, "said once")

        #expect(health.connectFailed(now: 5_000_010, .connectTimedOut) != nil, "one more is enough")
        #expect(health.description == "unhealthy: 3 of 3 connects failed: connect timed out")
        #expect(health.woken(now: 10_000_010) == .becameUnknown)
        #expect(health.connectSucceeded(now: 10_000_020) == .becameUp)
        #expect(health.connectFailed(now: 10_000_030, .connectionRefused) == nil, "all three count again")
    }

    @Test func withoutProbesAConnectionThatSucceedsBringsItUp() {
        var health = EndpointHealth(Self.unprobed)
        for now in Int64(1)...3 { _ = health.connectFailed(now: now, .unreachable) }
        #expect(health.connectSucceeded(now: 4) == .becameUp)
        #expect(health.nextWakeup == nil)
    }

    /// What this machine lacks is not the endpoint's fault, and says nothing for it either.
    @Test(arguments: Shortage.allCases)
    func whatThisMachineLacksNeverCounts(shortage: Shortage) {
        var health = EndpointHealth(HealthCheck(rise: 2, fall: 2))
        for now in Int64(1)...5 {
            #expect(health.probeFailed(now: now, .shortage(shortage)) == nil)
            #expect(health.connectFailed(now: now, .shortage(shortage)) == nil)
        }
        #expect(health.state == .unknown)
        _ = health.probeSucceeded(now: 6)
        #expect(health.probeFailed(now: 7, .timedOut) == nil)
        #expect(health.probeFailed(now: 8, .shortage(shortage)) == nil)
        #expect(health.probeFailed(now: 9, .timedOut) != nil, "between two failures it takes nothing back")
        #expect(health.probeSucceeded(now: 10) == nil)
        _ = health.probeFailed(now: 11, .shortage(shortage))
        #expect(health.probeSucceeded(now: 12) == .becameUp, "nor between two successes")
    }

    @Test(
        arguments: [
            (111, "connection refused"), (110, "connect timed out"), (113, "unreachable"), (101, "unreachable"),
            (104, "connection reset"), (32, "connection reset"), (24, "no file descriptor left"),
            (23, "no file descriptor left"), (99, "no local port left"), (12, "no memory left"),
            (105, "no memory left"), (13, "Permission denied"),
        ] as [(Int32, String)])
    func errorsOfTheSystemHaveWords(errno: Int32, words: String) {
        #expect(CheckFailure(errno: errno).description == words)
    }

    @Test(
        arguments: [
            (.status(503, expected: [200...299]), "status 503, expected 200-299"),
            (.status(200, expected: [204...204, 301...302]), "status 200, expected 204, 301-302"),
            (.bodyLacks("ok"), #"body does not contain "ok""#),
            (.answer(Array("-ERR x\r\n".utf8), expected: Array("+PONG".utf8)), #"expected "+PONG", got "-ERR x\r\n""#),
            (.answer([0, 255, 34, 92], expected: [1]), #"expected "\x01", got "\x00\xff\"\\""#),
            (
                .answer(Array(repeating: 97, count: 41), expected: []),
                #"expected "", got "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…""#
            ),
        ] as [(CheckFailure, String)])
    func failuresOfProbesHaveWords(failure: CheckFailure, words: String) {
        #expect(failure.description == words)
    }

    /// Random histories: transitions alternate, each says what the state is, and the rules hold against a model that
    /// only remembers the facts since the last change.
    @Test(arguments: 0..<8)
    func agreesWithAModel(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let rise = 1 + random.next(below: 4)
        let fall = 1 + random.next(below: 4)
        var health = EndpointHealth(HealthCheck(probe: .tcp, rise: rise, fall: fall))
        // P, p: a probe succeeded, failed. C, c: a request connected, could not.
        var history = ""
        var wasUp = false
        for now in Int64(0)..<5_000 {
            let before = health.state
            let fact = Array("PPpcCp")[random.next(below: 6)]
            history.append(fact)
            let transition =
                switch fact {
                case "P": health.probeSucceeded(now: now)
                case "p": health.probeFailed(now: now, .timedOut)
                case "c": health.connectFailed(now: now, .connectionRefused)
                default: health.connectSucceeded(now: now)
                }
            let expected: Bool? =
                switch before {
                case .unknown, .joining: fact == "P" ? true : Self.failuresInARow(history) >= fall ? false : nil
                case .up: Self.failuresInARow(history) >= fall ? false : nil
                case .down: Self.successesInARow(history) >= (wasUp ? rise : 1) ? true : nil
                }
            #expect(transition?.isAvailable == expected)
            #expect((transition != nil) == (health.state != before))
            if transition != nil {
                history = ""
                if transition == .becameUp { wasUp = true }
                #expect(health.changedAt == now)
            }
        }
    }

    static func successesInARow(_ history: String) -> Int {
        history.filter { $0 == "P" || $0 == "p" }.reversed().prefix { $0 == "P" }.count
    }

    /// Failed probes since the last good one, and connects that failed since the last that did not.
    static func failuresInARow(_ history: String) -> Int {
        let sinceProbe = history.split(separator: "P", omittingEmptySubsequences: false).last ?? ""
        let sinceConnect = sinceProbe.split(separator: "C", omittingEmptySubsequences: false).last ?? ""
        return sinceProbe.count { $0 == "p" } + sinceConnect.count { $0 == "c" }
    }
}
