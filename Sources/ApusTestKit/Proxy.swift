public import ApusAddresses
public import ApusHTTP
public import ApusModel
public import ApusProxy
public import ApusTransport

/// A data plane in front of some origins, in this process, on a loopback port of its own. Ends with the last reference.
public final class Proxy: Sendable {
    /// What a test may want other than the defaults.
    public struct Configuration: Sendable {
        public var workers = 1
        public var balance = Balance.roundRobin
        /// The weights of all endpoints, in order; by default 1 each.
        public var weights: [Int] = []
        /// What the cookies of sticky sessions say, by endpoint.
        public var tokens: [String] = []
        /// The routes of the only listener; by default one that sends everything to the first pool.
        public var routes = [Route(name: "*", pool: 0)]
        public var timeouts = Timeouts()
        public var limits = Limits()
        public var connections = UpstreamConnectionLimits()
        public var trustedProxies: [Network] = []
        public var clientFields = ClientFields()
        /// Changes the listener before it is used.
        public var listener: @Sendable (inout Listener) -> Void = { _ in }
        public var accessLog = AccessLog.off
        /// Which readings of paths the listener's routes are asked about.
        public var paths = PathRule.safe
        public var bind = SocketAddress.loopback(0)
        /// Changes the pools before they are used; gets each with its index.
        public var pool: @Sendable (inout Pool, Int) -> Void = { _, _ in }
    }

    /// What makes TLS of a snapshot, which the kit knows nothing of.
    public struct Shields {
        let make: (Snapshot) throws -> (any LinkShields)?

        public init(_ make: @escaping (Snapshot) throws -> (any LinkShields)?) { self.make = make }
    }

    public let dataPlane: DataPlane
    /// Where the counters are of the snapshot that runs.
    public var layout: CounterLayout { dataPlane.snapshot.counterLayout }
    /// Kept alive for as long as the proxy may speak to them.
    private let pools: [[any Addressed]]

    /// A proxy with one pool of `endpoints`.
    public convenience init(
        _ endpoints: any Addressed..., descriptorBound: Int32 = .max,
        configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        try self.init(pools: [endpoints], descriptorBound: descriptorBound, configure: configure)
    }

    /// - Parameters:
    ///   - descriptorBound: descriptors from this one on are not for clients and origins.
    ///   - shields: what TLS is made from, where it is spoken.
    public init(
        pools: [[any Addressed]], descriptorBound: Int32 = .max,
        shields: Shields? = nil, configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        var configuration = Configuration()
        configure(&configuration)
        let snapshot = Proxy.snapshot(pools: pools.map { $0.map(\.address) }, configuration)
        self.pools = pools
        dataPlane = try DataPlane(snapshot, shields: try shields?.make(snapshot), descriptorBound: descriptorBound)
        try dataPlane.start()
    }

    /// A proxy that runs `snapshot`, whose endpoints have the addresses of `origins`.
    public init(_ snapshot: Snapshot, to origins: [any Addressed]) throws {
        pools = [origins]
        dataPlane = try DataPlane(snapshot)
        try dataPlane.start()
    }

    deinit {
        dataPlane.stop()
        dataPlane.waitUntilEnded()
    }

    private static func snapshot(pools addresses: [[SocketAddress]], _ configuration: Configuration) -> Snapshot {
        var endpoints: [Endpoint] = []
        var pools: [Pool] = []
        for (index, addresses) in addresses.enumerated() {
            let start = endpoints.count
            for address in addresses {
                let weight = configuration.weights.isEmpty ? 1 : configuration.weights[endpoints.count]
                let token = configuration.tokens.isEmpty ? "" : configuration.tokens[endpoints.count]
                endpoints.append(
                    Endpoint(
                        name: "127.0.0.1:\(address.port)", address: address, weight: weight, pool: index,
                        sessionToken: Array(token.utf8)))
            }
            var pool = Pool(
                name: "pool\(index)", balance: configuration.balance, health: HealthCheck(probe: .none),
                endpoints: start..<endpoints.count, connections: configuration.connections)
            configuration.pool(&pool, index)
            pools.append(pool)
        }
        var listener = Listener(
            name: "127.0.0.1:0", bind: configuration.bind, routes: configuration.routes.indices,
            paths: configuration.paths)
        configuration.listener(&listener)
        return Snapshot(
            workers: configuration.workers, listeners: [listener], routes: configuration.routes, pools: pools,
            endpoints: endpoints, timeouts: configuration.timeouts, limits: configuration.limits,
            trustedProxies: configuration.trustedProxies, clientFields: configuration.clientFields,
            accessLog: configuration.accessLog)
    }
}

// MARK: - Clients

extension Proxy {
    /// Where it listens.
    public var address: SocketAddress { dataPlane.addresses[0] }

    /// A new client connection, from 127.0.0.1 unless another address of 127.0.0.0/8 is given.
    public func connect(from source: IPAddress? = nil, buffers: Socket.Buffers = Socket.Buffers()) throws -> Connection
    {
        try Connection(to: address, from: source, buffers: buffers)
    }

    /// Sends `request` on a connection of its own and reads the response to it.
    public func exchange(_ request: String, method: String = "GET") throws -> Response {
        let client = try connect()
        try client.send(request)
        return try client.readResponse(to: method)
    }

    /// A plain GET on a connection of its own.
    public func get(_ target: String = "/") throws -> Response {
        try exchange("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    }
}

extension Connection {
    /// A client connection to `address`, made within `patience`.
    public convenience init(
        to address: SocketAddress, from source: IPAddress? = nil, buffers: Socket.Buffers = Socket.Buffers(),
        within patience: Duration = .seconds(10)
    ) throws {
        self.init(try Socket.connected(to: address, from: source, buffers: buffers, by: .after(patience)))
    }

    /// A connection that has its descriptor, and gets its peer by `connect`: for when descriptors will be short.
    public static func unconnected() throws -> Connection { Connection(try Socket.unconnected()) }

    public func connect(to address: SocketAddress) throws {
        try socket.beginConnecting(to: address)
        guard socket.isConnected(by: .standard) else { throw KitError.timedOut("connecting") }
    }

    /// A GET for `target` and its response.
    public func get(_ target: String = "/") throws -> Response {
        try send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        return try readResponse()
    }
}

// MARK: - Counters

extension Proxy {
    public func count(_ counter: CounterLayout.ListenerCounter) -> UInt64 {
        dataPlane.total(layout.listener(0, counter))
    }

    public func count(_ fault: HandshakeFault.Kind) -> UInt64 {
        dataPlane.total(layout.handshakes(fault, listener: 0))
    }

    public func count(_ counter: CounterLayout.EndpointCounter, endpoint: Int = 0) -> UInt64 {
        dataPlane.total(layout.endpoint(endpoint, counter))
    }

    public func count(_ counter: CounterLayout.WorkerCounter) -> UInt64 {
        dataPlane.total(layout.worker(counter))
    }

    public func count(_ reason: Reason) -> UInt64 {
        dataPlane.total(layout.reason(reason, listener: 0))
    }

    /// Waits until `condition` holds: for counters and files, which change without telling anyone.
    public func eventually(
        _ what: String, by deadline: Deadline = .standard, _ condition: () throws -> Bool
    ) throws {
        while try !condition() {
            guard !deadline.hasPassed else { throw KitError.timedOut("waiting for \(what)") }
            shortRest()
        }
    }
}
