import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel

/// Retries and hedging: what follows when an attempt fails, or takes long.
extension Simulation {
    /// The origin reset the connection before a byte of the response.
    mutating func connectionDied(_ attempt: SlotHandle) {
        let x = attempts[attempt].request
        let wasUsed = connections[attempts[attempt].connection].wasUsed
        observe(.broke, x)
        drive(x, requests[x].state.originBroke(hasPart: false, wasUsed: wasUsed))
    }

    /// No response has begun in time.
    mutating func responseTimedOut(_ x: SlotHandle) {
        observe(.late, x)
        drive(x, requests[x].state.timedOut(originStalls: false, clientStalls: false))
    }

    /// The client has closed its connection.
    mutating func clientLeaves(_ x: SlotHandle) {
        guard requests.contains(x) else { return }
        observer.saw(.clientLeft(request: requests[x].number, balancer: requests[x].balancer), at: now)
        drive(x, requests[x].state.clientEnded(isServed: false))
    }

    /// Carries out what follows a fact.
    mutating func drive(_ x: SlotHandle, _ next: Next) {
        switch next {
        case .goesOn, .waits, .over: break
        case .visit(let step): carryOut(step, x)
        case .attemptFailed(let failure): attemptFailed(x, failure)
        case .answer(let reason): end(x, .refused(Refusal(reason)), isAnswered: false)
        case .breakOff(let reason): breakOff(x, reason)
        }
    }

    /// The current attempt has come to nothing, and ends.
    private mutating func attemptFailed(_ x: SlotHandle, _ failure: AttemptFailure) {
        if failure.blamesEndpoint { judgeFailure(x, failure.fault) }
        if failure.endsBoth { dropOther(x) }
        dropCurrent(x)
        failed(x, failure.kind, failure.reason)
    }

    mutating func headDue(_ x: SlotHandle) {
        guard requests.contains(x), requests[x].headDue == now, requests[x].visit.current.isUnderWay else { return }
        responseTimedOut(x)
    }

    /// An attempt takes long: neither it nor the one beside it has been answered in the time that one may take, or a
    /// second endpoint is to be asked as well.
    mutating func tryDue(_ x: SlotHandle) {
        guard requests[x].visit.current.isUnderWay else { return }
        switch requests[x].visit.takeDue(now: now) {
        case .nothing: break
        case .hedge: hedge(x)
        case .tryLimit: triesTimedOut(x)
        }
    }

    private mutating func triesTimedOut(_ x: SlotHandle) {
        if requests[x].visit.other.isUnderWay {
            requests[x].visit.makeCurrent(requests[x].visit.other.connection)
            observe(.late, x)
            judgeFailure(x, .tooLate)
            dropCurrent(x)
            _ = requests[x].visit.promoteOther()
        }
        let connection = connections.handle(at: requests[x].visit.current.connection)
        if let attempt = connections[connection].attempt, attempts[attempt].isConnecting {
            return connectFailed(x, .timedOut)
        }
        observe(.late, x)
        attemptFailed(x, AttemptFailure(.tryTimedOut, .responseHeadTimeout))
    }

    /// Tries again where the rules allow it, and answers for the origin where they do not. The current attempt has ended.
    mutating func failed(_ x: SlotHandle, _ failure: RetryPolicy.Failure, _ reason: Reason) {
        let (request, retries, now) = (requests[x].visitRequest, routes[requests[x].route].retries, now)
        let verdict = visit(x) { $0.failed(failure, reason, of: request, by: retries, &$1, now: now) }
        guard let verdict else { return goOnAlone(x) }
        follow(verdict, x)
    }

    private mutating func follow(_ verdict: PoolVisit.Verdict, _ x: SlotHandle) {
        if verdict.isDenied { statistics.deniedRetries += 1 }
        if verdict.isRetry {
            statistics.endpoints[Int(requests[x].visit.current.endpoint)].retries += 1
            statistics.retries += 1
        }
        let step = visit(x) { $0.follow(verdict, &$1) }
        if case .start(let endpoint, let lease) = step {
            start(lease, x, endpoint, isReplacement: true)
        } else {
            carryOut(step, x)
        }
    }

    /// Sends the request elsewhere instead of passing on a response whose status the pool retries.
    ///
    /// - Returns: false when the response is to be passed on after all.
    mutating func retryInstead(_ x: SlotHandle) -> Bool {
        if requests[x].visit.other.isUnderWay {
            finish(x)
            _ = requests[x].visit.promoteOther()
            goOnAlone(x)
            return true
        }
        let (request, retries, now) = (requests[x].visitRequest, routes[requests[x].route].retries, now)
        let verdict = visit(x) { $0.verdict(.status, of: request, by: retries, &$1, now: now) }
        guard verdict.isRetry else {
            if verdict.isDenied { statistics.deniedRetries += 1 }
            return false
        }
        finish(x)
        follow(verdict, x)
        return true
    }

    /// Asks a second endpoint as well, if the rules and the budget allow it and there is one.
    private mutating func hedge(_ x: SlotHandle) {
        guard requests[x].state.mayHedge else { return }
        let (request, retries, now) = (requests[x].visitRequest, routes[requests[x].route].retries, now)
        guard let hedge = visit(x, { $0.hedge(request, by: retries, &$1, now: now) }) else { return }
        statistics.hedges += 1
        start(hedge.lease, x, hedge.endpoint)
    }
}
