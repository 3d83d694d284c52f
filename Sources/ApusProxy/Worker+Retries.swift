import ApusBalancing
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

    /// Tries again where the rules allow it, and answers for the origin where they do not.
    mutating func failed(
        _ x: Int, _ failure: RetryPolicy.Failure, _ reason: Reason, _ arena: inout BufferArena
    ) {
        exchanges[x].lastFailure = reason
        if promoteOther(x) { return }
        carryOut(verdict(x, failure), x, failure, &arena)
    }

    private mutating func verdict(_ x: Int, _ failure: RetryPolicy.Failure) -> PoolDispatcher.Verdict {
        giveBackBudget(x)
        guard !exchanges[x].replay.isEmpty else { return .giveUp(isDenied: false) }
        return decide(x, after: failure)
    }

    private mutating func carryOut(
        _ verdict: PoolDispatcher.Verdict, _ x: Int, _ failure: RetryPolicy.Failure, _ arena: inout BufferArena
    ) {
        let endpoint = exchanges[x].endpoint
        switch verdict {
        case .giveUp(let isDenied):
            if isDenied { counters.add(to: shared.layout.pool(exchanges[x].pool, .retriesDenied)) }
            noAnswer(x, exchanges[x].lastFailure ?? .upstreamClosed, &arena)
        case .retryFresh:
            exchanges[x].staleReplacements += 1
            counters.add(to: shared.layout.endpoint(endpoint, .retries))
            attemptAgain(x, &arena)
        case .retry(let pause, let isBudgeted):
            exchanges[x].holdsBudget = isBudgeted
            counters.add(to: shared.layout.endpoint(endpoint, .retries))
            // Asking the one that just refused again is futile; one that died may be back.
            exchanges[x].mayReturn = failure != .connectRefused && failure != .connectTimedOut
            if pause > 0 { pauseFor(x, pause) } else { attempt(x, &arena) }
        }
    }

    /// Sends the request elsewhere instead of passing on a response whose status the pool retries.
    ///
    /// - Returns: false when the response is to be passed on after all.
    mutating func retryInstead(
        _ x: Int, _ head: ResponseHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) -> Bool {
        judge(x, status: head.status)
        if exchanges[x].other.isUnderWay {
            leaveResponse(x, head, stretch, &arena)
            return promoteOther(x)
        }
        let verdict = verdict(x, .status)
        if case .giveUp(let isDenied) = verdict {
            if isDenied { counters.add(to: shared.layout.pool(exchanges[x].pool, .retriesDenied)) }
            return false
        }
        leaveResponse(x, head, stretch, &arena)
        carryOut(verdict, x, .status, &arena)
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
        let pool = exchanges[x].pool
        guard exchanges[x].responsePhase == .awaited, exchanges[x].requestIsOver, !exchanges[x].replay.isEmpty,
            !exchanges[x].other.isUnderWay, !exchanges[x].holdsBudget, !exchanges[x].isPersonal,
            mayHedge(x)
        else { return }
        exchanges[x].holdsBudget = true
        exchanges[x].mayReturn = false
        guard case .endpoint(let endpoint, let lease) = chooseEndpoint(x) else { return giveBackBudget(x) }
        counters.add(to: shared.layout.pool(pool, .hedges))
        exchanges[x].other = exchanges[x].current
        start(lease, x, endpoint, &arena)
    }

    /// Something happened on one of the exchange's two connections: it is the current one from now on.
    mutating func makeCurrent(_ upstream: Int, of x: Int) {
        guard exchanges[x].upstream != upstream else { return }
        let other = exchanges[x].other
        exchanges[x].other = exchanges[x].current
        exchanges[x].current = other
    }

    /// The current attempt has failed: the other, if there is one, goes on alone.
    mutating func promoteOther(_ x: Int) -> Bool {
        guard exchanges[x].other.isUnderWay else { return false }
        exchanges[x].current = exchanges[x].other
        exchanges[x].other = Attempt()
        let isConnecting = connections[exchanges[x].upstream].phase == .connecting
        setDeadline(exchanges[x].client, in: isConnecting ? connectTime(x) : responseHeadTime(x))
        if !isConnecting { keepTryLimit(x) }
        return true
    }

    /// The current attempt answers first: the other is given up.
    mutating func dropOther(_ x: Int, _ arena: inout BufferArena) {
        guard exchanges[x].other.isUnderWay else { return }
        let current = exchanges[x].current
        // The second of them is the hedge.
        if exchanges[x].other.started < current.started {
            counters.add(to: shared.layout.pool(exchanges[x].pool, .hedgesWon))
        }
        exchanges[x].current = exchanges[x].other
        exchanges[x].other = Attempt()
        dropCurrent(x, &arena)
        exchanges[x].current = current
    }
}
