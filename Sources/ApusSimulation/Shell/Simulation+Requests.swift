import ApusBalancing
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
        let session = sessions.isEmpty || sessions[client] < 0 ? nil : sessions[client]
        observer.saw(.arrived(request: number, balancer: balancer), at: now)
        let x = requests.insert(
            SimulatedRequest(
                number: number, balancer: balancer, client: client, arrivedAt: now, demand: demand,
                isIdempotent: isIdempotent, pick: PickRequest(hash: hash(ofClient: client), session: session)))
        guard balancers[balancer].dispatcher.arrived(.normal, now: now) else { return noAnswer(x, .overloaded) }
        requests[x].isAdmitted = true
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

    /// The request finds no place: it waits for one, if it may.
    mutating func wait(_ x: SlotHandle) {
        let balancer = requests[x].balancer
        guard pool.requests.queue != nil else { return noAnswer(x, .poolSaturated) }
        guard balancers[balancer].dispatcher.enqueue(x.index, now: now) else { return noAnswer(x, .queueFull) }
        requests[x].isQueued = true
        // Endpoints were passed over because they were busy, which they need not be when its turn comes.
        if requests[x].attempts == 0 { requests[x].tried = TriedEndpoints() }
        statistics.queued += 1
        observer.saw(.waits(request: requests[x].number, balancer: balancer), at: now)
        setDeadline(.queue, x)
    }

    mutating func leaveQueue(_ x: SlotHandle) {
        guard requests[x].isQueued else { return }
        let balancer = requests[x].balancer
        requests[x].isQueued = false
        balancers[balancer].dispatcher.leaveQueue(x.index)
        observer.saw(.waitsNoMore(request: requests[x].number, balancer: balancer), at: now)
    }

    /// Offers the places that have become free to those who wait.
    mutating func serveQueue(_ balancer: Int) {
        while balancers[balancer].room > 0 {
            balancers[balancer].room -= 1
            guard let index = balancers[balancer].dispatcher.nextWaiting(now: now) else { continue }
            let x = requests.handle(at: index)
            guard case .endpoint(let endpoint, let lease) = chooseEndpoint(x) else { continue }
            leaveQueue(x)
            start(lease, x, endpoint)
        }
    }

    mutating func queueTimedOut(_ x: SlotHandle) {
        leaveQueue(x)
        noAnswer(x, .queueTimeout)
    }

    // MARK: - Ending

    /// Apus answers by itself, or by the pool's fallback.
    mutating func noAnswer(_ x: SlotHandle, _ refusal: Refusal) {
        let isLeftToFallback = pool.fallback != nil && refusal.isLeftToFallback
        end(x, .refused(isLeftToFallback ? .fallback : refusal), latency: nil)
    }

    /// The client has its answer.
    ///
    /// - Parameter latency: from the sending of the attempt that was answered; nil when none was.
    mutating func end(_ x: SlotHandle, _ outcome: Outcome, latency: VirtualTime?) {
        leaveQueue(x)
        abandonRest(x)
        giveBackBudget(x)
        let request = requests[x]
        requests.remove(x)
        if request.isAdmitted { balancers[request.balancer].dispatcher.departed(latency: latency, now: now) }
        statistics.requestEnded(outcome, after: now - request.arrivedAt)
        observer.saw(.ended(request: request.number, balancer: request.balancer, outcome), at: now)
    }

    /// Nothing more is expected of the request's attempts in flight.
    private mutating func abandonRest(_ x: SlotHandle) {
        if let attempt = requests[x].first { drop(attempt) }
        if let attempt = requests[x].hedge { drop(attempt) }
    }
}

extension Refusal {
    /// Whether the pool could not take the request, as opposed to having failed it.
    fileprivate var isLeftToFallback: Bool {
        switch self {
        case .noHealthyEndpoint, .poolSaturated, .breakerOpen, .queueFull, .queueTimeout, .connectFailed,
            .connectTimeout:
            true
        case .overloaded, .upstreamReset, .responseHeadTimeout, .fallback: false
        }
    }
}
