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
        var stay = PoolVisit(pool: 0)
        stay.repeatability = isIdempotent ? .whole : .never
        let session = sessions.isEmpty || sessions[client] < 0 ? nil : sessions[client]
        observer.saw(.arrived(request: number, balancer: balancer), at: now)
        let x = requests.insert(
            SimulatedRequest(
                number: number, balancer: balancer, client: client, arrivedAt: now, demand: demand,
                isIdempotent: isIdempotent, visit: stay))
        requests[x].visit.pick = PickRequest(hash: hash(ofClient: client), session: session)
        let now = now
        guard visit(x, { $0.enter(&$1, now: now) }) else { return noAnswer(x, .overloaded) }
        observer.saw(.letIn(request: number, balancer: balancer), at: now)
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
        setDeadline(.queue, x)
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
        requests[x].visit.pauseEnded()
        attempt(x)
    }

    // MARK: - Ending

    /// Apus answers by itself, or by the pool's fallback.
    mutating func noAnswer(_ x: SlotHandle, _ reason: Reason) {
        let refuge = visit(x) { $0.refuge(from: reason, maySendElsewhere: true, $1) }
        end(x, .refused(refuge == .none ? Refusal(reason) : .fallback), isAnswered: false)
    }

    /// The client has its answer.
    ///
    /// - Parameter isAnswered: whether an origin's response was passed on, which came just now.
    mutating func end(_ x: SlotHandle, _ outcome: Outcome, isAnswered: Bool) {
        dropOther(x)
        dropCurrent(x)
        let now = now
        visit(x) { $0.leave(&$1, headReceived: isAnswered ? now : nil, now: now) }
        let request = requests[x]
        requests.remove(x)
        statistics.requestEnded(outcome, after: now - request.arrivedAt)
        observer.saw(.ended(request: request.number, balancer: request.balancer, outcome), at: now)
    }
}

extension Refusal {
    fileprivate init(_ reason: Reason) {
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
        case .responseHeadTimeout: self = .responseHeadTimeout
        default: preconditionFailure("a simulated request cannot end by \(reason)")
        }
    }
}
