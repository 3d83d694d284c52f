public import ApusAddresses

/// Interchangeable endpoints and the rules by which one of them is picked, checked, protected and connected to.
///
/// What is nil is off.
public struct Pool: Sendable, Equatable {
    public var name: String
    /// Its endpoints, as a range of `Snapshot.endpoints`.
    public var endpoints: Range<Int>

    // Picking.
    public var balance: Balance
    /// What `Balance.hash` hashes and how; unused by the others.
    public var hash: HashRules
    /// Where requests go that this pool's tiers, zones and subset leave a choice of.
    public var locality: Locality
    public var slowStart: SlowStart?
    public var sticky: StickySessions?

    // Health.
    public var health: HealthCheck
    public var outliers: OutlierRules?
    /// Percent of the pool's endpoints that must be available; with fewer, all of them are used. 0: never.
    public var panicThreshold: Int
    public var fallback: Fallback?
    /// Whether its origins are Apus too, whose Apus-Reason goes on to clients.
    public var keepsReasons = false
    /// Which addresses of its endpoints' host names are used.
    public var family = AddressFamily.auto

    /// How its endpoints are spoken to by TLS; nil where they are not.
    public var tls: PoolTLS?
    /// The version of the PROXY protocol by whose header its endpoints learn who the client is; nil for none. A connection
    /// carries the requests of one client then.
    public var proxyProtocol: ProxyProtocol?

    // Protection.
    public var connections: UpstreamConnectionLimits
    public var requests: RequestLimits
    /// The circuit breaker of each endpoint.
    public var endpointBreaker: BreakerRules?
    /// The circuit breaker of the pool as a whole.
    public var poolBreaker: BreakerRules?
    public var retries: RetryRules
    public var hedging: HedgingRules?
    public var concurrency: ConcurrencyRules?

    /// Whether trailers of requests go on to its endpoints. Those of responses always do.
    public var passesTrailers: Bool

    /// A reload removed it: no route leads here, and it is here for the requests that it has. Its endpoints serve those
    /// as before; they are probed no more.
    public var isRetired = false

    public init(
        name: String, balance: Balance = .roundRobin, hash: HashRules = HashRules(), locality: Locality = Locality(),
        slowStart: SlowStart? = nil, sticky: StickySessions? = nil, health: HealthCheck = HealthCheck(),
        outliers: OutlierRules? = OutlierRules(), panicThreshold: Int = 0, fallback: Fallback? = nil,
        endpoints: Range<Int>,
        connections: UpstreamConnectionLimits = UpstreamConnectionLimits(), requests: RequestLimits = RequestLimits(),
        endpointBreaker: BreakerRules? = nil, poolBreaker: BreakerRules? = nil, retries: RetryRules = RetryRules(),
        hedging: HedgingRules? = nil, concurrency: ConcurrencyRules? = nil,
        passesTrailers: Bool = false
    ) {
        self.name = name
        self.balance = balance
        self.hash = hash
        self.locality = locality
        self.slowStart = slowStart
        self.sticky = sticky
        self.health = health
        self.outliers = outliers
        self.panicThreshold = panicThreshold
        self.fallback = fallback
        self.endpoints = endpoints
        self.connections = connections
        self.requests = requests
        self.endpointBreaker = endpointBreaker
        self.poolBreaker = poolBreaker
        self.retries = retries
        self.hedging = hedging
        self.concurrency = concurrency
        self.passesTrailers = passesTrailers
    }

    /// Whether the exchanges in flight on the endpoints make a difference to which of them is picked.
    public var looksAtLoad: Bool { balance.looksAtLoad || balance == .hash && hash.loadFactor != nil }
}

/// One origin server of one pool.
public struct Endpoint: Sendable, Equatable {
    /// Its label in metrics and logs: the address as configured, such as `10.0.0.1:8080`.
    public var name: String
    public var address: SocketAddress
    /// The host name by which it was configured, or its address: what its certificate must say.
    public var host: String
    /// Its share relative to the pool's other endpoints, 0 to 65,535; 0 drains it: only its sticky sessions go on.
    public var weight: Int
    /// The pool, as an index into `Snapshot.pools`.
    public var pool: Int
    /// Its tier: 0 is used first, 1 takes what that cannot, and so on.
    public var tier: Int
    /// Whether it is used only when none of the pool's others is left, whatever their tiers.
    public var isBackup: Bool
    /// The zone that it is in; nil for none.
    public var zone: String?
    /// What the pool's sticky cookie says for this endpoint; empty in pools without one. Signed, so that nobody can make
    /// one up; of a fixed length, so that it tells nothing.
    public var sessionToken: [UInt8]
    /// A reload removed it from its pool: it counts for nothing and is never picked, not even for sessions, and is here for
    /// the requests that it has. The retired endpoints of a pool stand behind its others.
    public var isRetired = false
    /// Its host name has no address: it is there so that the pool tells of it, is never probed, and has weight 0 and an address
    /// that leads nowhere.
    public var isUnresolved = false
    /// Its host name has an address, which is the admin server's, and a name must not lead there: it is unresolved for that.
    public var isRefused = false

    public init(
        name: String, address: SocketAddress, weight: Int = 1, pool: Int, tier: Int = 0,
        isBackup: Bool = false, zone: String? = nil, sessionToken: [UInt8] = [], host: String? = nil
    ) {
        self.name = name
        self.address = address
        self.host = host ?? "\(address.ip)"
        self.weight = weight
        self.pool = pool
        self.tier = tier
        self.isBackup = isBackup
        self.zone = zone
        self.sessionToken = sessionToken
    }
}
