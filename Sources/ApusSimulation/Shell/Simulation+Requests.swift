import ApusBalancing
import ApusModel

/// Requests: they arrive, wait where they must, and end.
extension Simulation {
    mutating func scheduleArrival() {
        guard scenario.load > 0 else { return }
        let pause = arrivals.nextExponential() / scenario.load * 1_000_000
        // Rounded up to a microsecond at least: time goes on.
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
        let request = SimulatedRequest(
            number: number, balancer: balancer, client: client, arrivedAt: now, demand: demand,
            isIdempotent: isIdempotent, pick: PickRequest(hash: hash(ofClient: client), session: session))
        let handle = requests.insert(request)
        guard balancers[balancer].dispatcher.arrived(.normal, now: now) else {
            return end(handle, .refused(.overloaded), wasLetIn: false)
        }
        attempt(handle)
    }

    private func hash(ofClient client: Int) -> UInt64? {
        guard pool.balance == .hash else { return nil }
        var mix = SplitMix64(seed: UInt64(client))
        return mix.next()
    }

    // MARK: - Waiting

    /// Every endpoint has as much as it may have.
    mutating func wait(_ handle: SlotHandle) {
        let balancer = requests[handle].balancer
        // One that has waited keeps its place.
        guard !requests[handle].isWaiting else { return }
        guard pool.requests.queue != nil else { return end(handle, .refused(.poolSaturated)) }
        guard balancers[balancer].dispatcher.enqueue(handle.index, now: now) else {
            return end(handle, .refused(.queueFull))
        }
        requests[handle].isWaiting = true
        statistics.queued += 1
        observer.saw(.waits(request: requests[handle].number, balancer: balancer), at: now)
        setDeadline(.queue, handle)
    }

    mutating func leaveQueue(_ handle: SlotHandle) {
        guard requests[handle].isWaiting else { return }
        let balancer = requests[handle].balancer
        requests[handle].isWaiting = false
        balancers[balancer].dispatcher.leaveQueue(handle.index, now: now)
        observer.saw(.waitedEnough(request: requests[handle].number, balancer: balancer), at: now)
    }

    /// Something has ended on the balancer, or come back: those who wait may go.
    mutating func serveQueue(_ balancer: Int) {
        while balancers[balancer].dispatcher.waitingCount > 0,
            let index = balancers[balancer].dispatcher.nextWaiting(now: now)
        {
            let handle = requests.handle(at: index)
            attempt(handle)
            // Still there: nothing has become free, and those behind it need not ask.
            if requests.contains(handle), requests[handle].isWaiting { return }
        }
    }

    mutating func queueTimedOut(_ handle: SlotHandle) {
        guard requests.contains(handle), requests[handle].isWaiting else { return }
        end(handle, .refused(.queueTimeout))
    }

    // MARK: - Ending

    /// The client has its answer.
    mutating func end(_ handle: SlotHandle, _ outcome: Outcome, wasLetIn: Bool = true) {
        leaveQueue(handle)
        abandonRest(handle)
        let request = requests[handle]
        dropBudget(handle)
        requests.remove(handle)
        if wasLetIn {
            var latency: VirtualTime?
            if case .answered = outcome { latency = now - request.arrivedAt }
            balancers[request.balancer].dispatcher.departed(latency: latency, now: now)
        }
        statistics.requestEnded(outcome, after: now - request.arrivedAt)
        observer.saw(.ended(request: request.number, balancer: request.balancer, outcome), at: now)
    }

    /// Nothing more is expected of the request's attempts in flight.
    private mutating func abandonRest(_ handle: SlotHandle) {
        for attempt in [requests[handle].first, requests[handle].hedge] {
            if let attempt { abandon(attempt) }
        }
    }
}
