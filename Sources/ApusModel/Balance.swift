/// The algorithm that picks an endpoint of a pool.
public enum Balance: String, Sendable, CaseIterable {
    case roundRobin = "round-robin"
    case weightedRoundRobin = "weighted-round-robin"
    case random
    case weightedRandom = "weighted-random"
    case leastConnections = "least-connections"
    case leastRequests = "least-requests"
    case peakEWMA = "peak-ewma"
    case leastTime = "least-time"
    case hash
    case first

    /// Whether the endpoints' weights make a difference, other than 0, which always does.
    public var looksAtWeights: Bool {
        switch self {
        case .roundRobin, .random, .first: false
        case .weightedRoundRobin, .weightedRandom, .leastConnections, .leastRequests, .peakEWMA, .leastTime, .hash: true
        }
    }

    /// Whether the exchanges in flight on the endpoints make a difference. Where they make none, they are not even counted for
    /// the algorithm (`PoolRules.countsLoad`).
    public var looksAtLoad: Bool {
        switch self {
        case .leastConnections, .leastRequests, .peakEWMA, .leastTime, .first: true
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .hash: false
        }
    }

    /// The algorithm that does the same in all else and looks at weights; nil where there is none, or it looks at them itself.
    public var weighted: Balance? {
        switch self {
        case .roundRobin: .weightedRoundRobin
        case .random: .weightedRandom
        case .weightedRoundRobin, .weightedRandom, .leastConnections, .leastRequests, .peakEWMA, .leastTime, .hash,
            .first:
            nil
        }
    }

    /// How an endpoint that has come back gets its share little by little (`SlowStart`).
    public var slowStartMethod: SlowStart.Method {
        switch self {
        case .leastConnections, .leastRequests, .peakEWMA, .leastTime: .credit
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .first: .draw
        case .hash: .none
        }
    }

    /// Whether the times in which the endpoints answer make a difference.
    public var looksAtTime: Bool {
        switch self {
        case .peakEWMA, .leastTime: true
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastConnections, .leastRequests, .hash,
            .first:
            false
        }
    }
}

/// What a pool with `Balance.hash` hashes, and how it finds an endpoint by the hash.
public struct HashRules: Sendable, Equatable {
    public enum Key: Sendable, Equatable {
        /// The client's address, as a trusted proxy told it: its first bits.
        case client(ipv4Prefix: Int, ipv6Prefix: Int)
        /// The value of a field; the first, if there are several.
        case header(String)
        /// The value of a cookie, as it stands.
        case cookie(String)
        /// The value of a query parameter, as it stands.
        case query(String)
        /// The path, without the query.
        case path
    }

    public enum Method: String, Sendable, CaseIterable {
        case maglev, ring, rendezvous
    }

    /// A request that lacks it is sent to an endpoint by turns.
    public var key: Key
    public var method: Method
    /// An endpoint takes no more than this many times the mean of exchanges in flight, above 1; nil for no bound.
    public var loadFactor: Double?

    public init(
        key: Key = .client(ipv4Prefix: 32, ipv6Prefix: 64), method: Method = .maglev, loadFactor: Double? = nil
    ) {
        self.key = key
        self.method = method
        self.loadFactor = loadFactor
    }
}

/// Which endpoints of a pool come first, besides their tiers.
public struct Locality: Sendable, Equatable {
    /// Endpoints of the balancer's own zone are used before others of their tier.
    public var prefersOwnZone: Bool
    /// How many endpoints this balancer uses at most, chosen by its name; nil for all.
    public var subsetSize: Int?
    /// Percent of its endpoints' weight that a tier, or the own zone, is worth: at 140, a tier keeps all of the traffic
    /// until fewer than 100/140 of it are available, and then spills the rest over in proportion.
    public var overprovisioning: Int

    public init(prefersOwnZone: Bool = false, subsetSize: Int? = nil, overprovisioning: Int = 140) {
        self.prefersOwnZone = prefersOwnZone
        self.subsetSize = subsetSize
        self.overprovisioning = overprovisioning
    }
}

/// How an endpoint that has come back gets its share of the requests: little by little.
public struct SlowStart: Sendable, Equatable {
    /// How a share is kept small.
    public enum Method: Sendable {
        /// A pick of the endpoint stands with the probability of its share, and falls on the next otherwise: where one that was refused
        /// is not the next pick's again.
        case draw
        /// Picks are saved up by its share: where it is, since load, or whatever else, still points at one that is kept idle.
        case credit
        /// Not at all. A hash has its reason to fall on an endpoint, and making it again would send the key elsewhere and
        /// back.
        case none
    }

    /// From the return until the full share.
    public var window: Duration
    /// The share after a fraction f of the window is f to the power of 1 / aggression: 1 is linear, more is faster.
    public var aggression: Double

    public init(window: Duration, aggression: Double = 1) {
        self.window = window
        self.aggression = aggression
    }
}

/// How a client comes back to the endpoint that it had.
public struct StickySessions: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// Apus sets a signed cookie.
        case cookie(Cookie)
        /// The application sets a cookie, from whose first value on its endpoint is remembered, for up to `capacity`
        /// sessions per worker.
        case learned(name: String, lifetime: Duration, capacity: Int)
    }

    public struct Cookie: Sendable, Equatable {
        public var name: String
        public var path: String
        public var domain: String?
        /// Max-Age; nil for a cookie that ends with the browser.
        public var lifetime: Duration?
        public var isSecure: Bool
        public var isHTTPOnly: Bool
        public var sameSite: SameSite?

        public enum SameSite: String, Sendable, CaseIterable {
            case strict, lax, none
        }

        public init(
            name: String = "apus", path: String = "/", domain: String? = nil, lifetime: Duration? = nil,
            isSecure: Bool = false, isHTTPOnly: Bool = true, sameSite: SameSite? = .lax
        ) {
            self.name = name
            self.path = path
            self.domain = domain
            self.lifetime = lifetime
            self.isSecure = isSecure
            self.isHTTPOnly = isHTTPOnly
            self.sameSite = sameSite
        }
    }

    public var kind: Kind

    public init(_ kind: Kind) { self.kind = kind }
}
