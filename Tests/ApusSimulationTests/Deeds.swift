import ApusBalancing
import ApusModel

@testable import ApusSimulation

/// What the endpoints did themselves, kept for the question whether one is out of use for its own deeds alone: what this
/// machine lacked, a client that left, and a route that takes long everywhere are none.
struct Deeds {
    private struct Endpoint {
        /// Attempts that it failed since it last did its work, and of those the ones that were late.
        var failures = 0
        var late: [(route: Int, sent: VirtualTime)] = []
        /// When it last answered a request of each route.
        var answers: [Int: VirtualTime] = [:]
        /// Connects and probes that failed since it last went down.
        var connects = 0
        var probes = 0
        /// Attempts that failed, or were slow, since its breaker was last closed.
        var troubles = 0
    }

    private let pool: Pool
    private let isInRanks: Bool
    private var balancers: [[Endpoint]]

    init(_ scenario: Scenario) {
        pool = scenario.pool
        let endpoints = scenario.snapshot.endpoints
        isInRanks = endpoints.contains { $0.isBackup || $0.tier > 0 }
        balancers = (0..<scenario.balancers).map { _ in endpoints.map { _ in Endpoint() } }
    }

    /// - Returns: what must not be.
    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime) -> String? {
        switch moment {
        case .fact(let fact): note(fact, now)
        case .probed(let balancer, let endpoint, let failure):
            if let failure, failure.shortage == nil { balancers[balancer][endpoint].probes += 1 }
        case .breaker(let balancer, let endpoint?, let state): return breakerChanged(balancer, endpoint, state)
        case .decided(let balancer, let changes):
            for case .endpoint(let change) in changes {
                if let complaint = judged(balancer, change) { return complaint }
            }
        default: break
        }
        return nil
    }

    private mutating func note(_ fact: SimulatedFact, _ now: VirtualTime) {
        var endpoint = balancers[fact.balancer][fact.endpoint]
        defer { balancers[fact.balancer][fact.endpoint] = endpoint }
        switch fact.kind {
        case .notConnected(.shortage): return
        case .notConnected: endpoint.connects += 1
        case .answered(let status):
            endpoint.answers[fact.route] = now
            endpoint.late = []
            let isSlow = now - fact.sent >= VirtualTime((pool.endpointBreaker?.slowAfter ?? .zero) / .microseconds(1))
            if status >= 500 || isSlow { endpoint.troubles += 1 }
            endpoint.failures = status >= 500 ? endpoint.failures + 1 : 0
            return
        case .broke: break
        case .late: endpoint.late.append((fact.route, fact.sent))
        }
        endpoint.failures += 1
        endpoint.troubles += 1
    }

    private mutating func breakerChanged(_ balancer: Int, _ endpoint: Int, _ state: BreakerState) -> String? {
        let troubles = balancers[balancer][endpoint].troubles
        if case .halfOpen = state { return nil }
        balancers[balancer][endpoint].troubles = 0
        guard case .open = state, troubles == 0 else { return nil }
        return "the breaker of \(endpoint) opens, which has done nothing"
    }

    private mutating func judged(_ balancer: Int, _ change: EndpointChange) -> String? {
        let (index, deeds) = (change.endpoint, balancers[balancer][change.endpoint])
        guard change.before.kind != change.after.kind else { return nil }
        switch change.cause {
        case .failures(let cause):
            balancers[balancer][index].connects = 0
            balancers[balancer][index].probes = 0
            // Without probes, an endpoint whose time is over has one try.
            let connects = pool.health.probe == .none ? min(cause.connects, 1) : cause.connects
            guard connects > deeds.connects || cause.probes > deeds.probes else { return nil }
            return "\(index) is down for \(cause), and failed \(deeds.connects) connects, \(deeds.probes) probes"
        case .ejection(.consecutive(let kind, let count)):
            guard count <= deeds.failures else {
                return "\(index) is ejected for \(count) failures, and failed \(deeds.failures)"
            }
            return kind == .timeout ? judgedLate(balancer, index, count) : nil
        default: return nil
        }
    }

    /// Where all that an endpoint did is that it was late, another must have answered what it did not.
    private func judgedLate(_ balancer: Int, _ index: Int, _ count: Int) -> String? {
        let late = balancers[balancer][index].late
        guard late.count >= count, let began = late.map(\.sent).min() else {
            return "\(index) is ejected for \(count) that were late, and \(late.count) were"
        }
        // One in reserve that is well says as much.
        guard !isInRanks else { return nil }
        let routes = Set(late.map(\.route))
        let haveAnswered = balancers[balancer].indices.contains { other in
            other != index && routes.contains { balancers[balancer][other].answers[$0] ?? -1 >= began }
        }
        return haveAnswered
            ? nil : "\(index) is ejected for lateness, and nobody has answered routes \(routes.sorted())"
    }
}
