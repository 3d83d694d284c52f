import ApusBalancing
import ApusModel

/// Attempts: an endpoint is chosen, a connection to it leased or opened, the request sent. What ApusProxy's worker does,
/// in the same order and with the same names.
extension Simulation {
    /// Sends the request to an endpoint of the pool, or has it wait for one, or answers why not.
    mutating func attempt(_ x: SlotHandle) {
        switch chooseEndpoint(x) {
        case .endpoint(let endpoint, let lease): start(lease, x, endpoint)
        case .saturated: wait(x)
        case .none(let refusal): noAnswer(x, refusal)
        }
    }

    enum EndpointChoice {
        case endpoint(Int, UpstreamConnectionPool.LeaseAction)
        /// All that could take it have as much as they may have.
        case saturated
        case none(Refusal)
    }

    /// Chooses an endpoint and counts the attempt, which the caller must start.
    mutating func chooseEndpoint(_ x: SlotHandle) -> EndpointChoice {
        let balancer = requests[x].balancer
        var mayReturn = requests[x].mayReturn
        var isCrowded = false
        while true {
            switch balancers[balancer].choose(requests[x], mayReturn: mayReturn, now: now) {
            case .endpoint(let endpoint):
                requests[x].tried.insert(endpoint)
                let progress = requests[x].progress(wasSent: false)
                let isFresh = balancers[balancer].dispatcher.needsFreshConnection(progress)
                if let lease = balancers[balancer].lease(endpoint, isFresh: isFresh) {
                    requests[x].attempts += 1
                    return .endpoint(endpoint, lease)
                }
                // The ones that were not tried are left, each once.
                isCrowded = true
                mayReturn = false
            case .saturated: return .saturated
            case .exhausted where isCrowded: return .saturated
            case .breakerOpen: return .none(requests[x].lastFailure ?? .breakerOpen)
            case .unavailable, .exhausted: return .none(requests[x].lastFailure ?? .noHealthyEndpoint)
            }
        }
    }

    /// Sends it to the same endpoint again, over a connection that nobody has used.
    mutating func attemptAgain(_ x: SlotHandle, _ endpoint: Int) {
        guard let lease = balancers[requests[x].balancer].lease(endpoint, isFresh: true) else { return attempt(x) }
        start(lease, x, endpoint, isReplacement: true)
    }

    mutating func start(
        _ lease: UpstreamConnectionPool.LeaseAction, _ x: SlotHandle, _ endpoint: Int, isHedge: Bool = false,
        isReplacement: Bool = false
    ) {
        let balancer = requests[x].balancer
        let connection: SlotHandle
        var isConnecting = false
        if case .reuse(let index) = lease {
            connection = connections.handle(at: index)
            connections[connection].isIdle = false
        } else {
            connection = connections.insert(SimulatedConnection(balancer: balancer, endpoint: endpoint))
            isConnecting = true
        }
        var luck = randomness.stream(.errors, UInt64(requests[x].number) << 8 | UInt64(requests[x].attempts & 0xff))
        let attempt = attempts.insert(
            SimulatedAttempt(
                request: x, balancer: balancer, endpoint: endpoint, connection: connection, admitted: now,
                demand: requests[x].demand, luck: luck.nextUnit(), isHedge: isHedge, isConnecting: isConnecting,
                sentAt: now))
        if isHedge { requests[x].hedge = attempt } else { requests[x].first = attempt }
        begin(attempt, isReplacement: isReplacement)
        guard isConnecting else { return send(attempt) }
        setDeadline(.connect, attempt)
        events.schedule(.connectReachedOrigin(attempt), at: now + scenario.origins.networkDelay)
    }

    private mutating func begin(_ attempt: SlotHandle, isReplacement: Bool) {
        let (x, balancer, endpoint) = (
            attempts[attempt].request, attempts[attempt].balancer, attempts[attempt].endpoint
        )
        let isPanicking = balancers[balancer].dispatcher.isPanicking
        statistics.attemptStarted(endpoint)
        if isPanicking { statistics.panicPicks += 1 }
        observer.saw(
            .attemptStarted(
                SimulatedStart(
                    request: requests[x].number, balancer: balancer, endpoint: endpoint, isReplacement: isReplacement,
                    isSession: requests[x].pick.session.map(Int.init) == endpoint, isPanicking: isPanicking)), at: now)
        tell(balancers[balancer].attemptStarted(endpoint, now: now), balancer, endpoint)
    }

    /// The connection is open: the request goes out on it.
    private mutating func send(_ attempt: SlotHandle) {
        let x = attempts[attempt].request
        requests[x].lastSent = now
        attempts[attempt].sentAt = now
        setDeadline(.responseHead, attempt)
        if pool.retries.perTryTimeout != nil { setDeadline(.perTry, attempt) }
        if pool.hedging != nil, requests[x].attempts == 1 { setDeadline(.hedge, attempt) }
        events.schedule(.requestReachedOrigin(attempt), at: now + scenario.origins.networkDelay)
    }

    mutating func connectEnded(_ attempt: SlotHandle) {
        guard !attempts[attempt].isAbandoned else { return attempts.remove(attempt) }
        guard case .pending = attempts[attempt].fate else { return connectFailed(attempt, .connectRefused) }
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        attempts[attempt].isConnecting = false
        if balancers[balancer].hasFailed[endpoint] {
            balancers[balancer].hasFailed[endpoint] = false
            carryOut(balancers[balancer].control.connectSucceeded(endpoint, now: now), of: balancer)
        }
        send(attempt)
    }

    /// The connection to the attempt's endpoint could not be opened.
    mutating func connectFailed(_ attempt: SlotHandle, _ failure: RetryPolicy.Failure) {
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        let isTimeout = failure == .connectTimedOut
        balancers[balancer].hasFailed[endpoint] = true
        let cause: CheckFailure = isTimeout ? .connectTimedOut : .connectionRefused
        carryOut(balancers[balancer].control.connectFailed(endpoint, cause, now: now), of: balancer)
        judgeFailure(attempt, isConnect: true)
        failed(attempt, failure, isTimeout ? .connectTimeout : .connectFailed, wasSent: false)
    }

    mutating func fateReachedBalancer(_ attempt: SlotHandle) {
        guard !attempts[attempt].isAbandoned else { return attempts.remove(attempt) }
        switch attempts[attempt].fate {
        case .answered(let status): answered(attempt, status: status)
        case .reset, .refused, .pending: connectionDied(attempt)
        }
    }

    private mutating func answered(_ attempt: SlotHandle, status: Int) {
        let (x, balancer, endpoint) = (
            attempts[attempt].request, attempts[attempt].balancer, attempts[attempt].endpoint
        )
        judge(attempt, status: status)
        if balancers[balancer].dispatcher.retriesStatus(status), retryInstead(attempt) { return }
        if attempts[attempt].isHedge { statistics.hedgesWon += 1 }
        if !sessions.isEmpty { sessions[requests[x].client] = Int32(endpoint) }
        let latency = now - attempts[attempt].sentAt
        finish(attempt)
        end(x, .answered(status: status), latency: latency)
    }
}
