import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel

/// Attempts: what a visit decides is carried out, as ApusProxy's worker carries it out.
extension Simulation {
    /// Sends the request to an endpoint of the pool, or has it wait for one, or answers why not.
    mutating func attempt(_ x: SlotHandle) {
        let now = now
        carryOut(visit(x) { $0.seek(&$1, as: x.index, now: now) }, x)
    }

    /// Says something to a request's visit, and to the observer what that did to the budget.
    mutating func visit<Answer>(
        _ x: SlotHandle, _ body: (inout PoolVisit, inout Origins<SimulatedCounts>) -> Answer
    ) -> Answer {
        let balancer = requests[x].balancer
        let wasBudgeted = requests[x].visit.isBudgeted
        let answer = body(&requests[x].visit, &balancers[balancer].origins)
        let isBudgeted = requests[x].visit.isBudgeted
        if isBudgeted != wasBudgeted {
            let number = requests[x].number
            observer.saw(
                isBudgeted
                    ? .budgeted(request: number, balancer: balancer)
                    : .budgetReturned(request: number, balancer: balancer), at: now)
        }
        return answer
    }

    /// Does what a visit asks for.
    mutating func carryOut(_ step: PoolVisit.Step, _ x: SlotHandle) {
        switch step {
        case .start(let endpoint, let lease): start(lease, x, endpoint)
        case .seek: attempt(x)
        case .queue: wait(x)
        case .staysQueued: break
        case .pause(let time): events.schedule(.retryDue(x), at: now + time)
        case .refuse(let reason): noAnswer(x, reason)
        }
    }

    mutating func start(
        _ lease: UpstreamConnectionPool.LeaseAction, _ x: SlotHandle, _ endpoint: Int, isReplacement: Bool = false
    ) {
        let balancer = requests[x].balancer
        // Until the request is sent again nobody waits for a response.
        requests[x].headDue = .max
        requests[x].lookDue = .max
        begin(x, endpoint, isReplacement: isReplacement)
        let connection: SlotHandle
        var isConnecting = false
        if case .reuse(let index) = lease {
            connection = connections.handle(at: index)
            connections[connection].isIdle = false
        } else if let shortage = scenario.shortage(towards: endpoint, at: now) {
            statistics.shortages += 1
            return connectFailed(x, .shortage(shortage))
        } else {
            connection = connections.insert(SimulatedConnection(balancer: balancer, endpoint: endpoint))
            isConnecting = true
        }
        let draw = UInt64(requests[x].number) << 8 | UInt64(requests[x].visit.attempts & 0xff)
        var luck = randomness.stream(.errors, draw)
        let attempt = attempts.insert(
            SimulatedAttempt(
                request: x, balancer: balancer, endpoint: endpoint, connection: connection,
                demand: requests[x].demand, luck: luck.nextUnit(), isConnecting: isConnecting))
        connections[connection].attempt = attempt
        requests[x].visit.current.connection = connection.index
        guard isConnecting else { return send(attempt) }
        expectConnection(attempt)
        events.schedule(.connectReachedOrigin(attempt), at: now + scenario.origins.networkDelay)
    }

    /// The time for a connection begins now.
    private mutating func expectConnection(_ attempt: SlotHandle) {
        let route = requests[attempts[attempt].request].route
        attempts[attempt].connectDue = now + length(.connect, route)
        setDeadline(.connect, attempt, route)
    }

    private mutating func begin(_ x: SlotHandle, _ endpoint: Int, isReplacement: Bool) {
        let balancer = requests[x].balancer
        let isPanicking = balancers[balancer].dispatcher.isPanicking
        statistics.attemptStarted(endpoint)
        if isPanicking { statistics.panicPicks += 1 }
        observer.saw(
            .attemptStarted(
                SimulatedStart(
                    request: requests[x].number, balancer: balancer, endpoint: endpoint, isReplacement: isReplacement,
                    isSession: requests[x].visit.pick.session.map(Int.init) == endpoint, isPanicking: isPanicking)),
            at: now)
        let now = now
        let report = visit(x) { $0.begin(at: endpoint, of: &$1, now: now) }
        tell(report, balancer, endpoint)
    }

    /// The connection is open: the request goes out on it.
    private mutating func send(_ attempt: SlotHandle) {
        let x = attempts[attempt].request
        let route = requests[x].route
        requests[x].visit.current.started = now
        requests[x].visit.current.wasSent = true
        expectHead(x)
        expectLook(x)
        let (perTry, hedgeAfter) = (length(.perTry, route), length(.hedge, route))
        requests[x].visit.setTryLimits(perTry: perTry, hedgeAfter: hedgeAfter, now: now)
        if perTry != .max { setDeadline(.perTry, x, route) }
        if hedgeAfter != .max, requests[x].visit.attempts == 1 { setDeadline(.hedge, x, route) }
        events.schedule(.requestReachedOrigin(attempt), at: now + scenario.origins.networkDelay)
    }

    /// The time for a response to begin starts now.
    private mutating func expectHead(_ x: SlotHandle) {
        requests[x].headDue = requests[x].visit.headDue(length(.responseHead, requests[x].route))
        setDeadline(.responseHead, x, requests[x].route)
    }

    /// If it is not answered soon, the attempt will be looked at.
    mutating func expectLook(_ x: SlotHandle) {
        requests[x].lookDue = now + PoolVisit.lookTime
        setDeadline(.look, x, requests[x].route)
    }

    mutating func connectEnded(_ attempt: SlotHandle) {
        guard !attempts[attempt].isAbandoned else { return attempts.remove(attempt) }
        makeCurrent(attempt)
        guard case .pending = attempts[attempt].fate else {
            return connectFailed(attempts[attempt].request, .refused)
        }
        let (balancer, endpoint) = (attempts[attempt].balancer, attempts[attempt].endpoint)
        attempts[attempt].isConnecting = false
        if balancers[balancer].hasFailed[endpoint] {
            balancers[balancer].hasFailed[endpoint] = false
            carryOut(balancers[balancer].control.connectSucceeded(endpoint, now: now), of: balancer)
        }
        send(attempt)
    }

    /// The connection to the current attempt's endpoint could not be opened.
    mutating func connectFailed(_ x: SlotHandle, _ cause: ConnectFailure) {
        let failure = AttemptFailure(cause)
        let (balancer, ended) = (requests[x].balancer, requests[x].visit.current)
        let endpoint = Int(ended.endpoint)
        observe(.notConnected(cause), x)
        let changes = balancers[balancer].control.connectFailed(endpoint, CheckFailure(cause), now: now)
        carryOut(changes, of: balancer)
        if failure.blamesEndpoint {
            balancers[balancer].hasFailed[endpoint] = true
            judgeFailure(x, failure.fault)
        }
        if ended.isUnderWay {
            dropCurrent(x)
        } else {
            // Not even a socket was there.
            balancers[balancer].origins.connections[endpoint].connectFailed()
            endAttempt(requests[x].visit.current, of: x)
        }
        failed(x, failure.kind, failure.reason)
    }

    mutating func fateReachedBalancer(_ attempt: SlotHandle) {
        guard !attempts[attempt].isAbandoned else { return attempts.remove(attempt) }
        makeCurrent(attempt)
        switch attempts[attempt].fate {
        case .answered(let status): answered(attempt, status: status)
        case .reset, .refused, .pending: connectionDied(attempt)
        }
    }

    /// Something happened to the attempt: it is the current one of its request from now on.
    mutating func makeCurrent(_ attempt: SlotHandle) {
        requests[attempts[attempt].request].visit.makeCurrent(attempts[attempt].connection.index)
    }

    private mutating func answered(_ attempt: SlotHandle, status: Int) {
        let (x, endpoint) = (attempts[attempt].request, attempts[attempt].endpoint)
        observe(.answered(status: status), x)
        judge(x, status: status)
        let retries = routes[requests[x].route].retries
        if visit(x, { $0.retriesStatus(status, by: retries, $1) }), retryInstead(x) { return }
        if let (loser, wasHedge) = requests[x].visit.win() {
            if wasHedge { statistics.hedgesWon += 1 }
            drop(loser, of: x)
        }
        if !sessions.isEmpty { sessions[requests[x].client] = Int32(endpoint) }
        finish(x)
        end(x, .answered(status: status), isAnswered: true)
    }

    // MARK: - Judging

    /// The current attempt's endpoint has answered.
    private mutating func judge(_ x: SlotHandle, status: Int) {
        let (route, now) = (requests[x].route, now)
        let outcome = AttemptOutcome(status: status)
        guard let report = visit(x, { $0.answered(outcome, route: route, &$1, now: now) }) else { return }
        let (balancer, attempt) = (requests[x].balancer, requests[x].visit.current)
        let endpoint = Int(attempt.endpoint)
        statistics.endpoints[endpoint].latency.record(now - attempt.admitted)
        if status >= 500 { statistics.endpoints[endpoint].errors += 1 }
        balancers[balancer].count(endpoint, isFailure: outcome != .served, latency: now - attempt.started)
        tell(report, balancer, endpoint)
    }

    /// The current attempt's endpoint gave no response.
    mutating func judgeFailure(_ x: SlotHandle, _ fault: AttemptFault) {
        let (route, now) = (requests[x].route, now)
        guard let report = visit(x, { $0.gaveNone(fault, route: route, &$1, now: now) }) else { return }
        let (balancer, endpoint) = (requests[x].balancer, Int(requests[x].visit.current.endpoint))
        statistics.endpoints[endpoint].errors += 1
        balancers[balancer].count(endpoint, isFailure: true, latency: nil)
        tell(report, balancer, endpoint)
    }

    // MARK: - The other of two

    /// The other attempt has become the current one, and has the time left that it had.
    mutating func goOnAlone(_ x: SlotHandle) {
        let connection = connections.handle(at: requests[x].visit.current.connection)
        guard let attempt = connections[connection].attempt else { return }
        guard !attempts[attempt].isConnecting else { return expectConnection(attempt) }
        let route = requests[x].route
        requests[x].headDue = max(now, requests[x].visit.headDue(length(.responseHead, route)))
        events.schedule(.headDue(x), at: requests[x].headDue)
        expectLook(x)
        let perTry = length(.perTry, route)
        guard perTry != .max else { return }
        requests[x].visit.keepTryLimit(perTry: perTry, now: now)
        events.schedule(.tryDue(x), at: requests[x].visit.nextDue)
    }
}
