/// The configuration as the data plane runs it: checked, complete, immutable.
///
/// Everything is named by a dense index into these arrays, so that following a reference on the request path is an
/// array access: a listener holds the range of its routes, a route the index of its pool, a pool the range of its
/// endpoints. What was observed (health, load, counters) lives elsewhere, under the same indices.
public final class Snapshot: Sendable {
    /// How many workers, at least 1.
    public let workers: Int
    public let listeners: [Listener]
    /// The routes of all listeners, each listener's in the order in which they are tried.
    public let routes: [Route]
    public let pools: [Pool]
    /// The endpoints of all pools, each pool's in the order in which they were configured.
    public let endpoints: [Endpoint]
    public let timeouts: Timeouts
    public let limits: Limits
    /// Networks whose X-Forwarded-* fields are believed and extended instead of replaced.
    public let trustedProxies: [Network]
    public let accessLog: AccessLog
    /// Where the admin server listens; nil for none.
    public let admin: SocketAddress?
    @usableFromInline let routeTable: RouteTable

    public init(
        workers: Int, listeners: [Listener], routes: [Route], pools: [Pool], endpoints: [Endpoint],
        timeouts: Timeouts = Timeouts(), limits: Limits = Limits(), trustedProxies: [Network] = [],
        accessLog: AccessLog = .off, admin: SocketAddress? = nil
    ) {
        self.workers = workers
        self.listeners = listeners
        self.routes = routes
        self.pools = pools
        self.endpoints = endpoints
        self.timeouts = timeouts
        self.limits = limits
        self.trustedProxies = trustedProxies
        self.accessLog = accessLog
        self.admin = admin
        routeTable = RouteTable(routes: routes, listeners: listeners.map(\.routes))
    }

    /// The first route of `listener` that matches a request, as an index into `routes`; nil when none does (404).
    ///
    /// `host` is the request's host without its port, in any case; `path` its target without the query. Allocates
    /// nothing and counts no references; the cost grows with the number of routes that are tried.
    @inlinable
    public func route(listener: Int, host: Span<UInt8>, path: Span<UInt8>) -> Int? {
        routeTable.match(listener: listener, host: host, path: path)
    }
}

/// An address on which clients are accepted, and the routes their requests are matched against.
public struct Listener: Sendable {
    /// Its label in metrics and logs: the address as configured.
    public var name: String
    public var bind: SocketAddress
    /// Its routes, as a range of `Snapshot.routes`.
    public var routes: Range<Int>

    public init(name: String, bind: SocketAddress, routes: Range<Int>) {
        self.name = name
        self.bind = bind
        self.routes = routes
    }
}

/// A rule that sends the requests it matches to a pool. Of a listener's routes the first match wins.
public struct Route: Sendable {
    /// Its label in metrics and logs, such as `api.example.com/v1/*`, or `*` for a route that matches everything.
    public var name: String
    public var host: HostPattern
    public var path: PathPattern
    /// The pool, as an index into `Snapshot.pools`.
    public var pool: Int

    public init(name: String, host: HostPattern = .any, path: PathPattern = .any, pool: Int) {
        self.name = name
        self.host = host
        self.path = path
        self.pool = pool
    }
}

/// Interchangeable endpoints and the rules by which one of them is picked, checked and connected to.
public struct Pool: Sendable {
    public var name: String
    public var balance: Balance
    public var health: HealthCheck
    /// Its endpoints, as a range of `Snapshot.endpoints`.
    public var endpoints: Range<Int>
    public var connections: UpstreamConnectionLimits

    public init(
        name: String, balance: Balance = .roundRobin, health: HealthCheck = HealthCheck(), endpoints: Range<Int>,
        connections: UpstreamConnectionLimits = UpstreamConnectionLimits()
    ) {
        self.name = name
        self.balance = balance
        self.health = health
        self.endpoints = endpoints
        self.connections = connections
    }
}

/// One origin server of one pool.
public struct Endpoint: Sendable {
    /// Its label in metrics and logs: the address as configured, such as `10.0.0.1:8080`.
    public var name: String
    public var address: SocketAddress
    /// Its share relative to the pool's other endpoints, 0 to 65,535; 0 takes no new requests.
    public var weight: Int
    /// The pool, as an index into `Snapshot.pools`.
    public var pool: Int

    public init(name: String, address: SocketAddress, weight: Int = 1, pool: Int) {
        self.name = name
        self.address = address
        self.weight = weight
        self.pool = pool
    }
}

/// The algorithm that picks an endpoint of a pool.
public enum Balance: String, Sendable, CaseIterable {
    case roundRobin = "round-robin"
    case weightedRoundRobin = "weighted-round-robin"
    case leastConnections = "least-connections"
}

/// How a pool's endpoints are probed.
public struct HealthCheck: Sendable, Equatable {
    public enum Probe: Sendable, Equatable {
        /// No active checks: endpoints are taken to be up.
        case none
        /// Up when a TCP connection is accepted.
        case tcp
        /// Up when `GET path` is answered with 200...399.
        case http(path: String)
    }

    public var probe: Probe
    /// Time between the probes of one endpoint; each is moved by up to a tenth of it so that probes spread out.
    public var interval: Duration
    /// How long a probe may take before it counts as failed.
    public var timeout: Duration
    /// Consecutive successes that bring an endpoint that is down back up.
    public var rise: Int
    /// Consecutive failures that take an endpoint that is up down. Connect failures of requests count too.
    public var fall: Int

    public init(
        probe: Probe = .tcp, interval: Duration = .seconds(5), timeout: Duration = .seconds(2), rise: Int = 2,
        fall: Int = 3
    ) {
        self.probe = probe
        self.interval = interval
        self.timeout = timeout
        self.rise = rise
        self.fall = fall
    }
}

/// Limits on the connections that each worker keeps to each endpoint of a pool.
public struct UpstreamConnectionLimits: Sendable, Equatable {
    /// Idle connections kept for reuse, per worker and endpoint.
    public var maxIdle: Int
    /// How long a connection may stay idle before it is closed.
    public var idleTimeout: Duration
    /// Connections at most, idle and busy, per worker and endpoint. Beyond it the endpoint is not picked.
    public var max: Int

    public init(maxIdle: Int = 512, idleTimeout: Duration = .seconds(60), max: Int = 8192) {
        self.maxIdle = maxIdle
        self.idleTimeout = idleTimeout
        self.max = max
    }
}

/// The time limits of the proxy.
public struct Timeouts: Sendable, Equatable {
    /// From the first byte of a request head to its last (408 after it).
    public var requestHead: Duration
    /// How long a client connection may stay open without a request.
    public var idle: Duration
    /// For one attempt to connect to an endpoint.
    public var connect: Duration
    /// From the request's last byte to the response head's last (504 after it).
    public var responseHead: Duration
    /// Without progress of a request or response body.
    public var body: Duration
    /// From the signal to stop until connections that are still busy are cut.
    public var drain: Duration

    public init(
        requestHead: Duration = .seconds(10), idle: Duration = .seconds(75), connect: Duration = .seconds(3),
        responseHead: Duration = .seconds(30), body: Duration = .seconds(30), drain: Duration = .seconds(30)
    ) {
        self.requestHead = requestHead
        self.idle = idle
        self.connect = connect
        self.responseHead = responseHead
        self.body = body
        self.drain = drain
    }
}

/// The size limits of the proxy.
public struct Limits: Sendable, Equatable {
    /// Bytes of a request or response head, its final blank line included (431, or 502 for an origin). At most 64 KiB.
    public var headBytes: Int
    /// Field lines of a head or of trailers. At most 100.
    public var headFields: Int
    /// Bytes of a request target (414).
    public var targetBytes: Int
    /// Bytes of a request body, without its framing (413); nil for no limit.
    public var bodyBytes: Int?
    /// Open client connections per listener, over all workers. Beyond it new ones are answered 503 and closed.
    public var connectionsPerListener: Int
    /// Bytes of buffers that one worker may have in use. Beyond it new requests are answered 503.
    public var bufferBytesPerWorker: Int
    /// Endpoints tried for one request, the first included.
    public var attempts: Int

    public init(
        headBytes: Int = 65_536, headFields: Int = 100, targetBytes: Int = 8_192, bodyBytes: Int? = nil,
        connectionsPerListener: Int = 10_000, bufferBytesPerWorker: Int = 256 << 20, attempts: Int = 3
    ) {
        self.headBytes = headBytes
        self.headFields = headFields
        self.targetBytes = targetBytes
        self.bodyBytes = bodyBytes
        self.connectionsPerListener = connectionsPerListener
        self.bufferBytesPerWorker = bufferBytesPerWorker
        self.attempts = attempts
    }
}

/// Where the access log goes.
public enum AccessLog: Sendable, Equatable {
    case off
    case standardOutput
    case file(path: String)
}
