public import ApusRouting

/// A rule: which requests it is for, and what is done with them. Of a listener's routes the first match wins.
///
/// Its rules are read and written as if they were its own: `route.timeouts`.
@dynamicMemberLookup
public struct Route: Sendable, Equatable {
    /// Its label in metrics and logs: its `name`, or its host and path such as `api.example.com/v1/*`, or `*` for a route
    /// that matches everything.
    public var name: String
    public var match: RouteMatch
    public var action: RouteAction
    /// Which of its pool's requests are refused first when there are too many; a priority header may say otherwise.
    public var priority: Priority
    /// Everything else that it says of its requests and their responses.
    public var rules: Rules

    public init(
        name: String, match: RouteMatch = RouteMatch(), action: RouteAction, priority: Priority = .normal,
        rules: Rules = Rules()
    ) {
        self.name = name
        self.match = match
        self.action = action
        self.priority = priority
        self.rules = rules
    }

    /// A route by host and path to one pool.
    public init(
        name: String, host: HostPattern = .any, path: PathPattern = .any, pool: Int, priority: Priority = .normal
    ) {
        self.init(
            name: name, match: RouteMatch(hosts: host == .any ? [] : [host], path: path),
            action: .forward(Split([WeightedPool(pool: pool)])), priority: priority)
    }

    public subscript<Value>(dynamicMember path: WritableKeyPath<Rules, Value>) -> Value {
        get { rules[keyPath: path] }
        set { rules[keyPath: path] = newValue }
    }

    /// Whether its requests go to one pool and nothing else is said of them but their priority: whoever serves one has
    /// nothing to look up. Found by comparing, so that a new rule cannot be forgotten.
    public var isPlain: Bool { pools.count == 1 && rules == Rules() }

    /// The pools that its requests may go to, in the order of the configuration; empty for a route that answers itself.
    public var pools: [WeightedPool] {
        if case .forward(let split) = action { split.pools } else { [] }
    }

    /// The prefix that its requests lose on their way, which the origin is told in X-Forwarded-Prefix; empty if they lose
    /// none, or if something takes its place.
    public var strippedPrefix: String {
        let slash = UInt8(ascii: "/")
        guard case .prefix(let prefix) = match.path, case .prefix([slash]) = rules.rewrite else { return "" }
        return String(decoding: prefix.last == slash ? Array(prefix.dropLast()) : prefix, as: UTF8.self)
    }
}

/// The time limits of one route, where they differ from `Timeouts`; nil for the listener's.
public struct RouteTimeouts: Sendable, Equatable {
    public var connect: Duration?
    public var responseHead: Duration?
    public var body: Duration?
    public var stream: Duration?

    public init(
        connect: Duration? = nil, responseHead: Duration? = nil, body: Duration? = nil, stream: Duration? = nil
    ) {
        self.connect = connect
        self.responseHead = responseHead
        self.body = body
        self.stream = stream
    }
}

/// The limits of one route.
public struct RouteLimits: Sendable, Equatable {
    /// Bytes of a request body instead of `Limits.bodyBytes` (413); nil for that one.
    public var bodyBytes: Int?
    /// Requests of this route in flight, over all workers (503); nil for no limit.
    public var requests: Int?

    /// Instead of `Limits.minRate`; 0 for any, nil for that one.
    public var minRate: Int?

    public init(bodyBytes: Int? = nil, requests: Int? = nil, minRate: Int? = nil) {
        self.bodyBytes = bodyBytes
        self.requests = requests
        self.minRate = minRate
    }
}
