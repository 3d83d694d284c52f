import ApusAddresses
import ApusBalancing
import ApusModel
import ApusRouting

/// Configurations for a walk, drawn at random: the same pools and routes by name, with other endpoints and rules each time.
struct WalkSnapshots {
    var random: SplitMix64
    /// Rules that hold for a whole season.
    var limits = Limits()
    private let filters: [WalkFilter]
    private let sealing: Sealing
    /// Whether there are pools whose connections name their clients.
    private var hasNames = false
    /// The origin of pages that may read the responses of the route that says so.
    static let friend = "https://friend.example"
    var isShortOfMemory: Bool { limits.bufferBytesPerWorker < 1 << 20 }

    /// - Parameter filters: what routes with filters draw theirs from.
    init(seed: UInt64, filters: [WalkFilter], sealing: Sealing) {
        self.filters = filters
        self.sealing = sealing
        random = SplitMix64(seed: seed)
        hasNames = random.next(below: 3) == 0
        switch random.next(below: 8) {
        case 0: limits.bufferBytesPerWorker = 65_536 + random.next(below: 100_000)
        case 1: limits.connectionsPerListener = 12
        case 2:
            limits.minRate = 2_000
            limits.rateWindow = .seconds(1)
        case 3: limits.bodyBytes = 5_000
        case 4: limits.requestsPerWorker = 5 + random.next(below: 5)
        case 5: limits.connectionRequests = 3
        case 6: limits.connectionAge = .seconds(1)
        default: break
        }
    }

    /// Requests that one connection of pool `a` carries, how old one of pool `f` becomes, and how long bodies and streams of
    /// events may be silent, in microseconds.
    static let requestsPerOrigin = 3
    static let age: Int64 = 3_000_000
    static let silence: (body: Int64, stream: Int64) = (4_000_000, 20_000_000)

    /// The longest that anything may take without anybody doing anything, in microseconds.
    static let longest: Int64 = 150_000_000

    private mutating func chance(_ one: Int) -> Bool { random.next(below: one) == 0 }

    mutating func next() -> Snapshot {
        var endpoints: [Endpoint] = []
        var pools: [Pool] = []
        for name in ["a", "b", "c", "d", "e", "f"] {
            let first = endpoints.count
            let ports = World.originPorts.filter { $0 == World.rarePort ? name == "a" && chance(2) : !chance(3) }
            for port in ports.isEmpty ? [World.originPorts[0]] : ports {
                endpoints.append(
                    Endpoint(
                        name: "\(name)-\(port)",
                        address: SocketAddress(ip: IPAddress(high: 0, low: 0xffff_7f00_0001), port: port),
                        weight: chance(6) ? 3 : 1, pool: pools.count))
            }
            pools.append(pool(name, first..<endpoints.count))
        }
        var routes: [Route] = []
        let firstRoutes = allRoutes()
        routes += firstRoutes
        var listeners = [listener("one", 80, 0..<routes.count)]
        if !chance(4) {
            let own = Array(firstRoutes.dropFirst(random.next(below: 3)))
            listeners.append(listener("two", 81, routes.count..<routes.count + own.count))
            routes += own
        }
        return Snapshot(
            workers: 1, listeners: listeners, routes: routes, pools: pools, endpoints: endpoints,
            timeouts: Timeouts(
                requestHead: .seconds(3), idle: .seconds(8), handshake: .seconds(3), connect: .seconds(2),
                responseHead: .seconds(4),
                body: .microseconds(Self.silence.body), stream: .microseconds(Self.silence.stream),
                drain: .seconds(5)),
            limits: limits)
    }

    private func listener(_ name: String, _ port: UInt16, _ routes: Range<Int>) -> Listener {
        var listener = Listener(
            name: name, bind: SocketAddress(ip: IPAddress(high: 0, low: 0xffff_7f00_0001), port: port), routes: routes)
        listener.servesHalfClosed = port == 80
        if sealing.isSealed(port) { listener.tls = ListenerTLS() }
        return listener
    }

    private mutating func pool(_ name: String, _ endpoints: Range<Int>) -> Pool {
        var pool = Pool(
            name: name, health: HealthCheck(probe: .none), endpoints: endpoints,
            connections: UpstreamConnectionLimits(maxIdle: chance(3) ? 1 : 8, idleTimeout: .seconds(5)))
        if sealing.pools.contains(name) {
            pool.tls = PoolTLS()
            if chance(3) { pool.tls?.minimum = .tls13 }
        }
        if hasNames, chance(2) { pool.proxyProtocol = chance(2) ? .v1 : .v2 }
        switch name {
        case "b":
            pool.balance = .leastRequests
            pool.requests = RequestLimits(
                perEndpoint: chance(2) ? 1 : nil, perPool: 2,
                queue: chance(4)
                    ? nil : QueueRules(length: 6, timeout: .seconds(3), order: chance(2) ? .fifo : .adaptive))
        case "c":
            pool.hedging = HedgingRules(after: .milliseconds(5))
            pool.retries = RetryRules(bodyBytes: 3_000, budgetPercent: 100, minimumPerSecond: 100)
            pool.fallback = .pool(0)
        case "d":
            pool.requests = RequestLimits(perEndpoint: 1)
            pool.connections.max = 1 + random.next(below: 3)
            pool.fallback = .response(FallbackResponse(body: Array("fallback".utf8)))
        case "e":
            pool.endpointBreaker = BreakerRules(window: .seconds(2), minimumVolume: 5, open: .milliseconds(200))
            pool.retries = RetryRules(
                attempts: 4, statuses: [503], perTryTimeout: .milliseconds(300), bodyBytes: 20_000, budgetPercent: 50)
            pool.outliers = chance(2) ? OutlierRules() : nil
        case "f":
            pool.balance = .leastTime
            pool.connections.maxAge = .microseconds(Self.age)
            pool.concurrency = ConcurrencyRules(initial: 6, minimum: 2, maximum: 20)
            pool.passesTrailers = true
            pool.hedging = chance(2) ? HedgingRules(after: .milliseconds(20)) : nil
        default:
            pool.retries.bodyBytes = chance(2) ? 0 : 3_000
            pool.connections.maxRequests = Self.requestsPerOrigin
        }
        return pool
    }

    private mutating func allRoutes() -> [Route] {
        var routes: [Route] = []
        for (index, name) in ["a", "b", "c", "d", "e", "f"].enumerated() {
            var route = Route(name: name, path: .prefix(Array("/\(name)".utf8)), pool: index)
            switch name {
            case "d": route.rewrite = .prefix(Array("/".utf8))
            case "e": route.limits.requests = 5
            case "f":
                route.requestFields = [.set(name: "X-Route", TextTemplate([.literal(Array("f".utf8))]))]
                route.responseFields = [.set(name: "X-Path", TextTemplate([.variable(.path)]))]
                if chance(2) { route.timeouts.responseHead = .seconds(1) }
            default: break
            }
            routes.append(route)
        }
        routes.append(
            Route(
                name: "g", match: RouteMatch(path: .prefix(Array("/g".utf8))),
                action: .forward(Split([WeightedPool(pool: 0), WeightedPool(pool: 2, weight: 2)]))))
        var filtered = Route(name: "h", path: .prefix(Array("/h".utf8)), pool: 0)
        let first = random.next(below: filters.count)
        filtered.filters = (0...random.next(below: 2)).map { RouteFilter(filters[(first + $0) % filters.count]) }
        if chance(2) { filtered.limits.requests = 4 }
        routes.append(filtered)
        var shared = Route(name: "x", path: .prefix(Array("/x".utf8)), pool: 2)
        shared.cors = CrossOriginRules(origins: [.exact(Array(Self.friend.utf8))], exposed: ["X-Token"])
        routes.append(shared)
        routes.append(
            Route(
                name: "own", match: RouteMatch(path: .prefix(Array("/own".utf8))),
                action: .respond(FixedResponse(body: Array(repeating: 0x61, count: random.next(below: 60_000))))))
        return routes
    }
}
