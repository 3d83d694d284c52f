import ApusBalancing
import ApusModel

@testable import ApusSimulation

/// Watches a simulation for what must never be, with a bookkeeping of its own: it asks none of the machines that it
/// watches, only what they were told and what they did.
struct Invariants: SimulationObserver {
    private struct Balancer {
        var isAvailable: [Bool]
        var inFlight: [Int]
        var breakers: [BreakerState]
        /// When the requests were let through that are trials of a half-open breaker.
        var trials: [[VirtualTime]]
        var poolBreaker = BreakerState.closed
        var states: [EndpointState.Kind]
        var requests = 0
        var waiting = 0
        var budgeted = 0
        /// Budgeted retries beyond the share of the requests in flight, and when.
        var beyondShare: [VirtualTime] = []
    }

    private enum Stage { case unseen, arrived, letIn, waiting, ended }

    private let pool: Pool
    private let endpoints: [Endpoint]
    private var balancers: [Balancer]
    private var stages: [Stage] = []
    /// Requests that were sent somewhere.
    private var sent: Set<Int> = []
    private var deeds: Deeds
    private var journeys: Journeys
    private(set) var violations: [String] = []

    init(_ scenario: Scenario) {
        deeds = Deeds(scenario)
        journeys = Journeys(scenario)
        pool = scenario.pool
        let endpoints = scenario.snapshot.endpoints
        let count = endpoints.count
        self.endpoints = endpoints
        balancers = (0..<scenario.balancers).map { _ in
            Balancer(
                isAvailable: Array(repeating: true, count: count), inFlight: Array(repeating: 0, count: count),
                breakers: Array(repeating: .closed, count: count), trials: Array(repeating: [], count: count),
                states: endpoints.map { $0.weight == 0 ? .draining : .unknown })
        }
    }

    private mutating func demand(_ condition: Bool, _ now: VirtualTime, _ violation: @autoclosure () -> String) {
        guard !condition, violations.count < 5 else { return }
        violations.append("\(now.momentText) \(violation())")
    }

    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime) {
        if let complaint = deeds.saw(moment, at: now) { demand(false, now, complaint) }
        if let complaint = journeys.saw(moment, at: now) { demand(false, now, complaint) }
        switch moment {
        case .fact, .lost, .probed, .clientLeft: break
        case .arrived(let request, _, _): advance(request, from: [.unseen], to: .arrived, now)
        case .letIn(let request, let balancer):
            advance(request, from: [.arrived], to: .letIn, now)
            balancers[balancer].requests += 1
        case .attemptStarted(let start): attemptStarted(start, now)
        case .attemptEnded(_, let balancer, let endpoint, let admitted, let wasJudged):
            balancers[balancer].inFlight[endpoint] -= 1
            // Another trial may take the place of one that told nothing.
            if !wasJudged, let trial = balancers[balancer].trials[endpoint].firstIndex(of: admitted) {
                balancers[balancer].trials[endpoint].remove(at: trial)
            }
            demand(balancers[balancer].inFlight[endpoint] >= 0, now, "more attempts ended on \(endpoint) than began")
        case .waits(let request, let balancer): waits(request, balancer, now)
        case .waitsNoMore(let request, let balancer):
            advance(request, from: [.waiting], to: .letIn, now)
            balancers[balancer].waiting -= 1
        case .budgeted(_, let balancer): budgeted(balancer, now)
        case .budgetReturned(_, let balancer):
            balancers[balancer].budgeted -= 1
            demand(balancers[balancer].budgeted >= 0, now, "more was given back to the budget than it gave")
        case .breaker(let balancer, let endpoint, let state): breakerChanged(balancer, endpoint, state)
        case .decided(let balancer, let changes): decided(balancer, changes, now)
        case .availability(let balancer, let endpoint, let isAvailable):
            balancers[balancer].isAvailable[endpoint] = isAvailable
        case .ended(let request, let balancer, let outcome): ended(request, balancer, outcome, now)
        }
    }

    // MARK: - Requests

    private mutating func advance(_ request: Int, from stages: Set<Stage>, to stage: Stage, _ now: VirtualTime) {
        while self.stages.count <= request { self.stages.append(.unseen) }
        let before = self.stages[request]
        demand(stages.contains(before), now, "request \(request) became \(stage) as it was \(before)")
        self.stages[request] = stage
    }

    /// Every request ends exactly once, and none while it waits.
    private mutating func ended(_ request: Int, _ balancer: Int, _ outcome: Outcome, _ now: VirtualTime) {
        if stages[request] == .letIn { balancers[balancer].requests -= 1 }
        advance(request, from: [.arrived, .letIn], to: .ended, now)
        guard outcome == .refused(.noHealthyEndpoint) else { return }
        let up = endpoints.indices.filter { balancers[balancer].isAvailable[$0] && endpoints[$0].weight > 0 }
        demand(up.isEmpty, now, "request \(request) found no endpoint, but \(up) were available")
    }

    private mutating func waits(_ request: Int, _ balancer: Int, _ now: VirtualTime) {
        advance(request, from: [.letIn], to: .waiting, now)
        balancers[balancer].waiting += 1
        let length = pool.requests.queue?.length ?? 0
        let waiting = balancers[balancer].waiting
        demand(waiting <= length, now, "\(waiting) wait, \(length) may")
    }

    /// A retry beyond the share of requests in flight must be one of the few a second that are allowed in any case.
    private mutating func budgeted(_ balancer: Int, _ now: VirtualTime) {
        balancers[balancer].budgeted += 1
        let share = pool.retries.budgetPercent * balancers[balancer].requests
        guard balancers[balancer].budgeted * 100 > share else { return }
        balancers[balancer].beyondShare.append(now)
        let reserve = pool.retries.minimumPerSecond
        let recent = balancers[balancer].beyondShare.count { $0 > now - second }
        demand(recent <= 2 * reserve, now, "\(recent) retries beyond the budget within a second, \(reserve) allowed")
        let all = balancers[balancer].beyondShare.count
        let allowed = Double(reserve) * (1 + Double(now) / Double(second))
        demand(Double(all) <= allowed, now, "\(all) retries beyond the budget since the start, \(allowed) allowed")
    }

    /// A backup is used where nobody else is left. (What keeps a request from the others, or has it go on from one of them, are
    /// matters of their own.)
    private mutating func demandNeedOfBackup(_ start: SimulatedStart, _ now: VirtualTime) {
        let isFirst = sent.insert(start.request).inserted
        guard isFirst, endpoints[start.endpoint].isBackup, !start.isSession, pool.endpointBreaker == nil,
            pool.requests.perEndpoint == nil, pool.connections.max > 1_000
        else { return }
        let known = balancers[start.balancer]
        let others = endpoints.indices.filter {
            !endpoints[$0].isBackup && endpoints[$0].weight > 0 && known.isAvailable[$0]
        }
        demand(others.isEmpty, now, "request \(start.request) went to the backup \(start.endpoint), beside \(others)")
    }

    // MARK: - Endpoints

    private mutating func attemptStarted(_ start: SimulatedStart, _ now: VirtualTime) {
        let (balancer, endpoint) = (start.balancer, start.endpoint)
        let known = balancers[balancer]
        let weighty = endpoints.indices.filter { endpoints[$0].weight > 0 }
        let available = weighty.count { known.isAvailable[$0] }
        let mayPanic = available * 100 < pool.panicThreshold * weighty.count
        demand(
            known.isAvailable[endpoint] || start.isReplacement || (start.isPanicking && mayPanic), now,
            "request \(start.request) went to \(endpoint), which is not available; \(available) are")
        demand(endpoints[endpoint].weight > 0 || start.isSession, now, "\(endpoint) drains and was sent a new request")
        demandNeedOfBackup(start, now)
        balancers[balancer].inFlight[endpoint] += 1
        if let limit = pool.requests.perEndpoint {
            let inFlight = balancers[balancer].inFlight[endpoint]
            demand(inFlight <= limit, now, "\(inFlight) requests on \(endpoint), \(limit) may be")
        }
        if let limit = pool.requests.perPool {
            let inFlight = balancers[balancer].inFlight.reduce(0, +)
            demand(inFlight <= limit, now, "\(inFlight) requests in the pool, \(limit) may be")
        }
        guard !start.isReplacement else { return }
        if case .open(let until, _) = known.breakers[endpoint] {
            demand(now >= until, now, "the breaker of \(endpoint) is open, and let a request through")
        }
        if case .open(let until, _) = known.poolBreaker {
            demand(now >= until, now, "the pool's breaker is open, and let a request through")
        }
        if case .closed = known.breakers[endpoint] { return }
        guard let rules = pool.endpointBreaker else { return }
        // Trials that are not heard of for as long as the breaker is open at least may be followed by others.
        let open = VirtualTime(rules.open / .microseconds(1))
        balancers[balancer].trials[endpoint].removeAll { $0 <= now - open }
        balancers[balancer].trials[endpoint].append(now)
        let trials = balancers[balancer].trials[endpoint].count
        demand(trials <= rules.trials, now, "\(trials) trials of \(endpoint), \(rules.trials) may be")
    }

    private mutating func breakerChanged(_ balancer: Int, _ endpoint: Int?, _ state: BreakerState) {
        guard let endpoint else {
            balancers[balancer].poolBreaker = state
            return
        }
        balancers[balancer].breakers[endpoint] = state
        if case .halfOpen = state { return }
        balancers[balancer].trials[endpoint] = []
    }

    /// No more are ejected than may be, but where a reserve is well, and never all that could serve.
    private mutating func decided(_ balancer: Int, _ changes: [HealthChange], _ now: VirtualTime) {
        for case .endpoint(let change) in changes {
            let before = balancers[balancer].states[change.endpoint]
            balancers[balancer].states[change.endpoint] = change.after.kind
            if before != .ejected, change.after.kind == .ejected { ejected(change.endpoint, by: balancer, now) }
        }
        let states = balancers[balancer].states
        let ejected = states.count { $0 == .ejected }
        let serving = states.count { $0 == .healthy || $0 == .unknown }
        demand(ejected == 0 || serving > 0, now, "\(ejected) are ejected, and none is left that serves")
    }

    private mutating func ejected(_ endpoint: Int, by balancer: Int, _ now: VirtualTime) {
        let states = balancers[balancer].states
        let count = states.count { $0 == .ejected }
        let limit = max(1, states.count * (pool.outliers?.maximumEjectedPercent ?? 0) / 100)
        func rank(_ index: Int) -> Int { endpoints[index].isBackup ? .max : endpoints[index].tier }
        let hasReserve = states.indices.contains {
            rank($0) > rank(endpoint) && (states[$0] == .healthy || states[$0] == .unknown)
        }
        demand(count <= limit || hasReserve, now, "\(count) of \(states.count) are ejected, \(limit) may be")
    }

    /// To be asked when the simulation is over.
    mutating func finish(at now: VirtualTime) {
        for (request, stage) in stages.enumerated() {
            demand(stage == .ended, now, "request \(request) never ended: it is \(stage)")
        }
        let balancers = balancers
        for balancer in balancers {
            demand(balancer.requests == 0, now, "\(balancer.requests) requests are left over")
            demand(balancer.waiting == 0, now, "\(balancer.waiting) are left waiting")
            demand(balancer.budgeted == 0, now, "\(balancer.budgeted) retries were never given back to the budget")
            demand(balancer.inFlight.allSatisfy { $0 == 0 }, now, "attempts are left: \(balancer.inFlight)")
        }
    }
}
