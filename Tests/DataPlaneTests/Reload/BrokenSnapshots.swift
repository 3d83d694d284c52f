import ApusAddresses
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// Snapshots that a program has built in code, and wrongly: a data plane refuses them, or serves and ends. It never traps
/// and never runs on without listening to anybody.
@Suite(.timeLimit(.minutes(5))) struct BrokenSnapshots {
    @Test func withoutWorkersNothingBegins() throws {
        #expect(throws: DataPlaneError.self) { try DataPlane(try Draft().with { $0.workers = 0 }.snapshot) }
        let error = #expect(throws: DataPlaneError.self) {
            try DataPlane(try Draft().with { $0.workers = -1 }.snapshot)
        }
        #expect("\(try #require(error))".contains("workers: expected a whole number from 1 to 1024, found -1"))
    }

    /// The table of routes is made with the snapshot, before anybody looks whether it can be run.
    @Test func rangesThatLeadNowhere() throws {
        for range in [0..<5, -2..<1, -5..<(-3), 3..<3, 9..<Int.max, Int.min..<Int.max] {
            #expect(throws: DataPlaneError.self) {
                try DataPlane(try Draft().with { $0.listeners[0].routes = range }.snapshot)
            }
            #expect(throws: DataPlaneError.self) {
                try DataPlane(try Draft().with { $0.pools[0].endpoints = range }.snapshot)
            }
        }
    }

    @Test func randomlyBroken() async throws {
        try await withTaskExecutorPreference(OwnThread()) {
            var random = SplitMix64(seed: 10)
            var outcomes = (refused: 0, ran: 0)
            for round in 0..<1500 {
                let draft = try Draft().with { draft in
                    if random.next() % 2 == 0 { draft.spoilValue(using: &random) }
                    // Last, since it may leave nothing that has values.
                    draft.spoil(using: &random)
                }
                guard let dataPlane = try? DataPlane(draft.snapshot) else {
                    #expect(!draft.snapshot.problems.isEmpty, "round \(round)")
                    outcomes.refused += 1
                    continue
                }
                outcomes.ran += 1
                try dataPlane.start()
                if let client = try? Connection(to: dataPlane.addresses[0]) {
                    try client.send("GET /a HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\nConnection: close\r\n\r\n")
                    // Any answer will do, and none, where the time for it is a millisecond.
                    _ = try? client.readResponse()
                }
                let start = ContinuousClock.now
                dataPlane.stop()
                dataPlane.waitUntilEnded()
                // A second, and some for a busy machine.
                #expect(start.duration(to: .now) < .seconds(10), "round \(round)")
            }
            #expect(outcomes.refused > 300 && outcomes.ran > 100, "\(outcomes)")
        }
    }
}

/// A snapshot in parts.
private struct Draft {
    var workers = 1
    var listeners = [Listener(name: "l", bind: .loopback(0), routes: 0..<2)]
    var routes: [Route]
    var pools: [Pool]
    var endpoints: [Endpoint]
    var timeouts = Timeouts()
    var limits = Limits()

    init() throws {
        // Nobody listens there.
        let nowhere = SocketAddress("127.0.0.1:1")!
        endpoints = (0..<3).map {
            Endpoint(name: "\($0)", address: SocketAddress(ip: nowhere.ip, port: UInt16(1 + $0)), pool: $0 / 2)
        }
        pools = ["p", "q"].enumerated().map { index, name in
            Pool(name: name, health: HealthCheck(probe: .none), endpoints: index == 0 ? 0..<2 : 2..<3)
        }
        pools[0].slowStart = SlowStart(window: .seconds(1))
        pools[0].sticky = StickySessions(.learned(name: "s", lifetime: .seconds(9), capacity: 100))
        pools[0].outliers = OutlierRules()
        pools[0].endpointBreaker = BreakerRules()
        pools[0].poolBreaker = BreakerRules()
        pools[0].hedging = HedgingRules(after: .milliseconds(5))
        pools[0].concurrency = ConcurrencyRules()
        pools[0].requests = RequestLimits(perEndpoint: 10, perPool: 10, queue: QueueRules())
        pools[0].fallback = .response(FallbackResponse(status: 200))
        routes = [
            Route(name: "a", path: .prefix(Array("/a".utf8)), pool: 0), Route(name: "*", pool: 1),
        ]
        routes[0].action = .forward(Split([WeightedPool(pool: 0), WeightedPool(pool: 1)], key: .path))
        routes[0].retries = RetryRules()
    }

    func with(_ change: (inout Draft) throws -> Void) rethrows -> Draft {
        var draft = self
        try change(&draft)
        return draft
    }

    var snapshot: Snapshot {
        Snapshot(
            workers: workers, listeners: listeners, routes: routes, pools: pools, endpoints: endpoints,
            timeouts: timeouts, limits: limits)
    }

    /// Gives one property a value that it may not be able to have.
    mutating func spoil(using random: inout SplitMix64) {
        if random.next() % 4 == 0 {
            Self.others.randomElement(using: &random)!(&self)
        } else {
            spoilValue(using: &random)
        }
    }

    mutating func spoilValue(using random: inout SplitMix64) {
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let property = Self.numbers.randomElement(using: &random)!
            self[keyPath: property] = Self.oddNumbers.randomElement(using: &random)!
        case 1:
            let property = Self.durations.randomElement(using: &random)!
            self[keyPath: property] = Self.oddDurations.randomElement(using: &random)!
        default:
            let property = Self.doubles.randomElement(using: &random)!
            self[keyPath: property] = [-1, 0, 0.5, 1, 1.5, 5, 1e300, .infinity, .nan].randomElement(using: &random)!
        }
    }

    static let oddNumbers = [
        Int.min, -65_537, -1, 0, 1, 2, 3, 64, 100, 101, 500, 1000, 65_535, 65_536, 1 << 20, 1 << 31, 1 << 40, .max,
    ]
    static let oddDurations: [Duration] = [
        .seconds(Int64.min), .seconds(-1), .nanoseconds(-1), .zero, .nanoseconds(1), .milliseconds(1), .seconds(1),
        .milliseconds(1500), .seconds(86_400), .seconds(86_401), .seconds(Int64.max),
    ]

    nonisolated(unsafe) static let numbers: [WritableKeyPath<Draft, Int>] = [
        \.workers.few, \.limits.headBytes, \.limits.headFields, \.limits.targetBytes, \.limits.connectionsPerListener,
        \.limits.bufferBytesPerWorker, \.limits.bodyBytes.or0, \.endpoints[0].weight, \.endpoints[1].pool,
        \.endpoints[2].tier, \.pools[0].panicThreshold, \.pools[0].locality.overprovisioning,
        \.pools[0].locality.subsetSize.or0, \.pools[0].health.rise, \.pools[0].health.fall, \.pools[0].connections.max,
        \.pools[0].connections.maxIdle, \.pools[0].requests.perEndpoint.or0, \.pools[0].requests.perPool.or0,
        \.pools[0].requests.queue.unwrapped.length, \.pools[0].endpointBreaker.unwrapped.minimumVolume,
        \.pools[0].endpointBreaker.unwrapped.trials, \.pools[0].poolBreaker.unwrapped.failurePercent.or0,
        \.pools[0].poolBreaker.unwrapped.consecutiveFailures.or0, \.pools[0].retries.attempts,
        \.pools[0].retries.bodyBytes, \.pools[0].retries.budgetPercent, \.pools[0].retries.minimumPerSecond,
        \.pools[0].concurrency.unwrapped.initial, \.pools[0].concurrency.unwrapped.minimum,
        \.pools[0].concurrency.unwrapped.maximum, \.pools[0].concurrency.unwrapped.tolerancePercent,
        \.pools[0].outliers.unwrapped.minimumHosts, \.pools[0].outliers.unwrapped.minimumVolume,
        \.pools[0].outliers.unwrapped.consecutive5xx.or0, \.pools[0].outliers.unwrapped.maximumEjectedPercent,
        \.routes[0].limits.requests.or0, \.routes[0].limits.bodyBytes.or0, \.routes[0].retries.unwrapped.attempts,
        \.routes[0].retries.unwrapped.bodyBytes, \.routes[0].branchPool, \.routes[0].branchWeight,
    ]
    nonisolated(unsafe) static let durations: [WritableKeyPath<Draft, Duration>] = [
        \.timeouts.requestHead, \.timeouts.idle, \.timeouts.connect, \.timeouts.responseHead, \.timeouts.body,
        \.timeouts.drain, \.pools[0].slowStart.unwrapped.window, \.pools[0].health.interval, \.pools[0].health.timeout,
        \.pools[0].connections.idleTimeout, \.pools[0].requests.queue.unwrapped.timeout,
        \.pools[0].endpointBreaker.unwrapped.window, \.pools[0].endpointBreaker.unwrapped.open,
        \.pools[0].poolBreaker.unwrapped.maximumOpen, \.pools[0].poolBreaker.unwrapped.slowAfter,
        \.pools[0].retries.backoff, \.pools[0].retries.maximumBackoff, \.pools[0].hedging.unwrapped.after,
        \.pools[0].concurrency.unwrapped.interval, \.pools[0].concurrency.unwrapped.retryAfter,
        \.pools[0].outliers.unwrapped.interval, \.pools[0].outliers.unwrapped.baseEjection,
        \.routes[0].retries.unwrapped.backoff,
    ]
    nonisolated(unsafe) static let doubles: [WritableKeyPath<Draft, Double>] = [
        \.pools[0].hash.loadFactor.or0, \.pools[0].slowStart.unwrapped.aggression,
        \.pools[0].outliers.unwrapped.successRateDeviations.or0, \.pools[0].outliers.unwrapped.latencyFactor.or0,
    ]
    typealias Change = @Sendable (inout Draft) -> Void

    static let others: [Change] = {
        var changes = plain
        for balance in Balance.allCases { changes.append { $0.pools[0].balance = balance } }
        for range in [0..<0, 0..<1, 1..<2, 0..<3, -1..<2, 2..<Int.max] {
            changes.append { $0.listeners[0].routes = range }
            changes.append { $0.pools[0].endpoints = range }
            changes.append { $0.pools[1].endpoints = range }
        }
        return changes
    }()

    private static let plain: [Change] = [
        { $0.listeners = [] }, { $0.routes = [] }, { $0.pools = [] }, { $0.endpoints = [] },
        { $0.listeners += $0.listeners }, { $0.pools += $0.pools }, { $0.endpoints += $0.endpoints },
        { $0.endpoints[1] = $0.endpoints[0] }, { $0.endpoints[1].sessionToken = [65] },
        { $0.pools[0].fallback = .pool(0) }, { $0.pools[0].fallback = .pool(1) },
        { $0.pools[0].fallback = .pool(.max) },
        { $0.pools[0].fallback = .response(FallbackResponse(status: 0)) },
        { $0.pools[0].sticky = StickySessions(.cookie(.init())) },
        { $0.pools[0].hash.key = .client(ipv4Prefix: -9, ipv6Prefix: 900) },
        { $0.pools[0].hash.key = .header("\r\n") }, { $0.routes[0].match.path = .exact([]) },
        { $0.routes[0].match.hosts = [.exact([]), .suffix([])] }, { $0.routes[0].match.methods = ["", "\r\n"] },
        { $0.routes[0].action = .forward(Split([])) },
        { $0.routes[0].action = .respond(FixedResponse(status: .max)) },
        { $0.routes[0].action = .redirect(Redirect(status: -1, location: TextTemplate(literal: "\r\n"))) },
        { $0.routes[0].requestFields = [.set(name: "", TextTemplate(literal: "\n"))] },
    ]
}

extension Optional {
    /// Of what a draft has.
    fileprivate var unwrapped: Wrapped {
        get { self! }
        set { self = newValue }
    }
}

extension Int? {
    fileprivate var or0: Int {
        get { self ?? 0 }
        set { self = newValue }
    }
}

extension Double? {
    fileprivate var or0: Double {
        get { self ?? 0 }
        set { self = newValue }
    }
}

extension Int {
    /// Threads are not to be had by the hundred on every machine.
    fileprivate var few: Int {
        get { self }
        set { self = newValue > 3 && newValue <= 1024 ? 3 : newValue }
    }
}

extension Route {
    fileprivate var branchPool: Int {
        get { pools[0].pool }
        set { if case .forward = action { action = .forward(Split([WeightedPool(pool: newValue)])) } }
    }

    fileprivate var branchWeight: Int {
        get { pools[0].weight }
        set {
            if case .forward(var split) = action, !split.pools.isEmpty {
                split.pools[0].weight = newValue
                action = .forward(split)
            }
        }
    }
}

/// Numbers by chance, the same ones each time.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
