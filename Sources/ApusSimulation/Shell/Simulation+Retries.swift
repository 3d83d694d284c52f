import ApusBalancing
import ApusModel

/// Retries and hedging: what follows when an attempt fails, or takes long.
extension Simulation {
    /// The origin reset the connection before a byte of the response.
    mutating func connectionDied(_ attempt: SlotHandle) {
        let wasUsed = connections[attempts[attempt].connection].wasUsed
        // One that had served others was most likely closed as idle, which says nothing about the endpoint.
        if !wasUsed { judgeFailure(attempt) }
        failed(attempt, wasUsed ? .reusedConnectionDied : .freshConnectionDied, .upstreamReset)
    }

    /// The response did not begin in time.
    mutating func responseTimedOut(_ attempt: SlotHandle) {
        judgeFailure(attempt)
        failed(attempt, .responseHeadTimedOut, .responseHeadTimeout)
    }

    /// Neither the attempt nor the one beside it has been answered in the time that one may take.
    mutating func triesTimedOut(_ attempt: SlotHandle) {
        let request = requests[attempts[attempt].request]
        for other in [request.first, request.hedge] {
            guard let other, other != attempt else { continue }
            judgeFailure(other)
            drop(other)
        }
        judgeFailure(attempt)
        failed(attempt, .tryTimedOut, .responseHeadTimeout)
    }

    /// Tries again where the rules allow it, and answers for the origin where they do not.
    mutating func failed(
        _ attempt: SlotHandle, _ failure: RetryPolicy.Failure, _ refusal: Refusal, wasSent: Bool = true
    ) {
        let (x, endpoint) = (attempts[attempt].request, attempts[attempt].endpoint)
        requests[x].lastFailure = refusal
        drop(attempt)
        // The other one, if there is one, goes on alone.
        guard !requests[x].isInFlight else { return }
        carryOut(verdict(x, failure, wasSent: wasSent), x, endpoint, failure)
    }

    private mutating func verdict(
        _ x: SlotHandle, _ failure: RetryPolicy.Failure, wasSent: Bool
    ) -> PoolDispatcher.Verdict {
        giveBackBudget(x)
        let progress = requests[x].progress(wasSent: wasSent)
        return balancers[requests[x].balancer].dispatcher.decide(after: failure, of: progress, now: now)
    }

    private mutating func carryOut(
        _ verdict: PoolDispatcher.Verdict, _ x: SlotHandle, _ endpoint: Int, _ failure: RetryPolicy.Failure
    ) {
        switch verdict {
        case .giveUp(let isDenied):
            if isDenied { statistics.deniedRetries += 1 }
            noAnswer(x, requests[x].lastFailure ?? .upstreamReset)
        case .retryFresh:
            requests[x].staleReplacements += 1
            noteRetry(endpoint)
            attemptAgain(x, endpoint)
        case .retry(let pause, let isBudgeted):
            if isBudgeted { takeBudget(x) }
            noteRetry(endpoint)
            // Asking the one that just refused again is futile; one that died may be back.
            requests[x].mayReturn = failure != .connectRefused && failure != .connectTimedOut
            if pause > 0 { events.schedule(.retryDue(x), at: now + pause) } else { attempt(x) }
        }
    }

    private mutating func noteRetry(_ endpoint: Int) {
        statistics.endpoints[endpoint].retries += 1
        statistics.retries += 1
    }

    /// Sends the request elsewhere instead of passing on a response whose status the pool retries.
    ///
    /// - Returns: false when the response is to be passed on after all.
    mutating func retryInstead(_ attempt: SlotHandle) -> Bool {
        let (x, endpoint) = (attempts[attempt].request, attempts[attempt].endpoint)
        if requests[x].first != nil, requests[x].hedge != nil {
            finish(attempt)
            return true
        }
        let verdict = verdict(x, .status, wasSent: true)
        if case .giveUp(let isDenied) = verdict {
            if isDenied { statistics.deniedRetries += 1 }
            return false
        }
        finish(attempt)
        carryOut(verdict, x, endpoint, .status)
        return true
    }

    /// Asks a second endpoint as well, if the rules and the budget allow it and there is one.
    mutating func hedge(_ attempt: SlotHandle) {
        let x = attempts[attempt].request
        let balancer = requests[x].balancer
        guard requests[x].hedge == nil, !requests[x].holdsBudget,
            balancers[balancer].dispatcher.mayHedge(requests[x].progress(wasSent: true), now: now)
        else { return }
        takeBudget(x)
        requests[x].mayReturn = false
        guard case .endpoint(let endpoint, let lease) = chooseEndpoint(x) else { return giveBackBudget(x) }
        statistics.hedges += 1
        start(lease, x, endpoint, isHedge: true)
    }

    // MARK: - Judging

    /// The attempt's endpoint has answered.
    mutating func judge(_ attempt: SlotHandle, status: Int) {
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        let time = now - attempts[attempt].sentAt
        attempts[attempt].isJudged = true
        statistics.endpoints[endpoint].latency.record(now - attempts[attempt].admitted)
        if status >= 500 { statistics.endpoints[endpoint].errors += 1 }
        balancers[balancer].count(endpoint, isFailure: status >= 500, latency: time)
        let report = balancers[balancer].dispatcher.answered(
            endpoint, status: status, after: time, admitted: attempts[attempt].admitted, now: now)
        tell(report, balancer, endpoint)
    }

    /// The attempt's endpoint gave no response.
    mutating func judgeFailure(_ attempt: SlotHandle, isConnect: Bool = false) {
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        attempts[attempt].isJudged = true
        statistics.endpoints[endpoint].errors += 1
        balancers[balancer].count(endpoint, isFailure: true, latency: nil)
        let report = balancers[balancer].dispatcher.failed(
            endpoint, isConnect: isConnect, after: now - attempts[attempt].sentAt, admitted: attempts[attempt].admitted,
            now: now)
        tell(report, balancer, endpoint)
    }

    // MARK: - The budget

    private mutating func takeBudget(_ x: SlotHandle) {
        requests[x].holdsBudget = true
        observer.saw(.budgeted(request: requests[x].number, balancer: requests[x].balancer), at: now)
    }

    mutating func giveBackBudget(_ x: SlotHandle) {
        guard requests[x].holdsBudget else { return }
        requests[x].holdsBudget = false
        balancers[requests[x].balancer].dispatcher.retryEnded()
        observer.saw(.budgetReturned(request: requests[x].number, balancer: requests[x].balancer), at: now)
    }
}
