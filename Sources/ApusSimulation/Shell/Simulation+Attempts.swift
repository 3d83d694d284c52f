import ApusBalancing
import ApusModel

/// Attempts: an endpoint is chosen, a connection to it leased or opened, the request sent; and again elsewhere when that
/// fails and may be repeated. What ApusProxy's worker does, in the same order.
extension Simulation {
    /// Sends the request to an endpoint of the pool.
    mutating func attempt(_ x: SlotHandle, isHedge: Bool = false) {
        let balancer = requests[x].balancer
        while true {
            switch balancers[balancer].choose(requests[x], now: now) {
            case .endpoint(let endpoint):
                let isFresh = balancers[balancer].dispatcher.needsFreshConnection(requests[x].progress)
                let lease = balancers[balancer].lease(endpoint, isFresh: isFresh)
                // `isSaturated` keeps endpoints without a connection from being chosen; a fresh one is the exception.
                if lease == .refuse {
                    requests[x].tried.insert(endpoint)
                    requests[x].lastRefusal = requests[x].lastRefusal ?? .poolSaturated
                    requests[x].mayReturn = false
                    continue
                }
                leaveQueue(x)
                requests[x].tried.insert(endpoint)
                requests[x].attempts += 1
                return start(lease, x, endpoint, isHedge: isHedge)
            case _ where isHedge: return dropBudget(x)
            case .saturated: return wait(x)
            case .breakerOpen: return end(x, .refused(requests[x].lastRefusal ?? .breakerOpen))
            case .exhausted: return end(x, .refused(requests[x].lastRefusal ?? .poolSaturated))
            case .unavailable:
                let refusal: Refusal = pool.fallback == nil ? .noHealthyEndpoint : .fallback
                return end(x, .refused(requests[x].lastRefusal ?? refusal))
            }
        }
    }

    private mutating func start(
        _ lease: UpstreamConnectionPool.LeaseAction, _ x: SlotHandle, _ endpoint: Int, isHedge: Bool
    ) {
        let balancer = requests[x].balancer
        let connection: SlotHandle
        let isConnecting: Bool
        if case .reuse(let index) = lease {
            connection = connections.handle(at: index)
            connections[connection].isIdle = false
            isConnecting = false
        } else {
            connection = connections.insert(SimulatedConnection(balancer: balancer, endpoint: endpoint))
            isConnecting = true
        }
        var luck = randomness.stream(.errors, UInt64(requests[x].number) << 8 | UInt64(requests[x].attempts & 0xff))
        let attempt = attempts.insert(
            SimulatedAttempt(
                request: x, balancer: balancer, endpoint: endpoint, connection: connection, startedAt: now,
                demand: requests[x].demand, luck: luck.nextUnit(), isBudgeted: requests[x].isBudgeted,
                isHedge: isHedge, isConnecting: isConnecting, sentAt: now))
        let isFirst = requests[x].attempts == 1 && requests[x].staleReplacements == 0
        requests[x].isBudgeted = false
        requests[x].wasSent = false
        if isHedge { requests[x].hedge = attempt } else { requests[x].first = attempt }
        balancers[balancer].attemptStarted(endpoint, now: now)
        statistics.attemptStarted(endpoint)
        observer.saw(
            .attemptStarted(
                request: requests[x].number, balancer: balancer, endpoint: endpoint,
                inFlight: balancers[balancer].load.counts[endpoint], isBudgeted: attempts[attempt].isBudgeted,
                isFirst: isFirst), at: now)
        if isConnecting {
            setDeadline(.connect, attempt)
            events.schedule(.connectReachedOrigin(attempt), at: now + scenario.origins.networkDelay)
        } else {
            send(attempt)
        }
    }

    /// The connection is open: the request goes out on it.
    private mutating func send(_ attempt: SlotHandle) {
        let x = attempts[attempt].request
        requests[x].wasSent = true
        attempts[attempt].sentAt = now
        setDeadline(.responseHead, attempt)
        if pool.retries.perTryTimeout != nil { setDeadline(.perTry, attempt) }
        if pool.hedging != nil, !attempts[attempt].isHedge { setDeadline(.hedge, attempt) }
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

    mutating func connectTimedOut(_ attempt: SlotHandle) { connectFailed(attempt, .connectTimedOut) }

    /// The connection to the attempt's endpoint could not be opened.
    private mutating func connectFailed(_ attempt: SlotHandle, _ failure: RetryPolicy.Failure) {
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        let isTimeout = failure == .connectTimedOut
        balancers[balancer].hasFailed[endpoint] = true
        let report = balancers[balancer].dispatcher.failed(
            endpoint, isConnect: true, after: now - attempts[attempt].startedAt, now: now)
        let cause: CheckFailure = isTimeout ? .connectTimedOut : .connectionRefused
        carryOut(balancers[balancer].control.connectFailed(endpoint, cause, now: now), of: balancer)
        if !isTimeout {
            balancers[balancer].connectFailed(endpoint)
            connections.remove(attempts[attempt].connection)
        }
        failed(attempt, failure, isTimeout ? .connectTimeout : .connectFailed, report, isOnItsWay: isTimeout)
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
        let isHedge = attempts[attempt].isHedge
        statistics.endpoints[endpoint].latency.record(now - attempts[attempt].startedAt)
        if status >= 500 { statistics.endpoints[endpoint].errors += 1 }
        let time = now - attempts[attempt].sentAt
        balancers[balancer].count(endpoint, isFailure: status >= 500, latency: time)
        let report = balancers[balancer].dispatcher.answered(endpoint, status: status, after: time, now: now)
        tell(report, balancer, endpoint)
        release(attempts[attempt].connection)
        endAttempt(attempt, wasJudged: true)
        if !isRepeated(x, endpoint, status) {
            if isHedge { statistics.hedgesWon += 1 }
            if !sessions.isEmpty { sessions[requests[x].client] = Int32(endpoint) }
            end(x, .answered(status: status))
        }
        serveQueue(balancer)
    }

    /// Whether a response is not passed on, and another endpoint asked instead.
    private mutating func isRepeated(_ x: SlotHandle, _ endpoint: Int, _ status: Int) -> Bool {
        let balancer = requests[x].balancer
        guard balancers[balancer].dispatcher.retriesStatus(status) else { return false }
        let verdict = balancers[balancer].dispatcher.decide(after: .status, of: requests[x].progress, now: now)
        if case .giveUp(let isDenied) = verdict {
            if isDenied { statistics.deniedRetries += 1 }
            return false
        }
        proceed(x, endpoint, verdict, mayReturn: true, .upstreamReset)
        return true
    }

    /// The origin reset the connection before a byte of the response.
    private mutating func connectionDied(_ attempt: SlotHandle) {
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        let wasUsed = connections[attempts[attempt].connection].wasUsed
        drop(attempts[attempt].connection)
        let report = balancers[balancer].dispatcher.failed(
            endpoint, isConnect: false, after: now - attempts[attempt].sentAt, now: now)
        failed(attempt, wasUsed ? .reusedConnectionDied : .freshConnectionDied, .upstreamReset, report)
    }

    /// The response did not begin in time.
    mutating func responseTimedOut(_ attempt: SlotHandle, _ failure: RetryPolicy.Failure) {
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        let report = balancers[balancer].dispatcher.failed(
            endpoint, isConnect: false, after: now - attempts[attempt].sentAt, now: now)
        failed(attempt, failure, .responseHeadTimeout, report, isOnItsWay: true)
    }

    /// Tries again where the rules allow it, and answers for the origin where they do not.
    ///
    /// - Parameter isOnItsWay: whether more will be heard of the attempt, which the balancer ignores.
    private mutating func failed(
        _ attempt: SlotHandle, _ failure: RetryPolicy.Failure, _ refusal: Refusal, _ report: AttemptReport,
        isOnItsWay: Bool = false
    ) {
        let (x, balancer, endpoint) = (
            attempts[attempt].request, attempts[attempt].balancer, attempts[attempt].endpoint
        )
        statistics.endpoints[endpoint].errors += 1
        balancers[balancer].count(endpoint, isFailure: true, latency: nil)
        requests[x].lastRefusal = refusal
        tell(report, balancer, endpoint)
        if isOnItsWay { abandon(attempt, wasJudged: true) } else { endAttempt(attempt, wasJudged: true) }
        let verdict = balancers[balancer].dispatcher.decide(after: failure, of: requests[x].progress, now: now)
        // Asking the one that just refused again is futile; one that died may be back.
        proceed(x, endpoint, verdict, mayReturn: failure != .connectRefused && failure != .connectTimedOut, refusal)
        serveQueue(balancer)
    }

    private mutating func proceed(
        _ x: SlotHandle, _ endpoint: Int, _ verdict: PoolDispatcher.Verdict, mayReturn: Bool, _ refusal: Refusal
    ) {
        // The other one of a hedged request is still on its way.
        let isOtherInFlight = requests[x].first != nil || requests[x].hedge != nil
        switch verdict {
        case .giveUp(let isDenied):
            if isDenied { statistics.deniedRetries += 1 }
            if !isOtherInFlight { end(x, .refused(refusal)) }
        case .retryFresh:
            guard !isOtherInFlight else { return }
            noteRetry(endpoint)
            requests[x].staleReplacements += 1
            attemptAgain(x, endpoint)
        case .retry(let pause, let isBudgeted):
            requests[x].isBudgeted = isBudgeted
            guard !isOtherInFlight else { return dropBudget(x) }
            noteRetry(endpoint)
            requests[x].mayReturn = mayReturn
            if pause > 0 { events.schedule(.retryDue(x), at: now + pause) } else { attempt(x) }
        }
    }

    private mutating func noteRetry(_ endpoint: Int) {
        statistics.endpoints[endpoint].retries += 1
        statistics.retries += 1
    }

    /// Sends it to the same endpoint again, over a connection that nobody has used.
    private mutating func attemptAgain(_ x: SlotHandle, _ endpoint: Int) {
        let lease = balancers[requests[x].balancer].lease(endpoint, isFresh: true)
        guard lease != .refuse else { return end(x, .refused(.poolSaturated)) }
        start(lease, x, endpoint, isHedge: false)
    }

    mutating func retryDue(_ x: SlotHandle) {
        if requests.contains(x) { attempt(x) }
    }
}
