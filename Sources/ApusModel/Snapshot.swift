public import ApusAddresses
public import ApusHTTP
public import ApusRouting
import Synchronization

/// The configuration as the data plane runs it: complete and immutable, and checked before it is run (`check`).
///
/// Everything is named by a dense index into these arrays, so that following a reference on the request path is an
/// array access: a listener holds the range of its routes, a route the index of its pool, a pool the range of its
/// endpoints. What was observed (health, load, counters) lives elsewhere, under the same indices.
///
/// It consists of two halves, each a reference that the next snapshot keeps if it is unchanged there: `routing` and
/// `upstreams`. What is made from one half alone is kept with it.
public final class Snapshot: Sendable {
    public let routing: Routing
    public let upstreams: Upstreams
    /// How many workers, at least 1.
    public let workers: Int
    // Of the halves, and stored with them: here they are one step less away.
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
    public let clientFields: ClientFields
    public let accessLog: AccessLog
    /// The balancer's own name, which chooses its subsets of large pools: no two balancers should share one.
    public let node: String
    /// The zone that the balancer is in; nil for none.
    public let zone: String?
    public let operations: Operations
    @usableFromInline let routeTable: RouteTable
    private let madeCounting = Mutex<Counting?>(nil)

    /// - Parameter sharing: another snapshot, whose halves are kept where they say the same.
    public convenience init(
        workers: Int, listeners: [Listener], routes: [Route], pools: [Pool], endpoints: [Endpoint],
        timeouts: Timeouts = Timeouts(), limits: Limits = Limits(), trustedProxies: [Network] = [],
        clientFields: ClientFields = ClientFields(),
        accessLog: AccessLog = .off, node: String = "apus", zone: String? = nil,
        operations: Operations = Operations(), sharing other: Snapshot? = nil
    ) {
        let isRoutedAlike = other.map { $0.routes == routes && $0.listeners == listeners } ?? false
        let hasSameUpstreams = other.map { $0.pools == pools && $0.endpoints == endpoints } ?? false
        self.init(
            (isRoutedAlike ? other?.routing : nil) ?? Routing(listeners: listeners, routes: routes),
            (hasSameUpstreams ? other?.upstreams : nil)
                ?? Upstreams(pools: pools, endpoints: endpoints, sharing: other?.upstreams),
            workers: workers, timeouts: timeouts, limits: limits, trustedProxies: trustedProxies,
            clientFields: clientFields, accessLog: accessLog, node: node, zone: zone, operations: operations)
    }

    init(
        _ routing: Routing, _ upstreams: Upstreams, workers: Int, timeouts: Timeouts, limits: Limits,
        trustedProxies: [Network], clientFields: ClientFields, accessLog: AccessLog, node: String, zone: String?,
        operations: Operations
    ) {
        self.routing = routing
        self.upstreams = upstreams
        self.workers = workers
        listeners = routing.listeners
        routes = routing.routes
        routeTable = routing.table
        pools = upstreams.pools
        endpoints = upstreams.endpoints
        self.timeouts = timeouts
        self.limits = limits
        self.trustedProxies = trustedProxies
        self.clientFields = clientFields
        self.accessLog = accessLog
        self.node = node
        self.zone = zone
        self.operations = operations
    }

    /// Where its counters are: made once, when it is asked for, unless they are where those of the snapshot before were.
    public var counterLayout: CounterLayout { counting.layout }
    /// The banks that they are in.
    public var counterRoom: CounterRoom { counting.room }

    struct Counting {
        let layout: CounterLayout
        let room: CounterRoom
    }

    var counting: Counting {
        madeCounting.withLock { made in
            if let made { return made }
            let layout = CounterLayout(self)
            let counting = Counting(layout: layout, room: CounterRoom(layout, of: self))
            made = counting
            return counting
        }
    }

    /// Has the counters where this says. Before anybody has asked where they are.
    func count(by counting: Counting) { madeCounting.withLock { $0 = counting } }

    /// The first route of `listener` that matches a request, as an index into `routes`; nil when none does (404).
    ///
    /// Allocates nothing and counts no references. The cost grows with the request's host and path, hardly with the number
    /// of routes (docs/design/0011-routing.md).
    ///
    /// - Parameters:
    ///   - path: what is matched: a reading of the request's path, and `/` for an empty one.
    ///   - bytes: those that `head` and `fields` were parsed from.
    ///   - client: the client's address, seen through trusted proxies; looked at only if `looksAtClient`.
    @inlinable
    public func route(
        listener: Int, head: RequestHead, path: Span<UInt8>, fields: borrowing FieldTable, bytes: Span<UInt8>,
        client: IPAddress
    ) -> Int? {
        routeTable.route(listener: listener, head: head, path: path, fields: fields, bytes: bytes, client: client)
    }

    /// Whether a route of `listener` asks for a path, so that different paths may have different routes.
    @inlinable
    public func looksAtPath(listener: Int) -> Bool { routeTable.looksAtPath[listener] }

    /// Whether a route of `listener` asks for the client's address.
    @inlinable
    public func looksAtClient(listener: Int) -> Bool { routeTable.looksAtClient[listener] }
}

/// An address on which clients are accepted, and the routes their requests are matched against.
public struct Listener: Sendable, Equatable {
    /// Its label in metrics and logs: the address as configured.
    public var name: String
    public var bind: SocketAddress
    /// Its routes, as a range of `Snapshot.routes`.
    public var routes: Range<Int>
    public var paths: PathRule
    /// Whether responses that Apus makes by itself keep their reason from clients.
    public var hidesReasons = false
    /// Whether a client that has ended its direction still gets its responses; otherwise it is taken for one that has left.
    public var servesHalfClosed = false
    /// How its clients speak TLS; nil where they do not.
    public var tls: ListenerTLS?
    /// Networks of proxies that begin each connection with a header of the PROXY protocol, without which none is served.
    /// Nobody else may.
    public var proxyNetworks: [Network] = []
    /// A reload removed it: it accepts nobody, and is here for the clients that it has.
    public var isRetired = false

    public init(name: String, bind: SocketAddress, routes: Range<Int>, paths: PathRule = .safe) {
        self.name = name
        self.bind = bind
        self.routes = routes
        self.paths = paths
    }
}

/// Which readings of a path a listener's routes are asked about (docs/design/0015-path-readings.md). Origins get the path
/// as it came, whatever the rule.
public enum PathRule: String, Sendable, CaseIterable {
    /// Every usual reading: a path of which two go to different routes is refused.
    case safe
    /// Every usual reading: a path that has more than one is refused.
    case strict
    /// The path as it came, and no other: `..`, `%2F` and `//` mean nothing.
    case literal
}
