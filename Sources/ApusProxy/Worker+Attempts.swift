import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// Attempts: an endpoint is chosen, a connection to it leased or opened, the request sent.
extension Worker {
    /// Sends the exchange's request to an endpoint of its pool, or has it wait for one, or answers why not.
    mutating func attempt(_ x: Int, _ arena: inout BufferArena) {
        let choice = chooseEndpoint(x)
        guard case .endpoint(let endpoint, let lease) = choice else { return notChosen(x, choice, &arena) }
        start(lease, x, endpoint, &arena)
    }

    enum EndpointChoice {
        /// An endpoint of the snapshot, and how to get a connection to it.
        case endpoint(Int, UpstreamConnectionPool.LeaseAction)
        /// All that could take it have as much as they may have.
        case saturated
        case none(Reason)
    }

    /// Chooses an endpoint and counts the attempt, which the caller must start.
    mutating func chooseEndpoint(_ x: Int) -> EndpointChoice {
        if connections[exchanges[x].client].bound >= 0, let choice = boundChoice(x) { return choice }
        let pool = exchanges[x].pool
        let rules = settings.pools[pool]
        var mayReturn = exchanges[x].mayReturn
        var isCrowded = false
        while true {
            if rules.limit != .max, shared.poolLoads.value(pool) >= rules.limit { return .saturated }
            let load = SharedLoad(
                counts: shared.loads, first: rules.start, limit: rules.endpointLimit,
                total: rules.countsTotal ? shared.poolLoads.value(pool) : nil)
            let choice = dispatchers[pool].choose(
                exchanges[x].pick, load: load, excluding: exchanges[x].tried, orTried: mayReturn, now: now)
            switch choice {
            case .endpoint(let picked):
                exchanges[x].tried.insert(picked)
                let endpoint = rules.start + picked
                if let lease = lease(endpoint, x) {
                    exchanges[x].attempts += 1
                    return .endpoint(endpoint, lease)
                }
                // The ones that were not tried are left, each once.
                isCrowded = true
                mayReturn = false
            case .saturated: return .saturated
            case .exhausted where isCrowded: return .saturated
            case .breakerOpen: return .none(exchanges[x].lastFailure ?? .breakerOpen)
            case .unavailable, .exhausted: return .none(exchanges[x].lastFailure ?? .noHealthyEndpoint)
            }
        }
    }

    /// A place at the endpoint and a connection to it; nil when either is not to be had.
    private mutating func lease(_ endpoint: Int, _ x: Int, fresh: Bool = false) -> UpstreamConnectionPool.LeaseAction? {
        let pool = exchanges[x].pool
        guard countStart(endpoint, pool) else { return nil }
        let needsFresh = fresh || dispatchers[pool].needsFreshConnection(exchanges[x].progress)
        let lease = needsFresh ? upstreams[endpoint].leaseFresh() : upstreams[endpoint].lease()
        guard lease == .refuse else { return lease }
        countEnd(endpoint, pool)
        return nil
    }

    /// Sends it to the same endpoint again, over a connection that nobody has used.
    mutating func attemptAgain(_ x: Int, _ arena: inout BufferArena) {
        let endpoint = exchanges[x].endpoint
        guard let lease = lease(endpoint, x, fresh: true) else { return attempt(x, &arena) }
        start(lease, x, endpoint, &arena)
    }

    /// Makes the attempt the exchange's current one.
    mutating func start(
        _ lease: UpstreamConnectionPool.LeaseAction, _ x: Int, _ endpoint: Int, _ arena: inout BufferArena
    ) {
        beginAttempt(x, endpoint)
        if case .reuse(let upstream) = lease {
            counters.add(to: shared.layout.endpoint(endpoint, .connectionsReused))
            connections[Int(upstream)].phase = .leased
            connections[Int(upstream)].exchange = Int32(x)
            connections[Int(upstream)].deadline = .max
            exchanges[x].current.upstream = upstream
            sendRequest(x, &arena)
        } else {
            connect(x, endpoint, &arena)
        }
    }

    private mutating func connect(_ x: Int, _ endpoint: Int, _ arena: inout BufferArena) {
        let result = Socket.connect(settings.endpointAddress[endpoint])
        guard !result.isFailure else {
            if result.isOutOfDescriptors { return connectionNotMade(x, endpoint, &arena) }
            return connectFailed(x, errno: result.errno, &arena)
        }
        let socket = Socket(descriptor: Int32(truncatingIfNeeded: result.rawValue))
        guard
            let upstream = connections.insert(Connection(upstream: socket, endpoint: endpoint, exchange: x))
        else {
            socket.close()
            return connectionNotMade(x, endpoint, &arena)
        }
        exchanges[x].upstream = upstream
        guard register(upstream) else { return connectFailed(x, errno: outOfMemoryErrno, &arena) }
        setDeadline(exchanges[x].client, in: connectTime(x))
    }

    /// There is no descriptor for a connection; the endpoint has nothing to do with it.
    private mutating func connectionNotMade(_ x: Int, _ endpoint: Int, _ arena: inout BufferArena) {
        upstreams[endpoint].connectFailed()
        endAttempt(x)
        if !promoteOther(x) { answer(x, .descriptorLimit, &arena) }
    }

    mutating func connectProceeds(_ upstream: Int, isWritable: Bool, _ arena: inout BufferArena) {
        let x = Int(connections[upstream].exchange)
        makeCurrent(upstream, of: x)
        if connections[upstream].isBroken {
            return connectFailed(x, errno: connections[upstream].socket.pendingError, &arena)
        }
        guard isWritable else { return }
        let endpoint = exchanges[x].endpoint
        counters.add(to: shared.layout.endpoint(endpoint, .connectionsOpened))
        if hasFailed[endpoint] {
            hasFailed[endpoint] = false
            shared.report(.connectSucceeded(endpoint: endpoint))
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
        shared.report(.connectFailed(endpoint: endpoint, errno: errno))
        upstreams[endpoint].connectFailed()
        judgeFailure(x, isConnect: true)
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
        exchanges[x].current.wasSent = sent > 0
        exchanges[x].current.started = now
        if sent < replay.count {
            guard let handle = borrow(replay.count - sent, for: client, &arena) else {
                return answer(x, .memoryLimit, &arena)
            }
            arena.copy(from: replay.handle, sent..<replay.count, to: handle, at: 0)
            connections[upstream].output = Stretch(handle, 0..<replay.count - sent)
        }
        let waitsForOrigin = exchanges[x].request.isComplete || exchanges[x].awaitsContinue
        setDeadline(client, in: waitsForOrigin ? responseHeadTime(x) : bodyTime(x))
        if settings.pools[exchanges[x].pool].limitsTries || !exchanges[x].isPlain { setTryLimits(x) }
        if !exchanges[x].request.isComplete { relayRequest(x, &arena) }
    }
}

/// The exchanges in flight on the endpoints of one pool, over all workers.
struct SharedLoad: EndpointLoad {
    let counts: SharedCounts
    let first: Int
    let limit: Int
    let total: Int?

    func load(_ index: Int) -> Int { counts.value(first + index) }

    func isSaturated(_ index: Int) -> Bool { limit != .max && counts.value(first + index) >= limit }
}
