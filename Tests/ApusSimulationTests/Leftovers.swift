import ApusBalancing
import ApusExchange

@testable import ApusSimulation

extension Simulation {
    /// What has not come back although no request is under way.
    var leftovers: [String] {
        var left: [String] = []
        for (index, balancer) in balancers.enumerated() {
            func expectNone(_ count: Int, _ name: String) {
                if count != 0 { left.append("balancer \(index): \(name): \(count)") }
            }
            for endpoint in 0..<scenario.endpointCount {
                expectNone(balancer.origins.loads.value(endpoint), "load of \(endpoint)")
                expectNone(balancer.origins.connections[endpoint].busyCount, "busy connections to \(endpoint)")
            }
            for route in routes.indices { expectNone(balancer.routeLoads.value(route), "load of route \(route)") }
            expectNone(balancer.origins.poolLoads.value(0), "load")
            expectNone(balancer.origins.waiting.value(0), "waiting")
            expectNone(balancer.dispatcher.waitingCount, "the queue")
            expectNone(balancer.dispatcher.requestsInFlight, "the budget's requests")
            expectNone(balancer.dispatcher.retriesInFlight, "the budget's retries")
        }
        return left
    }
}
