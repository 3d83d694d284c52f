import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Retries and hedging: what follows when an attempt fails, or takes long.
extension Proxy {
    /// The current attempt has come to nothing, and ends.
    mutating func attemptFailed(_ x: Int, _ failure: AttemptFailure, _ arena: inout BufferArena) -> Next {
        if failure.blamesEndpoint {
            tell(.noResponse(endpoint: exchanges[x].endpoint, failure.reason, failure.handshake))
            judgeFailure(x, failure.fault)
        }
        if failure.endsBoth { dropUpstream(x, &arena) } else { dropCurrent(x, &arena) }
        return failed(x, failure.kind, failure.reason)
    }

    /// Tries again where the rules allow it, and answers for the origin where they do not. The current attempt has ended.
    mutating func failed(_ x: Int, _ failure: RetryPolicy.Failure, _ reason: Reason) -> Next {
        let request = exchanges[x].visitRequest
        guard
            let verdict = exchanges[x].state.visit.failed(
                failure, reason, of: request, by: routeRetries(x), &origins, now: now)
        else { return goOnAlone(x) }
        return follow(verdict, x)
    }

    private mutating func follow(_ verdict: PoolVisit.Verdict, _ x: Int) -> Next {
        if verdict.isDenied { records.counters.add(to: shared.layout.pool(exchanges[x].pool, .retriesDenied)) }
        if verdict.isRetry { records.counters.add(to: shared.layout.endpoint(exchanges[x].endpoint, .retries)) }
        return .visit(exchanges[x].state.visit.follow(verdict, &origins))
    }

    /// The other attempt has become the current one, and has the time left that it had.
    mutating func goOnAlone(_ x: Int) -> Next {
        guard !connections[exchanges[x].upstream].isBeingOpened else {
            setDeadline(exchange: x, in: connectTime(x))
            return .waits
        }
        let rest = exchanges[x].state.visit.headDue(responseHeadTime(x)) - now
        setDeadline(exchange: x, in: max(0, min(rest, PoolVisit.lookTime)))
        keepTryLimit(x)
        return .waits
    }

    /// Sends the request elsewhere instead of passing on a response whose status the pool retries.
    ///
    /// - Returns: `goesOn` when the response is to be passed on after all.
    mutating func retryInstead(
        _ x: Int, _ head: ResponseHead, _ stretch: Stretch, _ arena: inout BufferArena
    ) -> Next {
        judge(x, status: head.status)
        if exchanges[x].state.visit.other.isUnderWay {
            leaveResponse(x, head, stretch, &arena)
            _ = exchanges[x].state.visit.promoteOther()
            return goOnAlone(x)
        }
        let request = exchanges[x].visitRequest
        let verdict = exchanges[x].state.visit.verdict(.status, of: request, by: routeRetries(x), &origins, now: now)
        guard verdict.isRetry else {
            if verdict.isDenied { records.counters.add(to: shared.layout.pool(exchanges[x].pool, .retriesDenied)) }
            return .goesOn
        }
        leaveResponse(x, head, stretch, &arena)
        return follow(verdict, x)
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
        guard isWhole, head.keepsAlive, !exchanges[x].state.isPersonal else { return dropCurrent(x, &arena) }
        exchanges[x].state.upstreamKeepsAlive = true
        if scratch.responseFields.saysKeepAlive { noteKeepAlive(x, arena.bytes(stretch.handle, stretch.range)) }
        _ = keepInput(exchanges[x].upstream, stretch.rest(from: Int(stretch.end)), &arena)
        releaseUpstream(x, &arena)
        exchanges[x].state.upstreamKeepsAlive = false
    }

    // MARK: Hedging

    /// Asks a second endpoint as well, if the rules and the budget allow it and there is one.
    mutating func hedge(_ x: Int, _ arena: inout BufferArena) -> Next {
        guard exchanges[x].state.mayHedge else { return .waits }
        let request = exchanges[x].visitRequest
        guard let hedge = exchanges[x].state.visit.hedge(request, by: routeRetries(x), &origins, now: now) else {
            return .waits
        }
        records.counters.add(to: shared.layout.pool(exchanges[x].pool, .hedges))
        return start(hedge.lease, x, hedge.endpoint, &arena)
    }

    /// The current attempt answers first: the other is given up.
    mutating func dropOther(_ x: Int, _ arena: inout BufferArena) {
        guard let (loser, wasHedge) = exchanges[x].state.visit.win() else { return }
        if wasHedge { records.counters.add(to: shared.layout.pool(exchanges[x].pool, .hedgesWon)) }
        drop(loser, of: x, &arena)
    }
}
