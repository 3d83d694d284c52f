import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel

/// Requests: they arrive, wait where they must, and end.
extension Simulation {
    mutating func scheduleArrival() {
        guard scenario.load > 0 else { return }
        let pause = arrivals.nextExponential() / scenario.load * 1_000_000
        // At least a microsecond: time goes on.
        let next = now + max(1, VirtualTime(pause.rounded()))
        if next < scenario.duration { events.schedule(.requestArrived, at: next) }
    }

    mutating func requestArrived() {
        scheduleArrival()
        let number = statistics.requests
        statistics.requests += 1
        // The same draws in the same order whatever the algorithm: see `Randomness`.
        var random = randomness.stream(.requests, UInt64(number))
        let demand = scenario.origins.service.draw(&random)
        let balancer = random.next(below: scenario.balancers)
        let client = random.next(below: scenario.clients)
        let isIdempotent = random.nextUnit() <= scenario.idempotentShare
        let route = scenario.routes.isEmpty ? 0 : self.route(random.nextUnit())
        let leaves = scenario.impatience.map { random.nextUnit() <= $0.share } ?? false
        let session = sessions.isEmpty || sessions[client] < 0 ? nil : sessions[client]
        let rules = routes[route].settings
        var state = ExchangeState()
        state.method = isIdempotent ? .get : .post
        state.visit = PoolVisit(pool: 0, priority: rules.priority)
        state.visit.repeatability =
            isIdempotent || rules.repeatsAll(else: pool.retries.repeatsAll) ? .whole : .never
        state.visit.pick = PickRequest(hash: hash(ofClient: client), session: session)
        observer.saw(.arrived(request: number, balancer: balancer, route: route), at: now)
        let x = requests.insert(
            SimulatedRequest(
                number: number, balancer: balancer, client: client, arrivedAt: now,
                demand: max(1, VirtualTime(Double(demand) * routes[route].work)), route: route, state: state))
        if leaves, let time = scenario.impatience?.time { events.schedule(.clientLeaves(x), at: now + time) }
        arrive(x)
    }

    /// The route that has that place among the shares.
    private func route(_ place: Double) -> Int { routes.indices.first { place <= routes[$0].end } ?? 0 }

    private mutating func arrive(_ x: SlotHandle) {
        let (balancer, route, now) = (requests[x].balancer, requests[x].route, now)
        let rules = routes[route].settings
        if rules.limitsRequests {
            guard balancers[balancer].routeLoads.takePlace(route, limit: rules.requestLimit) else {
                return end(x, .refused(.routeSaturated), isAnswered: false)
            }
            requests[x].isCountedOnRoute = true
        }
        guard visit(x, { $0.enter(&$1, now: now) }) else { return noAnswer(x, .overloaded) }
        observer.saw(.letIn(request: requests[x].number, balancer: balancer), at: now)
        attempt(x)
    }

    /// What stands for the request's key.
    private func hash(ofClient client: Int) -> UInt64? {
        guard pool.balance == .hash else { return nil }
        var mix = SplitMix64(seed: UInt64(client))
        return mix.next()
    }

    // MARK: - Waiting

    /// The request has begun to wait for a place.
    mutating func wait(_ x: SlotHandle) {
        statistics.queued += 1
        observer.saw(.waits(request: requests[x].number, balancer: requests[x].balancer), at: now)
        setDeadline(.queue, x, requests[x].route)
    }

    private mutating func waitsNoMore(_ x: SlotHandle) {
        observer.saw(.waitsNoMore(request: requests[x].number, balancer: requests[x].balancer), at: now)
    }

    /// Offers the places that have become free to those who wait.
    mutating func serveQueue(_ balancer: Int) {
        let now = now
        while balancers[balancer].room > 0 {
            balancers[balancer].room -= 1
            guard let index = balancers[balancer].dispatcher.nextWaiting(now: now) else { continue }
            let x = requests.handle(at: index)
            let step = visit(x) { visit, origins in
                let choice = visit.choose(from: &origins, now: now)
                return visit.turnCame(choice, &origins, as: index)
            }
            if case .staysQueued = step { continue }
            waitsNoMore(x)
            carryOut(step, x)
        }
    }

    mutating func queueTimedOut(_ x: SlotHandle) {
        let step = visit(x) { $0.patienceEnded(&$1, as: x.index) }
        waitsNoMore(x)
        carryOut(step, x)
    }

    mutating func pauseEnded(_ x: SlotHandle) {
        guard requests.contains(x) else { return }
        requests[x].visit.pauseEnded()
        attempt(x)
    }

    // MARK: - Ending

    /// Apus answers by itself, or by the pool's fallback.
    mutating func noAnswer(_ x: SlotHandle, _ reason: Reason) {
        let refuge = visit(x) { $0.refuge(from: reason, maySendElsewhere: true, $1) }
        end(x, .refused(refuge == .none ? Refusal(reason) : .fallback), isAnswered: false)
    }

    /// Nobody is left to be answered.
    mutating func breakOff(_ x: SlotHandle, _ reason: Reason) {
        _ = requests[x].state.breaksOff(reason)
        if visit(x, { $0.leaveQueue(of: &$1, as: x.index) }) { waitsNoMore(x) }
        end(x, .left, isAnswered: false)
    }

    /// The client has its answer, or has left.
    ///
    /// - Parameter isAnswered: whether an origin's response was passed on, which came just now.
    mutating func end(_ x: SlotHandle, _ outcome: Outcome, isAnswered: Bool) {
        dropOther(x)
        dropCurrent(x)
        let now = now
        visit(x) { $0.leave(&$1, headReceived: isAnswered ? now : nil, now: now) }
        let request = requests[x]
        if request.isCountedOnRoute { _ = balancers[request.balancer].routeLoads.add(-1, to: request.route) }
        requests.remove(x)
        statistics.requestEnded(outcome, after: now - request.arrivedAt)
        observer.saw(.ended(request: request.number, balancer: request.balancer, outcome), at: now)
    }
}

extension Refusal {
    init(_ reason: Reason) {
        switch reason {
        case .noHealthyEndpoint: self = .noHealthyEndpoint
        case .poolSaturated: self = .poolSaturated
        case .breakerOpen: self = .breakerOpen
        case .queueFull: self = .queueFull
        case .queueTimeout: self = .queueTimeout
        case .overloaded: self = .overloaded
        case .connectFailed: self = .connectFailed
        case .connectTimeout: self = .connectTimeout
        case .upstreamReset: self = .upstreamReset
        case .upstreamUnreachable: self = .upstreamUnreachable
        case .responseHeadTimeout: self = .responseHeadTimeout
        case .portLimit: self = .portLimit
        case .descriptorLimit: self = .descriptorLimit
        case .memoryLimit: self = .memoryLimit
        default: preconditionFailure("a simulated request cannot end by \(reason)")
        }
    }
}
