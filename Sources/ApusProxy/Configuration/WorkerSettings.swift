import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import ApusTransport

/// What a worker reads of the snapshot on the request path, as plain numbers: times in microseconds of its clock.
struct WorkerSettings {
    let requestHead: Int64
    let idle: Int64
    let handshake: Int64
    let connect: Int64
    let responseHead: Int64
    let body: Int64
    let stream: Int64
    /// Bytes per second that a body must make, and over what time; 0 for any.
    let minRate: Int64
    let rateWindow: Int64
    /// How long a client may take to read the last response before its connection is closed under it.
    let linger: Int64 = 2_000_000
    /// How long it may go on sending before that, and how many bytes.
    let lingerInAll: Int64 = 30_000_000
    let lingerBytes: UInt32 = 512 << 20
    /// Connections of one worker that may linger for longer than `linger` at once.
    let lingerers = 1_000
    /// What becomes of requests before a pool sees them.
    let rules: RequestRules
    let responseHeadLimits: HeadLimits
    let bodyLimit: UInt64
    let connectionsPerListener: Int
    let exchangeLimit: Int
    /// By route; looked at only where a route has retries of its own.
    let routeRetries: [RouteRetries]
    /// By route: the response that it gives, in so far as it does not depend on the request; nil for those that have pools.
    let routeAnswers: [PreparedResponse?]
    let pools: [PoolSettings]
    let poolRules: [PoolRules]
    let keys: [RequestKeys]
    /// By pool: the response that is its fallback; nil without one.
    let fallbacks: [PreparedResponse?]
    let endpointPool: [Int]
    let endpointAddress: [WireAddress]
    let endpointKeeping: [KeepingRules]
    let listenerAddress: [SocketAddress]
    /// Whether a reload removed it.
    let listenerIsRetired: [Bool]
    let listenerHidesReasons: [Bool]
    let listenerServesHalfClosed: [Bool]
    let listenerIsSealed: [Bool]
    /// Whether any listener asks clients for certificates, or has done so.
    let asksClients: Bool
    /// By listener: whose connections begin with a header of the PROXY protocol.
    let listenerProxies: [[Network]]
    /// By pool: the version of the header that its endpoints get; nil for none.
    let poolHeader: [ProxyProtocol?]
    /// By pool: what the engines of connections to its endpoints are made from; -1 for none, where they are plain.
    let poolContext: [Int32]
    /// How long, and for how many requests, connections of clients are kept.
    let clientKeeping: KeepingRules
    let latencyBounds = CounterLayout.latencyBounds
    /// Of how many routes and pools these were made, and not kept.
    let madeRoutes: Int
    let madePools: Int

    /// - Parameters:
    ///   - mark: by what this process knows a request that it has forwarded; nil for nothing.
    ///   - previous: those of the snapshot before: what is said of routes is kept if it is the same.
    ///   - succession: from that snapshot to this one: so is what is said of pools.
    init(
        _ snapshot: Snapshot, listenerAddress: [SocketAddress], mark: UInt32? = nil,
        keeping previous: WorkerSettings? = nil,
        through succession: Succession? = nil
    ) {
        requestHead = snapshot.timeouts.requestHead.inMicroseconds
        idle = snapshot.timeouts.idle.inMicroseconds
        handshake = snapshot.timeouts.handshake.inMicroseconds
        connect = snapshot.timeouts.connect.inMicroseconds
        responseHead = snapshot.timeouts.responseHead.inMicroseconds
        body = snapshot.timeouts.body.inMicroseconds
        stream = snapshot.timeouts.stream.inMicroseconds
        let limits = snapshot.limits
        minRate = Int64(limits.minRate ?? 0)
        rateWindow = limits.rateWindow.inMicroseconds
        rules = RequestRules(snapshot, headCapacity: BufferArena.inboundCapacity, mark: mark, keeping: previous?.rules)
        responseHeadLimits = HeadLimits(bytes: rules.headLimits.bytes, fields: limits.responseFields)
        bodyLimit = limits.bodyBytes.map(UInt64.init) ?? .max
        connectionsPerListener = limits.connectionsPerListener
        exchangeLimit = limits.requestsPerWorker
        clientKeeping = KeepingRules(
            idle: snapshot.timeouts.idle, maxAge: limits.connectionAge, maxRequests: limits.connectionRequests)
        if let previous, previous.rules.sayTheSameOfRoutes(as: snapshot) {
            routeRetries = previous.routeRetries
            routeAnswers = previous.routeAnswers
            madeRoutes = 0
        } else {
            routeRetries = snapshot.routes.map { RouteRetries($0.retries ?? RetryRules()) }
            routeAnswers = snapshot.routes.map { PreparedResponse($0.action) }
            madeRoutes = snapshot.routes.count
        }
        var origins: OriginSettings
        if let previous, let succession, succession.pools.isIdentity {
            origins = OriginSettings(previous)
            origins.adopt(succession)
        } else {
            origins = OriginSettings(snapshot)
            if let previous, let succession { origins.follow(previous, succession) }
        }
        madePools = origins.made
        pools = origins.pools
        poolRules = origins.poolRules
        keys = origins.keys
        fallbacks = origins.fallbacks
        endpointPool = origins.endpointPool
        endpointAddress = origins.endpointAddress
        endpointKeeping = origins.endpointKeeping
        self.listenerAddress = listenerAddress
        listenerIsRetired = snapshot.listeners.map(\.isRetired)
        listenerHidesReasons = snapshot.listeners.map(\.hidesReasons)
        listenerServesHalfClosed = snapshot.listeners.map(\.servesHalfClosed)
        listenerIsSealed = snapshot.listeners.map { $0.tls != nil }
        asksClients = previous?.asksClients == true || snapshot.listeners.contains { $0.tls?.asksClients == true }
        listenerProxies = snapshot.listeners.map(\.proxyNetworks)
        poolHeader = snapshot.pools.map(\.proxyProtocol)
        let listenerCount = snapshot.listeners.count
        poolContext = snapshot.pools.indices.map { snapshot.pools[$0].tls != nil ? Int32(listenerCount + $0) : -1 }
    }
}

extension PreparedResponse {
    /// What a route answers by itself; nil for one that forwards.
    fileprivate init?(_ action: RouteAction) {
        switch action {
        case .forward: return nil
        case .redirect(let redirect): self.init(redirect)
        case .respond(let response): self.init(response)
        }
    }
}

extension WireAddress {
    init(_ address: SocketAddress) {
        self.init(high: address.ip.high, low: address.ip.low, port: address.port)
    }
}

extension SocketAddress {
    init(_ address: WireAddress) {
        self.init(ip: IPAddress(high: address.high, low: address.low), port: address.port)
    }
}
