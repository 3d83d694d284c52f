import ApusAddresses
import ApusModel
import ApusRouting
import Testing

/// What is refused of a snapshot that was built in code, and where the refusal says it is.
@Suite struct SnapshotCheckTests {
    /// A snapshot in parts that can be changed.
    struct Parts {
        var workers = 1
        var listeners = [Listener(name: "l", bind: SocketAddress("127.0.0.1:0")!, routes: 0..<2)]
        var routes = [
            Route(name: "a", path: .prefix(Array("/a".utf8)), pool: 1), Route(name: "*", pool: 0),
        ]
        var pools = [Pool(name: "p", endpoints: 0..<2), Pool(name: "q", endpoints: 2..<3)]
        var endpoints = [
            Endpoint(name: "1", address: SocketAddress("127.0.0.1:1")!, pool: 0),
            Endpoint(name: "2", address: SocketAddress("127.0.0.1:2")!, pool: 0),
            Endpoint(name: "1", address: SocketAddress("127.0.0.1:1")!, pool: 1),
        ]
        var timeouts = Timeouts()
        var limits = Limits()
        var accessLog = AccessLog.off
        var node = "n"
        var operations = Operations()

        var snapshot: Snapshot {
            Snapshot(
                workers: workers, listeners: listeners, routes: routes, pools: pools, endpoints: endpoints,
                timeouts: timeouts, limits: limits, accessLog: accessLog, node: node, operations: operations)
        }
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var place: String
        var change: @Sendable (inout Parts) -> Void

        init(_ place: String, _ change: @escaping @Sendable (inout Parts) -> Void) {
            (self.place, self.change) = (place, change)
        }

        var testDescription: String { place }
    }

    @Test func aGoodOneHasNoProblems() throws {
        #expect(Parts().snapshot.problems == [])
        try Parts().snapshot.check()
    }

    @Test(arguments: Self.whole + Self.ofListeners + Self.ofRoutes + Self.ofPools + Self.ofEndpoints)
    func aBrokenOneIsRefused(_ broken: Broken) throws {
        var parts = Parts()
        broken.change(&parts)
        let problems = parts.snapshot.problems
        #expect(problems.contains { $0.place == broken.place }, "\(problems)")
        #expect(throws: SnapshotError.self) { try parts.snapshot.check() }
        for problem in problems {
            #expect(!problem.found.isEmpty && !problem.expected.isEmpty)
            #expect(!problem.description.utf8.contains { $0 < 0x20 })
        }
    }

    /// A thousand mistakes are told as a hundred.
    @Test func problemsAreBounded() {
        var parts = Parts()
        parts.endpoints = (0..<100_000).map { _ in
            Endpoint(name: "", address: SocketAddress("127.0.0.1:0")!, weight: -1, pool: -1)
        }
        #expect(parts.snapshot.problems.count == 100)
    }

    static let whole: [Broken] = [
        Broken("workers") { $0.workers = 0 },
        Broken("workers") { $0.workers = .min },
        Broken("workers") { $0.workers = 1025 },
        Broken("node") { $0.node = "" },
        Broken("node") { $0.node = "a\nb" },
        Broken("limits.headBytes") { $0.limits.headBytes = 65_537 },
        Broken("limits.headBytes") { $0.limits.headBytes = -1 },
        Broken("limits.headFields") { $0.limits.headFields = 0 },
        Broken("limits.headFields") { $0.limits.headFields = .max },
        Broken("limits.responseFields") { $0.limits.responseFields = 0 },
        Broken("limits.responseFields") { $0.limits.responseFields = 257 },
        Broken("limits.targetBytes") { $0.limits.targetBytes = 70_000 },
        Broken("limits.bodyBytes") { $0.limits.bodyBytes = -1 },
        Broken("limits.minRate") { $0.limits.minRate = .max },
        Broken("limits.rateWindow") { $0.limits.rateWindow = .zero },
        Broken("limits.connectionsPerListener") { $0.limits.connectionsPerListener = 0 },
        Broken("limits.requestsPerWorker") { $0.limits.requestsPerWorker = 0 },
        Broken("limits.requestsPerWorker") { $0.limits.requestsPerWorker = 1 << 19 },
        Broken("limits.bufferBytesPerWorker") { $0.limits.bufferBytesPerWorker = 0 },
        Broken("timeouts.idle") { $0.timeouts.idle = .zero },
        Broken("timeouts.connect") { $0.timeouts.connect = .seconds(-1) },
        Broken("timeouts.body") { $0.timeouts.body = .nanoseconds(1) },
        Broken("timeouts.drain") { $0.timeouts.drain = .seconds(Int64.max) },
        Broken("timeouts.requestHead") { $0.timeouts.requestHead = .seconds(Int64.min) },
        Broken("timeouts.responseHead") { $0.timeouts.responseHead = .seconds(86_401) },
        Broken("accessLog.oneIn") { $0.accessLog.oneIn = 0 },
        Broken("accessLog.destination") { $0.accessLog.destination = .file(path: "relative") },
        Broken("accessLog.destination") { $0.accessLog.destination = .file(path: "/a\0b") },
        Broken("accessLog.destination.facility") { $0.accessLog.destination = .syslog(Syslog(facility: 24)) },
        Broken("accessLog.destination.tag") { $0.accessLog.destination = .syslog(Syslog(tag: "a b")) },
        Broken("operations.keptRevisions") { $0.operations.keptRevisions = -1 },
        Broken("operations.watchInterval") { $0.operations.watchInterval = .zero },
        Broken("operations.stateDirectory") { $0.operations.stateDirectory = "" },
        Broken("operations.admin[0].tls") {
            $0.operations.admin = [Admin(bind: .unix(path: "/a"), tls: ListenerTLS())]
        },
        Broken("operations.admin[0].bind") { $0.operations.admin = [Admin(bind: .unix(path: "relative"))] },
        Broken("operations.admin[1].bind") {
            $0.operations.admin = Array(repeating: Admin(bind: .unix(path: "/a")), count: 2)
        },
        Broken("operations.admin[0].role") {
            $0.operations.admin = [Admin(SocketAddress("127.0.0.1:9")!, role: .change)]
        },
        Broken("operations.admin[0].token") {
            $0.operations.admin = [Admin(SocketAddress("127.0.0.1:9")!, token: Secret([]))]
        },
        Broken("operations.group") { $0.operations.group = "g" },
    ]

    static let ofListeners: [Broken] = [
        Broken("listeners") { $0.listeners = [] },
        Broken("listeners[0].name") { $0.listeners[0].name = "" },
        Broken("listeners[1].name") {
            $0.listeners = [$0.listeners[0], $0.listeners[0]]
            $0.listeners[0].routes = 0..<1
            $0.listeners[1].routes = 1..<2
        },
        Broken("listeners[1].bind") {
            $0.listeners = ["a", "b"].enumerated().map {
                Listener(name: $1, bind: SocketAddress("127.0.0.1:8080")!, routes: $0..<($0 + 1))
            }
        },
        Broken("listeners[0].routes") { $0.listeners[0].routes = 0..<3 },
        Broken("listeners[0].routes") { $0.listeners[0].routes = -3..<2 },
        Broken("listeners[0].routes") { $0.listeners[0].routes = 1..<2 },
        Broken("listeners[0].routes") { $0.listeners[0].routes = 0..<0 },
        Broken("listeners[0].routes") { $0.listeners[0].routes = 7..<Int.max },
        Broken("routes") { $0.listeners[0].routes = 0..<1 },
        Broken("listeners[1].routes") {
            $0.listeners.append(Listener(name: "m", bind: SocketAddress("127.0.0.1:0")!, routes: 1..<2))
        },
    ]

    static let ofRoutes: [Broken] = [
        Broken("routes[0].name") { $0.routes[0].name = "\u{7f}" },
        Broken("routes[0].match.hosts[0]") { $0.routes[0].match.hosts = [.exact([])] },
        Broken("routes[0].match.hosts[0]") { $0.routes[0].match.hosts = [.exact(Array("Example.com".utf8))] },
        Broken("routes[0].match.hosts[0]") { $0.routes[0].match.hosts = [.suffix(Array("example.com".utf8))] },
        Broken("routes[0].match.path") { $0.routes[0].match.path = .prefix([]) },
        Broken("routes[0].match.path") { $0.routes[0].match.path = .exact(Array("a".utf8)) },
        Broken("routes[0].match.methods[0]") { $0.routes[0].match.methods = ["G T"] },
        Broken("routes[0].match.fields[0].name") {
            $0.routes[0].match.fields = [ValueCondition(name: "", test: .present)]
        },
        Broken("routes[0].cors.origins.count") { $0.routes[0].cors = CrossOriginRules(origins: []) },
        Broken("routes[0].cors.origins[1]") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any, .exact(Array("https://a.test/".utf8))])
        },
        Broken("routes[0].cors.allowsCredentials") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any], allowsCredentials: true)
        },
        Broken("routes[0].cors.methods[0]") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any], methods: ["GET\r\nX: a"])
        },
        Broken("routes[0].cors.headers[0]") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any], headers: .these(["a b"]))
        },
        Broken("routes[0].cors.exposed[0]") { $0.routes[0].cors = CrossOriginRules(origins: [.any], exposed: [""]) },
        Broken("routes[0].cors.exposed") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any], exposed: [String(repeating: "a", count: 4_097)])
        },
        Broken("routes[0].cors.maxAge") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any], maxAge: .milliseconds(1_500))
        },
        Broken("routes[0].cors") {
            $0.routes[0].cors = CrossOriginRules(origins: [.any])
            $0.routes[0].responseFields = [.remove(name: "Access_Control_Allow_Origin")]
        },
        Broken("routes[0].action.pools[0].pool") { $0.routes[0].action = .forward(Split([WeightedPool(pool: 2)])) },
        Broken("routes[0].action.pools[0].pool") { $0.routes[0].action = .forward(Split([WeightedPool(pool: -1)])) },
        Broken("routes[0].action.pools[0].weight") {
            $0.routes[0].action = .forward(Split([WeightedPool(pool: 0, weight: .max), WeightedPool(pool: 1)]))
        },
        Broken("routes[0].action.pools") { $0.routes[0].action = .forward(Split([])) },
        Broken("routes[0].action.pools") { $0.routes[0].action = .forward(Split([WeightedPool(pool: 0, weight: 0)])) },
        Broken("routes[0].action.pools") {
            $0.routes[0].action = .forward(Split(Array(repeating: WeightedPool(pool: 0), count: 17)))
        },
        Broken("routes[0].action.key") {
            $0.routes[0].action = .forward(Split([WeightedPool(pool: 0)], key: .header("a b")))
        },
        Broken("routes[0].action.status") {
            $0.routes[0].action = .redirect(Redirect(status: 200, location: TextTemplate(literal: "/")))
        },
        Broken("routes[0].action.location") {
            $0.routes[0].action = .redirect(Redirect(location: TextTemplate(literal: "/\r\nX: y")))
        },
        Broken("routes[0].action.location") { $0.routes[0].action = .redirect(Redirect(location: TextTemplate([]))) },
        Broken("routes[0].action.status") { $0.routes[0].action = .respond(FixedResponse(status: 99)) },
        Broken("routes[0].action.contentType") { $0.routes[0].action = .respond(FixedResponse(contentType: "a\r\nb")) },
        Broken("routes[0].action.body") {
            $0.routes[0].action = .respond(FixedResponse(body: [UInt8](repeating: 0, count: (1 << 20) + 1)))
        },
        Broken("routes[0].rewrite") { $0.routes[0].rewrite = .prefix([]) },
        Broken("routes[0].rewrite") { $0.routes[0].rewrite = .template(TextTemplate(literal: "/a b")) },
        Broken("routes[0].hostRewrite") { $0.routes[0].hostRewrite = TextTemplate(literal: "a\r\nb") },
        Broken("routes[0].requestFields[0]") {
            $0.routes[0].requestFields = [.set(name: "A", TextTemplate(literal: "b\r\nc"))]
        },
        Broken("routes[0].requestFields[0].name") { $0.routes[0].requestFields = [.remove(name: "a:b")] },
        Broken("routes[0].responseFields[0].name") { $0.routes[0].responseFields = [.remove(name: "")] },
        Broken("routes[0].timeouts.connect") { $0.routes[0].timeouts.connect = .zero },
        Broken("routes[0].retries.attempts") { $0.routes[0].retries = RetryRules(attempts: 0) },
        Broken("routes[0].limits.bodyBytes") { $0.routes[0].limits.bodyBytes = -1 },
        Broken("routes[0].limits.minRate") { $0.routes[0].limits.minRate = -1 },
        Broken("routes[0].limits.requests") { $0.routes[0].limits.requests = 0 },
    ]

    static let ofPools: [Broken] = [
        Broken("pools") { $0.pools = [] },
        Broken("pools[0].name") { $0.pools[0].name = "" },
        Broken("pools[1].name") { $0.pools[1].name = "p" },
        Broken("pools[0].endpoints") { $0.pools[0].endpoints = 0..<0 },
        Broken("pools[0].endpoints") { $0.pools[0].endpoints = -1..<2 },
        Broken("pools[1].endpoints") { $0.pools[1].endpoints = 1..<3 },
        Broken("pools[1].endpoints") { $0.pools[1].endpoints = 2..<Int.max },
        Broken("endpoints") { $0.pools.removeLast() },
        Broken("pools[0].hash.key.ipv4Prefix") { $0.pools[0].hash.key = .client(ipv4Prefix: 33, ipv6Prefix: 64) },
        Broken("pools[0].hash.key.ipv6Prefix") { $0.pools[0].hash.key = .client(ipv4Prefix: 32, ipv6Prefix: -1) },
        Broken("pools[0].hash.key") { $0.pools[0].hash.key = .cookie("") },
        Broken("pools[0].hash.loadFactor") { $0.pools[0].hash.loadFactor = 1 },
        Broken("pools[0].hash.loadFactor") { $0.pools[0].hash.loadFactor = .nan },
        Broken("pools[0].locality.subsetSize") { $0.pools[0].locality.subsetSize = 0 },
        Broken("pools[0].locality.overprovisioning") { $0.pools[0].locality.overprovisioning = 0 },
        Broken("pools[0].slowStart.window") { $0.pools[0].slowStart = SlowStart(window: .zero) },
        Broken("pools[0].slowStart.aggression") {
            $0.pools[0].slowStart = SlowStart(window: .seconds(1), aggression: .infinity)
        },
        Broken("pools[0].sticky.capacity") {
            $0.pools[0].sticky = StickySessions(.learned(name: "a", lifetime: .seconds(1), capacity: 0))
        },
        Broken("pools[0].sticky.name") { $0.pools[0].sticky = StickySessions(.cookie(.init(name: "a=b"))) },
        Broken("pools[0].sticky.path") { $0.pools[0].sticky = StickySessions(.cookie(.init(path: "/;"))) },
        Broken("pools[0].sticky.lifetime") {
            $0.pools[0].sticky = StickySessions(.cookie(.init(lifetime: .milliseconds(1500))))
        },
        Broken("pools[0].health.interval") { $0.pools[0].health.interval = .zero },
        Broken("pools[0].health.timeout") { $0.pools[0].health.timeout = .seconds(Int64.max) },
        Broken("pools[0].health.rise") { $0.pools[0].health.rise = 0 },
        Broken("pools[0].health.fall") { $0.pools[0].health.fall = .max },
        Broken("pools[0].health.port") { $0.pools[0].health.port = 0 },
        Broken("pools[0].health.probe.path") { $0.pools[0].health.probe = .http(path: "a\r\n") },
        Broken("pools[0].health.probe.headers[0].value") {
            $0.pools[0].health.probe = .http(HTTPProbe(path: "/", headers: [.init(name: "a", value: "\n")]))
        },
        Broken("pools[0].health.probe.statuses") {
            $0.pools[0].health.probe = .http(HTTPProbe(path: "/", statuses: []))
        },
        Broken("pools[0].panicThreshold") { $0.pools[0].panicThreshold = 101 },
        Broken("pools[0].outliers.minimumHosts") { $0.pools[0].outliers = OutlierRules(minimumHosts: 0) },
        Broken("pools[0].outliers.successRateDeviations") {
            $0.pools[0].outliers = OutlierRules(successRateDeviations: .nan)
        },
        Broken("pools[0].outliers.baseEjection") { $0.pools[0].outliers = OutlierRules(baseEjection: .seconds(301)) },
        Broken("pools[0].fallback") { $0.pools[0].fallback = .pool(9) },
        Broken("pools[0].fallback") { $0.pools[0].fallback = .pool(0) },
        Broken("pools[0].fallback") {
            $0.pools[0].fallback = .pool(1)
            $0.pools[1].fallback = .pool(0)
        },
        Broken("pools[0].fallback.status") { $0.pools[0].fallback = .response(FallbackResponse(status: 100)) },
        Broken("pools[0].fallback.retryAfter") {
            $0.pools[0].fallback = .response(FallbackResponse(retryAfter: .zero))
        },
        Broken("pools[0].connections.max") { $0.pools[0].connections.max = 0 },
        Broken("pools[0].connections.maxIdle") { $0.pools[0].connections.maxIdle = -1 },
        Broken("pools[0].connections.idleTimeout") { $0.pools[0].connections.idleTimeout = .zero },
        Broken("pools[0].requests.perEndpoint") { $0.pools[0].requests.perEndpoint = 0 },
        Broken("pools[0].requests.queue.length") { $0.pools[0].requests.queue = QueueRules(length: -1) },
        Broken("pools[0].requests.queue.timeout") { $0.pools[0].requests.queue = QueueRules(timeout: .zero) },
        Broken("pools[0].endpointBreaker.trials") { $0.pools[0].endpointBreaker = BreakerRules(trials: 0) },
        Broken("pools[0].poolBreaker.window") { $0.pools[0].poolBreaker = BreakerRules(window: .zero) },
        Broken("pools[0].poolBreaker.open") { $0.pools[0].poolBreaker = BreakerRules(open: .seconds(61)) },
        Broken("pools[0].retries.attempts") { $0.pools[0].retries.attempts = 17 },
        Broken("pools[0].retries.statuses[0]") { $0.pools[0].retries.statuses = [200] },
        Broken("pools[0].retries.bodyBytes") { $0.pools[0].retries.bodyBytes = .max },
        Broken("pools[0].retries.backoff") { $0.pools[0].retries.backoff = .seconds(1) },
        Broken("pools[0].retries.budgetPercent") { $0.pools[0].retries.budgetPercent = -1 },
        Broken("pools[0].hedging.after") { $0.pools[0].hedging = HedgingRules(after: .zero) },
        Broken("pools[0].concurrency.maximum") { $0.pools[0].concurrency = ConcurrencyRules(maximum: 5) },
        Broken("pools[0].concurrency.initial") { $0.pools[0].concurrency = ConcurrencyRules(initial: 5) },
        Broken("pools[0].concurrency.minimum") { $0.pools[0].concurrency = ConcurrencyRules(minimum: .min) },
        Broken("pools[0].concurrency.interval") { $0.pools[0].concurrency = ConcurrencyRules(interval: .zero) },
    ]

    static let ofEndpoints: [Broken] = [
        Broken("endpoints[0].name") { $0.endpoints[0].name = "" },
        Broken("endpoints[0].address.port") { $0.endpoints[0].address = SocketAddress("127.0.0.1:0")! },
        Broken("endpoints[0].weight") { $0.endpoints[0].weight = 65_536 },
        Broken("endpoints[0].weight") { $0.endpoints[0].weight = .min },
        Broken("endpoints[0].tier") { $0.endpoints[0].tier = 16 },
        Broken("endpoints[0].zone") { $0.endpoints[0].zone = "" },
        Broken("endpoints[0].pool") { $0.endpoints[0].pool = 1 },
        Broken("endpoints[2].pool") { $0.endpoints[2].pool = .max },
        Broken("endpoints[0].sessionToken") { $0.pools[0].sticky = StickySessions(.cookie(.init())) },
        Broken("endpoints[1].sessionToken") {
            $0.endpoints[0].sessionToken = [65]
            $0.endpoints[1].sessionToken = [65, 66]
        },
        Broken("endpoints[1].sessionToken") {
            $0.endpoints[0].sessionToken = [65]
            $0.endpoints[1].sessionToken = [65]
        },
    ]
}
