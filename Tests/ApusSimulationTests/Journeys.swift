import ApusBalancing
import ApusModel

@testable import ApusSimulation

/// Each request's way, kept for what its route allows and for what its client's leaving ends.
struct Journeys {
    private struct Journey {
        var route: Int
        var balancer: Int
        /// Attempts that began, and those that have not ended.
        var begun = 0
        var underWay = 0
        /// When the latest began.
        var latest: VirtualTime = 0
        var tried: Set<Int> = []
        /// The latest attempt did not get there.
        var isLost = false
        /// Attempts that had begun when a connection broke on which it was sent, and those of later ones that got none. Nil: none
        /// has, or what came after says something else.
        var begunAtBreak: Int?
        var unconnected = 0
        /// What this machine lacked for the latest attempt that came to nothing.
        var lacked: Shortage?
        var isCounted = true
    }

    private let scenario: Scenario
    private let routes: [Route?]
    private var journeys: [Int: Journey] = [:]
    private var isAvailable: [[Bool]]
    /// Requests in flight, by balancer and route.
    private var loads: [[Int]]
    /// Whose client has left, and is still there.
    private var leaving: (request: Int, at: VirtualTime)?

    init(_ scenario: Scenario) {
        self.scenario = scenario
        routes = [nil] + scenario.routes.map(\.route)
        loads = (0..<scenario.balancers).map { _ in Array(repeating: 0, count: scenario.routes.count + 1) }
        isAvailable = (0..<scenario.balancers).map { _ in Array(repeating: true, count: scenario.endpointCount) }
    }

    private func retries(_ route: Int) -> RetryRules { routes[route]?.retries ?? scenario.pool.retries }

    /// - Returns: what must not be.
    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime) -> String? {
        if let leaving, leaving.at < now { return "the client of \(leaving.request) has left, and it goes on" }
        switch moment {
        case .arrived(let request, let balancer, let route):
            journeys[request] = Journey(route: route, balancer: balancer)
            loads[balancer][route] += 1
        case .letIn(let request, _): return letIn(request)
        case .attemptStarted(let start): return started(start, now)
        case .attemptEnded(let request, _, _, _, let wasJudged): return attemptEnded(request, wasJudged, now)
        case .fact(let fact):
            noteBreak(fact)
            if case .notConnected(.shortage(let shortage)) = fact.kind {
                journeys[fact.request]?.lacked = shortage
            } else {
                journeys[fact.request]?.lacked = nil
            }
        case .availability(let balancer, let endpoint, let isAvailable):
            self.isAvailable[balancer][endpoint] = isAvailable
        case .lost(let request?): journeys[request]?.isLost = true
        case .clientLeft(let request, _): leaving = (request, now)
        case .ended(let request, _, let outcome): return ended(request, outcome)
        default: break
        }
        return nil
    }

    private mutating func noteBreak(_ fact: SimulatedFact) {
        guard var journey = journeys[fact.request] else { return }
        switch fact.kind {
        case .broke: journey.begunAtBreak = journey.begunAtBreak ?? journey.begun
        case .notConnected: journey.unconnected += journey.begunAtBreak == nil ? 0 : 1
        case .late, .answered: journey.begunAtBreak = nil
        }
        journeys[fact.request] = journey
    }

    /// A route has no more requests in flight than it may have.
    private func letIn(_ request: Int) -> String? {
        guard let journey = journeys[request], let limit = routes[journey.route]?.limits.requests else { return nil }
        let load = loads[journey.balancer][journey.route]
        return load <= limit ? nil : "\(load) requests of route \(journey.route) are in flight, \(limit) may be"
    }

    /// As many attempts as the request's route allows, and none for nobody.
    private mutating func started(_ start: SimulatedStart, _ now: VirtualTime) -> String? {
        guard var journey = journeys[start.request] else { return "an attempt of nobody's request" }
        journey.begun += 1
        journey.underWay += 1
        journey.latest = now
        journey.isLost = false
        journey.tried.insert(start.endpoint)
        journeys[start.request] = journey
        if leaving?.request == start.request { return "\(start.request) is sent on, whose client has left" }
        if let before = journey.begunAtBreak, journey.begun - journey.unconnected > before + 1 {
            return "\(start.request) is sent once more, which has broken something and been sent again"
        }
        // A connection that had gone stale is replaced without a count.
        let limit = retries(journey.route).attempts + RetryPolicy.staleReplacementLimit
        return journey.begun <= limit
            ? nil : "\(start.request) of route \(journey.route) is sent \(journey.begun) times, \(limit) may be"
    }

    private mutating func attemptEnded(_ request: Int, _ wasJudged: Bool, _ now: VirtualTime) -> String? {
        guard let journey = journeys[request] else { return "an attempt of nobody's request ended" }
        journeys[request]?.underWay -= 1
        if leaving?.request == request, wasJudged { return "\(request) counts at its endpoint, whose client has left" }
        let (own, all) = (routes[journey.route]?.timeouts, scenario.snapshot.timeouts)
        let connect = VirtualTime((own?.connect ?? all.connect) / .microseconds(1))
        let head = VirtualTime((own?.responseHead ?? all.responseHead) / .microseconds(1))
        let time = now - journey.latest
        // It is looked at once a second, and left when nobody has acknowledged anything for as long as connecting may take.
        if journey.isLost, journey.begun == 1, time > 2 * connect + 1_000_000 {
            return "\(request) waited for \(time.durationText) at an endpoint that cannot be reached"
        }
        // Of two attempts the one that is left may begin to connect anew.
        guard time > 2 * connect + head else { return nil }
        return
            "\(request) of route \(journey.route) waited for \(time.durationText): \(connect) and \(head) us are allowed"
    }

    private mutating func ended(_ request: Int, _ outcome: Outcome) -> String? {
        guard let journey = journeys.removeValue(forKey: request) else { return "nobody's request ended" }
        let others = loads[journey.balancer][journey.route] - 1
        loads[journey.balancer][journey.route] = others
        let isLeaving = leaving?.request == request
        if isLeaving { leaving = nil }
        if isLeaving != (outcome == .left) {
            return "\(request) ended by \(outcome); its client had left: \(isLeaving)"
        }
        if journey.underWay != 0 { return "\(request) ended, and \(journey.underWay) of its attempts go on" }
        guard case .refused(let refusal) = outcome else { return nil }
        switch refusal {
        case .routeSaturated:
            let limit = routes[journey.route]?.limits.requests ?? .max
            return others == limit ? nil : "\(request) is too much beside \(others) of its route, \(limit) may be"
        case .portLimit: return refused(request, journey, for: .ports)
        case .descriptorLimit: return refused(request, journey, for: .descriptors)
        case .memoryLimit: return refused(request, journey, for: .memory)
        default: return nil
        }
    }

    /// It lacked what is said, and everybody who could be asked was asked.
    private func refused(_ request: Int, _ journey: Journey, for shortage: Shortage) -> String? {
        guard journey.lacked == shortage else { return "\(request) is refused for want of \(shortage), which it had" }
        let pool = scenario.pool
        let endpoints = scenario.snapshot.endpoints
        // What keeps a request from an endpoint that is there are matters of their own.
        let isPlain =
            pool.endpointBreaker == nil && pool.poolBreaker == nil && pool.requests.perEndpoint == nil
            && pool.requests.perPool == nil && pool.connections.max > 1_000
            && !endpoints.contains { $0.tier > 0 || $0.isBackup }
        guard isPlain, journey.begun < retries(journey.route).attempts else { return nil }
        let left = endpoints.indices.filter {
            isAvailable[journey.balancer][$0] && endpoints[$0].weight > 0 && !journey.tried.contains($0)
        }
        return left.isEmpty ? nil : "\(request) is refused for want of \(shortage), and nobody has asked \(left)"
    }
}
