import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Retries and hedging: what follows when an attempt fails, or takes long.
extension Worker {
    /// The origin closed or broke the connection before a byte of the response.
    mutating func upstreamDied(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) {
        let wasUsed = connections[exchanges[x].upstream].wasUsed
        // One that had served others was most likely closed as idle, which says nothing about the endpoint.
        if !wasUsed { judgeFailure(x) }
        dropCurrent(x, &arena)
        failed(x, wasUsed ? .reusedConnectionDied : .freshConnectionDied, reason, &arena)
    }

    /// The origin's answer is no use, or there is none in time: the current attempt ends.
    mutating func attemptFailed(
        _ x: Int, _ failure: RetryPolicy.Failure, _ reason: Reason, _ arena: inout BufferArena
    ) {
        judgeFailure(x)
        dropCurrent(x, &arena)
        failed(x, failure, reason, &arena)
    }

    /// Tries again where the rules allow it, and answers for the origin where they do not. The current attempt has ended.
    mutating func failed(
        _ x: Int, _ failure: RetryPolicy.Failure, _ reason: Reason, _ arena: inout BufferArena
    ) {
        let request = exchanges[x].visitRequest
        guard
            let verdict = exchanges[x].visit.failed(
                failure, reason, of: request, by: routeRetries(x), &origins, now: now)
        else { return goOnAlone(x) }
        follow(verdict, x, &arena)
    }

    private mutating func follow(_ verdict: PoolVisit.Verdict, _ x: Int, _ arena: inout BufferArena) {
        if verdict.isDenied { counters.add(to: shared.layout.pool(exchanges[x].pool, .retriesDenied)) }
        if verdict.isRetry { counters.add(to: shared.layout.endpoint(exchanges[x].endpoint, .retries)) }
        carryOut(exchanges[x].visit.follow(verdict, &origins), x, &arena)
    }

    /// The other attempt has become the current one, and has the time left that it had.
    mutating func goOnAlone(_ x: Int) {
        let isConnecting = connections[exchanges[x].upstream].phase == .connecting
        setDeadline(exchanges[x].client, in: isConnecting ? connectTime(x) : responseHeadTime(x))
        if !isConnecting { keepTryLimit(x) }
    }

    /// Sends the request elsewhere instead of passing on a response whose status the pool retries.
    ///
    /// - Returns: false when the response is to be passed on after all.
    mutating func retryInstead(
        _ x: Int, _ head: ResponseHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) -> Bool {
        judge(x, status: head.status)
        if exchanges[x].visit.other.isUnderWay {
            leaveResponse(x, head, stretch, &arena)
            _ = exchanges[x].visit.promoteOther()
            goOnAlone(x)
            return true
        }
        let request = exchanges[x].visitRequest
        let verdict = exchanges[x].visit.verdict(.status, of: request, by: routeRetries(x), &origins, now: now)
        guard verdict.isRetry else {
            if verdict.isDenied { counters.add(to: shared.layout.pool(exchanges[x].pool, .retriesDenied)) }
            return false
        }
        leaveResponse(x, head, stretch, &arena)
        follow(verdict, x, &arena)
        return true
    }

    /// Ends the current attempt without its response. The connection is kept if all of that has come: many that are
    /// refused by an origin with too much to do must not cost it a new connection each.
    private mutating func leaveResponse(
        _ x: Int, _ head: ResponseHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) {
        let bodyCount = stretch.count - head.end
        let isWhole =
            switch head.framing {
            case .none: bodyCount == 0
            case .length(let length): UInt64(bodyCount) == length
            case .chunked, .untilClose: false
            }
        guard isWhole, head.keepsAlive, !exchanges[x].isPersonal else { return dropCurrent(x, &arena) }
        exchanges[x].upstreamKeepsAlive = true
        _ = keepInput(exchanges[x].upstream, Stretch(stretch.handle, Int(stretch.end)..<Int(stretch.end)), &arena)
        releaseUpstream(x, &arena)
        exchanges[x].upstreamKeepsAlive = false
    }

    // MARK: Hedging

    /// Asks a second endpoint as well, if the rules and the budget allow it and there is one.
    mutating func hedge(_ x: Int, _ arena: inout BufferArena) {
        guard exchanges[x].responsePhase == .awaited, exchanges[x].requestIsOver, !exchanges[x].isPersonal else {
            return
        }
        let request = exchanges[x].visitRequest
        guard let hedge = exchanges[x].visit.hedge(request, by: routeRetries(x), &origins, now: now) else { return }
        counters.add(to: shared.layout.pool(exchanges[x].pool, .hedges))
        start(hedge.lease, x, hedge.endpoint, &arena)
    }

    /// The current attempt answers first: the other is given up.
    mutating func dropOther(_ x: Int, _ arena: inout BufferArena) {
        guard let (loser, wasHedge) = exchanges[x].visit.win() else { return }
        if wasHedge { counters.add(to: shared.layout.pool(exchanges[x].pool, .hedgesWon)) }
        drop(loser, of: x, &arena)
    }
}
