import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// Attempts: an endpoint is picked, a connection to it leased or opened, the request sent; and again elsewhere when
/// that fails and may be repeated.
extension Worker {
    /// Sends the exchange's request to an endpoint of its pool.
    ///
    /// - Parameter returning: whether an endpoint that was tried will do when there is no other.
    mutating func attempt(_ x: Int, returning: Bool = false, _ arena: inout BufferArena) {
        let pool = exchanges[x].pool
        var mayReturn = returning
        while true {
            let load = SharedLoad(counts: shared.loads, first: settings.poolStart[pool])
            guard let picked = pickers[pool].pick(
                    load: load, excluding: exchanges[x].tried, orTried: mayReturn, now: now) else {
                return answer(x, noEndpointReason(x), &arena)
            }
            exchanges[x].tried.insert(picked)
            let endpoint = settings.poolStart[pool] + picked
            let lease =
                settings.retries.needsFreshConnection(exchanges[x].progress)
                ? upstreams[endpoint].leaseFresh() : upstreams[endpoint].lease()
            if lease == .refuse {
                exchanges[x].lastFailure = exchanges[x].lastFailure ?? .poolSaturated
                // The ones that were not tried are left, each once.
                mayReturn = false
                continue
            }
            exchanges[x].attempts += 1
            return start(lease, x, endpoint, &arena)
        }
    }

    /// Sends it to the same endpoint again, over a connection that nobody has used.
    private mutating func attemptAgain(_ x: Int, _ endpoint: Int, _ arena: inout BufferArena) {
        let lease = upstreams[endpoint].leaseFresh()
        guard lease != .refuse else { return answer(x, .poolSaturated, &arena) }
        start(lease, x, endpoint, &arena)
    }

    private func noEndpointReason(_ x: Int) -> Reason {
        if let failure = exchanges[x].lastFailure { return failure }
        return .noHealthyEndpoint
    }

    private mutating func start(
        _ lease: UpstreamConnectionPool.LeaseAction, _ x: Int, _ endpoint: Int, _ arena: inout BufferArena
    ) {
        exchanges[x].endpoint = endpoint
        exchanges[x].wasSent = false
        if settings.poolCountsLoad[exchanges[x].pool] { shared.loads.add(1, to: endpoint) }
        counters.add(to: shared.layout.endpoint(endpoint, .exchangesStarted))
        if case .reuse(let upstream) = lease {
            counters.add(to: shared.layout.endpoint(endpoint, .connectionsReused))
            connections[Int(upstream)].phase = .leased
            connections[Int(upstream)].exchange = Int32(x)
            connections[Int(upstream)].deadline = .max
            exchanges[x].upstream = Int(upstream)
            sendRequest(x, &arena)
        } else {
            connect(x, endpoint, &arena)
        }
    }

    private mutating func connect(_ x: Int, _ endpoint: Int, _ arena: inout BufferArena) {
        let result = Socket.connect(settings.endpointAddress[endpoint])
        guard !result.isFailure else {
            if result.isOutOfDescriptors {
                upstreams[endpoint].connectFailed()
                endAttempt(x)
                return answer(x, .descriptorLimit, &arena)
            }
            return connectFailed(x, errno: result.errno, &arena)
        }
        let socket = Socket(descriptor: Int32(truncatingIfNeeded: result.rawValue))
        guard
            let upstream = connections.insert(Connection(upstream: socket, endpoint: endpoint, exchange: x))
        else {
            socket.close()
            upstreams[endpoint].connectFailed()
            endAttempt(x)
            return answer(x, .descriptorLimit, &arena)
        }
        exchanges[x].upstream = upstream
        guard register(upstream) else { return connectFailed(x, errno: outOfMemoryErrno, &arena) }
        setDeadline(exchanges[x].client, in: settings.connect)
    }

    mutating func connectProceeds(_ upstream: Int, isWritable: Bool, _ arena: inout BufferArena) {
        let x = Int(connections[upstream].exchange)
        if connections[upstream].isBroken {
            return connectFailed(x, errno: connections[upstream].socket.pendingError, &arena)
        }
        guard isWritable else { return }
        let endpoint = exchanges[x].endpoint
        counters.add(to: shared.layout.endpoint(endpoint, .connectionsOpened))
        if hasFailed[endpoint] {
            hasFailed[endpoint] = false
            shared.facts.yield(.connectSucceeded(endpoint: endpoint))
        }
        connections[upstream].phase = .leased
        sendRequest(x, &arena)
    }

    /// The connection to the exchange's endpoint could not be opened.
    mutating func connectFailed(_ x: Int, errno: Int32, _ arena: inout BufferArena) {
        let endpoint = exchanges[x].endpoint
        let upstream = exchanges[x].upstream
        counters.add(to: shared.layout.endpoint(endpoint, .connectFailures))
        hasFailed[endpoint] = true
        shared.facts.yield(.connectFailed(endpoint: endpoint, errno: errno))
        upstreams[endpoint].connectFailed()
        endAttempt(x)
        if upstream >= 0 {
            connections[upstream].socket.close()
            connections.remove(upstream)
            exchanges[x].upstream = -1
        }
        let timedOut = errno == timedOutErrno
        failed(
            x, timedOut ? .connectTimedOut : .connectRefused, timedOut ? .connectTimeout : .connectFailed, &arena)
    }

    /// Sends the kept request on the connection that is ready for it.
    private mutating func sendRequest(_ x: Int, _ arena: inout BufferArena) {
        let upstream = exchanges[x].upstream
        let client = exchanges[x].client
        let replay = exchanges[x].replay
        let result = arena.send(to: connections[upstream].socket, replay.handle, replay.range)
        guard !result.isFailure || result.wouldBlock else { return upstreamDied(x, .upstreamReset, &arena) }
        let sent = max(0, result.rawValue)
        exchanges[x].wasSent = sent > 0
        if sent < replay.count {
            guard let handle = arena.borrow(replay.count - sent) else { return answer(x, .memoryLimit, &arena) }
            arena.copy(from: replay.handle, sent..<replay.count, to: handle, at: 0)
            connections[upstream].output = Stretch(handle, 0..<replay.count - sent)
        }
        let waitsForOrigin = exchanges[x].request.isComplete || exchanges[x].awaitsContinue
        setDeadline(client, in: waitsForOrigin ? settings.responseHead : settings.body)
        if !exchanges[x].request.isComplete { relayRequest(x, &arena) }
    }

    /// The origin closed or broke the connection before a byte of the response.
    mutating func upstreamDied(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) {
        let wasUsed = connections[exchanges[x].upstream].wasUsed
        dropUpstream(x, &arena)
        failed(x, wasUsed ? .reusedConnectionDied : .freshConnectionDied, reason, &arena)
    }

    /// Tries again where the rules allow it, and answers for the origin where they do not.
    mutating func failed(
        _ x: Int, _ failure: RetryPolicy.Failure, _ reason: Reason, _ arena: inout BufferArena
    ) {
        exchanges[x].lastFailure = reason
        let endpoint = exchanges[x].endpoint
        let decision =
            exchanges[x].replay.isEmpty ? .giveUp : settings.retries.decide(after: failure, of: exchanges[x].progress)
        switch decision {
        case .giveUp: answer(x, reason, &arena)
        case .retryFreshSameEndpoint:
            exchanges[x].staleReplacements += 1
            counters.add(to: shared.layout.endpoint(endpoint, .retries))
            attemptAgain(x, endpoint, &arena)
        case .retryOtherEndpoint:
            counters.add(to: shared.layout.endpoint(endpoint, .retries))
            // Asking the one that just refused again is futile; one that died may be back.
            let mayReturn = failure != .connectRefused && failure != .connectTimedOut
            attempt(x, returning: mayReturn, &arena)
        }
    }

    /// The exchange is no longer in flight at its endpoint.
    mutating func endAttempt(_ x: Int) {
        let endpoint = exchanges[x].endpoint
        if settings.poolCountsLoad[exchanges[x].pool] { shared.loads.add(-1, to: endpoint) }
        counters.add(to: shared.layout.endpoint(endpoint, .exchangesEnded))
    }
}

/// The exchanges in flight on the endpoints of one pool, over all workers.
private struct SharedLoad: EndpointLoad {
    let counts: SharedCounts
    let first: Int

    func load(_ index: Int) -> Int { counts.value(first + index) }
}
