import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Attempts: an endpoint is chosen, a connection to it leased or opened, the request sent.
extension Proxy {
    /// Sends the exchange's request to an endpoint of its pool, or has it wait for one, or answers why not.
    mutating func attempt(_ x: Int, _ arena: inout BufferArena) -> Next {
        var choice = choose(x)
        if case .endpoint(let endpoint, let lease) = choice { return start(lease, x, endpoint, &arena) }
        if case .saturated = choice, let another = chooseAgain(x, &arena) {
            if case .endpoint(let endpoint, let lease) = another { return start(lease, x, endpoint, &arena) }
            choice = another
        }
        return .visit(
            exchanges[x].state.visit.settle(choice, &origins, as: Int32(truncatingIfNeeded: x), now: now))
    }

    /// Chooses where the next attempt goes, which the caller must start.
    @inline(__always)
    mutating func choose(_ x: Int) -> PoolVisit.Choice {
        if connections[exchanges[x].client].bound >= 0, let choice = boundChoice(x) { return choice }
        return exchanges[x].state.visit.choose(from: &origins, now: now)
    }

    /// Does what the exchange's visit to its pool asks for.
    mutating func takeStep(_ step: PoolVisit.Step, _ x: Int, _ arena: inout BufferArena) -> Next {
        switch step {
        case .start(let endpoint, let lease): return start(lease, x, endpoint, &arena)
        case .seek: return attempt(x, &arena)
        case .queue(let time):
            showQueue(of: exchanges[x].pool)
            wait(x, for: time)
        case .pause(let time): wait(x, for: time)
        case .staysQueued: break
        case .refuse(let reason): return noAnswer(x, reason, &arena)
        }
        return .waits
    }

    /// Begins an attempt at the endpoint, the exchange's current one: sends the request on the leased connection, or opens one.
    mutating func start(
        _ lease: UpstreamConnectionPool.LeaseAction, _ x: Int, _ endpoint: Int, _ arena: inout BufferArena
    ) -> Next {
        beginAttempt(x, endpoint)
        switch lease {
        case .reuse(let upstream): return reuse(upstream, x, endpoint, &arena)
        case .connect: return connect(x, endpoint, &arena)
        // HTTP/1 carries one exchange at a time, and `choose` gives no lease that was refused.
        case .share, .refuse: preconditionFailure("no connection of HTTP/1 is shared")
        }
    }

    @inline(__always)
    private mutating func reuse(_ upstream: Int32, _ x: Int, _ endpoint: Int, _ arena: inout BufferArena) -> Next {
        records.counters.add(to: shared.layout.endpoint(endpoint, .connectionsReused))
        connections[Int(upstream)].phase = .leased
        connections[Int(upstream)].exchange = Int32(x)
        connections[Int(upstream)].deadline = .max
        exchanges[x].state.visit.current.connection = upstream
        return sendRequest(x, &arena)
    }

    private mutating func connect(_ x: Int, _ endpoint: Int, _ arena: inout BufferArena) -> Next {
        if connections[exchanges[x].client].bound >= 0, let held = heldInstead(x, endpoint) {
            return reuse(held, x, endpoint, &arena)
        }
        var link = Link()
        var result = connections.links.connect(&link, to: settings.endpointAddress[endpoint])
        if result.isFailure, case .shortage(let shortage) = ConnectFailure(errno: result.errno) {
            if let kept = keptInstead(of: shortage, x, endpoint) { return reuse(kept, x, endpoint, &arena) }
            if shortage == .descriptors, giveUpIdleUpstream(&arena) || giveUpHeld(&arena) {
                result = connections.links.connect(&link, to: settings.endpointAddress[endpoint])
            }
        }
        guard !result.isFailure else {
            return connectFailed(x, ConnectFailure(errno: result.errno), &arena)
        }
        let context = settings.poolContext[settings.endpointPool[endpoint]]
        guard context < 0 || !connections.links.shield(&link, from: context, to: Int32(endpoint)).isFailure else {
            connections.links.close(&link, &arena)
            return connectFailed(x, .shortage(.memory), &arena)
        }
        guard let upstream = connections.take(Connection(upstream: link, endpoint: endpoint, exchange: x, now: now))
        else {
            // There is no place for it, or no memory to have it watched.
            connections.links.close(&link, &arena)
            return connectFailed(x, .shortage(.descriptors), &arena)
        }
        exchanges[x].upstream = upstream
        setDeadline(exchange: x, in: connectTime(x))
        return .waits
    }

    mutating func connectProceeds(_ upstream: Int, isWritable: Bool, _ arena: inout BufferArena) -> Next {
        let x = Int(connections[upstream].exchange)
        exchanges[x].state.visit.makeCurrent(Int32(truncatingIfNeeded: upstream))
        if connections[upstream].isBroken, connections[upstream].phase == .connecting {
            let errno = connections.links.pendingError(of: connections[upstream].link)
            return connectFailed(x, ConnectFailure(errno: errno), &arena)
        }
        if connections[upstream].phase == .connecting {
            guard isWritable else { return .waits }
            connections[upstream].phase = .opening
            if let version = settings.poolHeader[settings.endpointPool[Int(connections[upstream].place)]] {
                let result = introduce(exchanges[x].client, on: upstream, version, &arena)
                if result.isFailure { return connectFailed(x, ConnectFailure(errno: result.errno), &arena) }
            }
        }
        if !connections[upstream].link.isPlain {
            let result = connections.handshake(upstream, &arena)
            if result.wouldBlock || result.isInProgress { return .waits }
            if result.isFailure { return connectFailed(x, whyNotShaken(result), &arena) }
        }
        let endpoint = exchanges[x].endpoint
        records.counters.add(to: shared.layout.endpoint(endpoint, .connectionsOpened))
        if neighbours.hasFailed[endpoint] {
            neighbours.hasFailed[endpoint] = false
            shared.report(.connectSucceeded(endpoint: endpoint))
        }
        connections[upstream].phase = .leased
        // What came along with the end of the handshake: no event tells of it again.
        if connections[upstream].mayBeRead { connections.makeReady(upstream) }
        return sendRequest(x, &arena)
    }

    /// The connection to the exchange's endpoint could not be opened.
    mutating func connectFailed(_ x: Int, _ cause: ConnectFailure, _ arena: inout BufferArena) -> Next {
        let endpoint = exchanges[x].endpoint
        let upstream = exchanges[x].upstream
        let cause = whyNotConnected(cause, endpoint)
        let failure = AttemptFailure(cause)
        origins.connections[endpoint].connectFailed()
        if failure.blamesEndpoint {
            shared.report(.connectFailed(endpoint: endpoint, cause))
            records.counters.add(to: shared.layout.endpoint(endpoint, .connectFailures))
            neighbours.hasFailed[endpoint] = true
            // A fault of TLS may be that of requests alone: health checks may ask for nothing that needs a certificate, or there are none.
            if let fault = failure.handshake { tell(.noResponse(endpoint: endpoint, failure.reason, fault)) }
            judgeFailure(x, failure.fault)
        } else {
            records.counters.add(to: shared.layout.endpoint(endpoint, .connectShortages))
            tell(.shortage(endpoint: endpoint, cause))
        }
        endAttempt(x, exchanges[x].state.visit.current)
        if upstream >= 0 {
            connections.close(upstream, &arena)
            exchanges[x].upstream = -1
        }
        return failed(x, failure.kind, failure.reason)
    }

    /// The connection to the exchange's endpoint was not open in time.
    mutating func connectTimedOut(_ x: Int, _ arena: inout BufferArena) -> Next {
        let isOpening = connections[exchanges[x].upstream].phase == .opening
        return connectFailed(x, isOpening ? .handshakeTimedOut : .timedOut, &arena)
    }

    /// Why a handshake has just failed.
    private mutating func whyNotShaken(_ result: SystemResult) -> ConnectFailure {
        if let fault = HandshakeFault(connections.links.fault, result) { return .handshake(fault) }
        let failure = ConnectFailure(errno: result.errno)
        return failure == .reset ? .handshake(.left) : failure
    }

    /// What the system calls a want of local ports may be that of an address to begin from, which no port will mend.
    private mutating func whyNotConnected(_ cause: ConnectFailure, _ endpoint: Int) -> ConnectFailure {
        guard cause == .shortage(.ports), !connections.links.reaches(settings.endpointAddress[endpoint]) else {
            return cause
        }
        return .unreachable
    }

    /// Sends the kept request on the connection that is ready for it.
    private mutating func sendRequest(_ x: Int, _ arena: inout BufferArena) -> Next {
        let upstream = exchanges[x].upstream
        let sent = sendKept(exchanges[x].replay, to: upstream, for: exchanges[x].client, &arena)
        switch sent {
        case .all, .noMemory: break
        case .failed: return exchanges[x].state.originBroke(hasPart: false, wasUsed: connections[upstream].wasUsed)
        case .systemHasNoMemory: return noMemoryToSend(x, &arena)
        }
        exchanges[x].state.visit.current.wasSent = connections.sentCount > 0
        exchanges[x].state.visit.current.started = now
        if case .noMemory = sent {
            return noMemoryToSend(x, &arena)
        }
        setDeadline(exchange: x, in: timeOfSent(x, on: upstream))
        if origins.rules[exchanges[x].pool].limitsTries || !exchanges[x].hasPlainRoute { setTryLimits(x) }
        guard !exchanges[x].state.request.isComplete else { return .waits }
        // The attempt before may have ended in the middle of it.
        exchanges[x].state.requestWasAbandoned = false
        return relayRequest(x, &arena)
    }

    private mutating func noMemoryToSend(_ x: Int, _ arena: inout BufferArena) -> Next {
        guard exchanges[x].state.visit.other.isUnderWay else { return .answer(.memoryLimit) }
        // The attempt beside it has all that it needs.
        dropCurrent(x, &arena)
        _ = exchanges[x].state.visit.promoteOther()
        return goOnAlone(x)
    }
}
