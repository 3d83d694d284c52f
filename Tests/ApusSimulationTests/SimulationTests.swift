import ApusBalancing
import ApusModel
import Testing

@testable import ApusSimulation

@Suite struct SimulationTests {
    @Test func aHealthyPoolAnswersEverything() {
        let result = scenario().run()
        #expect(abs(result.requests - 5000) < 300)
        #expect(result.errors == 0)
        #expect(result.retries == 0)
        #expect(result.endpoints.allSatisfy { abs($0.attempts - result.requests / 5) <= 1 })
        #expect(result.latency.count == result.requests)
    }

    /// Without a queue anywhere a request takes its service time and the network's, whose median is known.
    @Test func latencyIsServiceAndNetwork() throws {
        var scenario = scenario()
        scenario.origins = OriginModel(service: ServiceTime(mean: .milliseconds(10), shape: .logNormal(tail: 1)))
        let result = scenario.run()
        let median = try #require(result.latency.percentile(0.5))
        #expect(abs(median - 10_500) < 110)
    }

    /// An origin that works on one request at a time is the queue of the textbooks (M/M/1): the mean time in it is the
    /// service time by one minus the utilisation, the median that by the logarithm of 2.
    @Test func anOriginQueuesAsTheTextbooksSay() throws {
        var scenario = scenario(endpoints: 1)
        scenario.load = 60
        scenario.duration = 600 * second
        scenario.origins = OriginModel(
            service: ServiceTime(mean: .milliseconds(10), shape: .exponential), capacity: 1, networkDelay: 0)
        let median = try #require(scenario.run().latency.percentile(0.5))
        let expected = 10_000 / (1 - 0.6) * 0.693
        #expect(abs(Double(median) - expected) < 0.06 * expected)
    }

    @Test func aKilledEndpointIsLeftAndFoundAgain() {
        let faults = [Fault(endpoint: 1, at: 3 * second, .kill), Fault(endpoint: 1, at: 6 * second, .revive)]
        var scenario = scenario(faults: faults) {
            $0.health = HealthCheck(interval: .milliseconds(500), timeout: .milliseconds(200))
        }
        scenario.origins.service = ServiceTime(mean: .milliseconds(20))
        let result = scenario.run()
        #expect(result.errors == 0)
        #expect(result.retries > 0)
        let words = result.changes.filter { $0.endpoint == 1 && $0.balancer == 0 }.map(\.text)
        #expect(words.contains { $0.hasPrefix("is unhealthy: ") && $0.contains(": connection refused; 4 of 5 left") })
        #expect(words.last == "is healthy again: 2 of 2 probes passed")
        // Nothing in between, but what was sent before it was known.
        let slots = result.series.slots
        #expect(slots[45].attempts[1] == 0)
        #expect(slots[95].attempts[1] > 0)
    }

    /// With nothing said but the load: a hung origin is left within two seconds and back within two, and no request fails.
    @Test func aHungEndpointIsLeftAndFoundAgainByDefault() throws {
        let faults = [Fault(endpoint: 1, at: 10 * second, .hang), Fault(endpoint: 1, at: 20 * second, .revive)]
        var scenario = scenario(endpoints: 3, faults: faults)
        scenario.load = 150
        scenario.duration = 30 * second
        scenario.origins.service = ServiceTime(mean: .milliseconds(5))
        let result = scenario.run()
        #expect(result.errors == 0)
        let changes = result.changes.filter { $0.endpoint == 1 && $0.balancer == 0 && $0.at > 10 * second }
        let (left, back) = (try #require(changes.first), try #require(changes.last))
        #expect(left.text.hasPrefix("is ejected until ") && left.at < 12 * second, "\(changes)")
        #expect(back.text.contains("healthy") && back.at > 20 * second && back.at < 22 * second, "\(changes)")
        #expect(try #require(result.latency.percentile(0.999)) < 4 * second)
    }

    @Test func aHungEndpointTimesOut() {
        var scenario = scenario(faults: [Fault(endpoint: 0, at: 2 * second, .hang)]) {
            $0.health = HealthCheck(
                probe: .http(path: "/"), interval: .milliseconds(500), timeout: .milliseconds(200), fall: 2)
            $0.retries.attempts = 1
        }
        scenario.load = 100
        let result = scenario.run()
        #expect(result.refusals[.responseHeadTimeout] ?? 0 > 0)
        #expect(result.changes.contains { $0.text.contains("timed out") })
    }

    /// With rules as they are by default, and a probe that does not notice: what is safe goes elsewhere, and requests tell.
    @Test func aHungEndpointIsEjectedByDefault() {
        var scenario = scenario(
            endpoints: 3, faults: [Fault(endpoint: 0, at: 2 * second, .hang)],
            timeouts: Timeouts(responseHead: .seconds(1)))
        scenario.load = 40
        let result = scenario.run()
        #expect(
            result.changes.contains { $0.endpoint == 0 && $0.text.contains("5 requests in a row were late") })
        #expect(result.retries > 0)
        #expect(result.errors == 0, "\(result.refusals)")
    }

    @Test func allThatHangAreNotEjected() {
        var scenario = scenario(
            endpoints: 3, faults: (0..<3).map { Fault(endpoint: $0, at: 0, .hang) },
            timeouts: Timeouts(responseHead: .seconds(1)))
        scenario.load = 40
        #expect(!scenario.run().changes.contains { $0.text.contains("ejected") })
    }

    @Test func whatIsCutOffCannotBeConnectedTo() {
        var scenario = scenario(faults: [Fault(endpoint: 0, at: 0, .cutOff)]) {
            $0.health = HealthCheck(probe: .none)
        }
        scenario.load = 20
        let result = scenario.run()
        #expect(result.changes.contains { $0.text.contains("connect timed out") })
        #expect(result.errors == 0)
    }

    /// On kept connections: nobody acknowledges what is sent, which is no reason to wait for a response for half a minute.
    @Test func whatIsCutOffAtWorkIsLeft() throws {
        var scenario = scenario(endpoints: 2, faults: [Fault(endpoint: 0, at: 2 * second, .cutOff)]) {
            $0.health = HealthCheck(probe: .none)
            $0.outliers = nil
        }
        scenario.load = 20
        scenario.idempotentShare = 0.5
        let result = scenario.run()
        // Those that may not be repeated are told.
        #expect(Set(result.refusals.keys) == [.upstreamUnreachable], "\(result.refusals)")
        #expect(result.latency.maximum < 8 * second)
    }

    /// A hedge that finds no connection does not end the looks at the attempt beside it.
    @Test func whatGoesOnAloneIsLookedAtAgain() throws {
        var scenario = scenario(endpoints: 2, faults: [Fault(endpoint: 0, at: 2 * second, .cutOff)]) {
            $0.health = HealthCheck(probe: .none)
            $0.outliers = nil
            $0.hedging = HedgingRules(after: .milliseconds(50))
        }
        scenario.shortages = [MachineShortage(.ports, endpoint: 1, at: 2 * second, until: 60 * second)]
        scenario.load = 20
        let result = scenario.run()
        #expect(result.refusals[.responseHeadTimeout] == nil, "\(result.refusals)")
    }

    /// The time for a response begins anew with each attempt: one that is still connecting has none.
    @Test func aRetryIsNotLateForTheAttemptBeforeIt() {
        var scenario = scenario(
            endpoints: 3, faults: [Fault(endpoint: 0, at: 0, .hang), Fault(endpoint: 1, at: 0, .cutOff)],
            timeouts: Timeouts(connect: .milliseconds(500), responseHead: .seconds(1))
        ) {
            $0.health = HealthCheck(probe: .none)
            $0.outliers = nil
            $0.retries = RetryRules(perTryTimeout: .milliseconds(900), backoff: .zero)
        }
        scenario.load = 5
        let result = scenario.run()
        #expect(result.retries > 20)
        #expect(result.errors == 0, "\(result.refusals)")
    }

    /// A turn that finds nobody left is answered at once, and not when the time for waiting is over.
    @Test func nobodyWaitsForAPoolThatIsGone() throws {
        var scenario = scenario(
            endpoints: 1, faults: [Fault(endpoint: 0, at: 2 * second, .kill)]
        ) {
            $0.health = HealthCheck(interval: .milliseconds(100), timeout: .milliseconds(50), fall: 1)
            $0.requests = RequestLimits(perEndpoint: 1, queue: QueueRules(length: 1000, timeout: .seconds(60)))
            $0.retries.attempts = 1
        }
        scenario.load = 100
        let result = scenario.run()
        #expect(result.refusals[.noHealthyEndpoint] ?? 0 > 0)
        #expect(result.refusals[.queueTimeout] == nil, "\(result.refusals)")
    }

    @Test func aSlowEndpointIsSlow() throws {
        let result = scenario(faults: [Fault(endpoint: 2, at: 0, .slow(factor: 10))]).run()
        let slow = try #require(result.endpoints[2].latency.percentile(0.5))
        let other = try #require(result.endpoints[1].latency.percentile(0.5))
        #expect(slow > 8 * other)
    }

    @Test func errorsAreDrawnByTheirShare() {
        let result = scenario(faults: [Fault(endpoint: 2, at: 0, .errors(share: 0.3))]).run()
        let share = Double(result.endpoints[2].errors) / Double(result.endpoints[2].attempts)
        #expect(abs(share - 0.3) < 0.06)
        #expect(result.errorAnswers == result.errors)
    }

    @Test func whatFlapsComesAndGoes() {
        let scenario = scenario(faults: [Fault(endpoint: 0, at: second, .flap(period: second))]) {
            $0.health = HealthCheck(interval: .milliseconds(200), timeout: .milliseconds(100), rise: 1, fall: 1)
        }
        let result = scenario.run()
        #expect(result.changes.filter { $0.endpoint == 0 && $0.text.hasPrefix("is unhealthy") }.count >= 4)
        #expect(result.errors == 0)
    }

    @Test func lostProbesAreSeen() {
        var scenario = scenario { $0.health = HealthCheck(interval: .milliseconds(100), timeout: .milliseconds(50)) }
        scenario.lostProbes = 0.5
        let result = scenario.run()
        #expect(result.changes.contains { $0.text.contains("probes failed: timed out") })
        scenario.lostProbes = 0
        #expect(!scenario.run().changes.contains { $0.text.contains("failed") })
    }

    @Test func balancersShareTheLoadAndNothingElse() {
        var scenario = scenario(faults: [Fault(endpoint: 1, at: 3 * second, .kill)])
        scenario.balancers = 3
        let result = scenario.run()
        let deciders = Set(result.changes.filter { $0.text.hasPrefix("is unhealthy") }.compactMap(\.balancer))
        #expect(deciders == [0, 1, 2])
    }

    /// What a request is does not depend on what the balancer does with it.
    @Test func algorithmsSeeTheSameRequests() {
        let scenarios = [Balance.roundRobin, .leastConnections].map { scenario(balance: $0) }
        let results = scenarios.map { $0.run() }
        #expect(results[0].requests == results[1].requests)
        // No queues: the same work takes the same time, wherever.
        #expect(results[0].latency.percentile(0.5) == results[1].latency.percentile(0.5))
    }
}
