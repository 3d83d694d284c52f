import ApusBalancing
import ApusModel
import Testing

@testable import ApusSimulation

/// What is no endpoint's fault: what this machine lacks, clients that leave, routes that take long everywhere.
@Suite struct OwnFaultsTests {
    /// Rules that one failure is enough for.
    private func touchy(_ pool: inout Pool) {
        pool.health = HealthCheck(interval: .milliseconds(100), timeout: .milliseconds(50), rise: 1, fall: 1)
        pool.outliers = OutlierRules(consecutive5xx: 1, consecutiveGatewayErrors: 1)
        pool.endpointBreaker = BreakerRules(consecutiveFailures: 1)
        // Connections are opened all the time.
        pool.connections.maxIdle = 0
    }

    private func outOfUse(_ result: Statistics) -> [StateChange] {
        result.changes.filter {
            $0.text.contains("unhealthy") || $0.text.contains("ejected") || $0.text.contains("breaker")
        }
    }

    @Test func aMachineWithoutPortsTowardsOneEndpointUsesTheOthers() {
        var scenario = scenario { touchy(&$0) }
        scenario.shortages = [MachineShortage(.ports, endpoint: 1, at: 2 * second, until: 4 * second)]
        let result = scenario.run()
        #expect(result.shortages > 100)
        #expect(result.errors == 0, "\(result.refusals)")
        #expect(outOfUse(result) == [])
        #expect(result.retries > 100, "no budget is asked for what costs nobody anything")
        #expect(result.changes.contains { $0.text == "cannot be connected to for 2s: no local port left" })
    }

    @Test(
        arguments: [
            (.ports, .portLimit), (.descriptors, .descriptorLimit), (.memory, .memoryLimit),
        ] as [(Shortage, Refusal)])
    func whatThisMachineLacksCountsAgainstNobody(shortage: Shortage, refusal: Refusal) {
        var scenario = scenario { touchy(&$0) }
        scenario.shortages = [MachineShortage(shortage, at: 2 * second, until: 3 * second)]
        let result = scenario.run()
        #expect(result.refusals[refusal] ?? 0 > 300, "\(result.refusals)")
        #expect(result.refusals.count == 1)
        #expect(outOfUse(result) == [])
    }

    @Test func keptConnectionsServeOn() {
        var scenario = scenario()
        scenario.shortages = [MachineShortage(.descriptors, at: 2 * second, until: 10 * second)]
        let result = scenario.run()
        #expect(result.errors < result.requests / 50, "\(result.refusals)")
    }

    /// Nobody waits long enough for an endpoint to be late: what clients do says nothing about it, and its places are free again.
    @Test func aClientThatLeavesCountsNowhere() throws {
        let faults = [Fault(endpoint: 1, at: 2 * second, .hang), Fault(endpoint: 1, at: 6 * second, .revive)]
        var scenario = scenario(endpoints: 2, faults: faults) {
            touchy(&$0)
            $0.requests = RequestLimits(perEndpoint: 40)
        }
        scenario.load = 100
        scenario.impatience = Impatience(time: 500_000)
        let result = scenario.run()
        #expect(result.left > 100)
        #expect(result.errors == result.left, "\(result.refusals)")
        #expect(outOfUse(result) == [])
        #expect(Report(scenario, result).text.contains("errors of clients: \(result.left.text) client_closed\n"))
    }

    @Test func aClientThatLeavesLosesItsPlaceInTheQueue() {
        var scenario = scenario(endpoints: 1, faults: [Fault(endpoint: 0, at: 0, .hang)]) {
            $0.health = HealthCheck(probe: .none)
            $0.requests = RequestLimits(perEndpoint: 1, queue: QueueRules(length: 5, timeout: .seconds(30)))
        }
        scenario.load = 50
        scenario.impatience = Impatience(time: 50_000)
        let result = scenario.run()
        #expect(result.left > 400)
        // At most five are there at once.
        #expect(Set(result.refusals.keys).subtracting([.queueFull]).isEmpty, "\(result.refusals)")
        #expect(result.left + (result.refusals[.queueFull] ?? 0) == result.errors)
    }

    /// A report that takes longer than its route allows does so everywhere.
    @Test func aRouteThatIsLateEverywhereEjectsNobody() {
        var report = Route(name: "report", pool: 0)
        report.timeouts.responseHead = .milliseconds(200)
        var scenario = scenario(endpoints: 3)
        scenario.origins.service.shape = .logNormal(tail: 1)
        scenario.load = 40
        scenario.routes = [RouteShare(report, share: 0.9, work: 100)]
        let result = scenario.run()
        #expect(result.refusals[.responseHeadTimeout] ?? 0 > 200)
        #expect(outOfUse(result) == [])
        // The same of a route that others answer.
        scenario.routes = [RouteShare(report, share: 0.9)]
        scenario.faults = [Fault(endpoint: 1, at: second, .hang)]
        #expect(
            outOfUse(scenario.run()).contains { $0.endpoint == 1 && $0.text.contains("5 requests in a row were late") })
    }

    @Test func aRouteHasTimesRetriesAndALimitOfItsOwn() {
        var route = Route(name: "own", pool: 0)
        route.retries = RetryRules(attempts: 1)
        var scenario = scenario(faults: [Fault(endpoint: 0, at: 0, .errors(share: 1))]) {
            $0.retries = RetryRules(statuses: [503], budgetPercent: 100)
            $0.outliers = nil
        }
        #expect(scenario.run().errors == 0)
        scenario.routes = [RouteShare(route, share: 0.5)]
        let result = scenario.run()
        // A tenth of all meets the endpoint as this route's.
        #expect(abs(result.errorAnswers - result.requests / 10) < result.requests / 50, "\(result.errorAnswers)")
    }

    @Test func aRoutesLimitHolds() {
        var route = Route(name: "own", pool: 0)
        route.limits.requests = 2
        var scenario = scenario()
        scenario.routes = [RouteShare(route, share: 1, work: 5)]
        let result = scenario.run()
        #expect(result.refusals[.routeSaturated] ?? 0 > 1_000)
        #expect(result.refusals.count == 1)
    }
}
