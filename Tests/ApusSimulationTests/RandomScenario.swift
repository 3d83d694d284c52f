import ApusAddresses
import ApusBalancing
import ApusModel

@testable import ApusSimulation

/// A short scenario in which everything is left to chance: the rules, the load, and what goes wrong.
struct RandomScenario {
    private var random: SplitMix64
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
        random = SplitMix64(seed: seed &* 0x9e37_79b9 &+ 17)
    }

    private mutating func chance(_ percent: Int) -> Bool { random.next(below: 100) < percent }
    private mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + random.next(below: range.count)
    }
    private mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration { .milliseconds(number(range)) }

    mutating func make() -> Scenario {
        let count = chance(10) ? 1 : number(2...9)
        var pool = Pool(
            name: "web", balance: Balance.allCases[number(0...Balance.allCases.count - 1)], endpoints: 0..<count)
        choosePicking(&pool)
        chooseHealth(&pool)
        chooseProtection(&pool)
        let hasTiers = chance(20)
        let hasBackups = chance(20)
        let endpoints = (0..<count).map { index in
            let address = SocketAddress(ip: IPAddress(ipv4: 0x0a00_0001 + UInt32(index)), port: 80)
            return Endpoint(
                name: "\(address)", address: address, weight: chance(5) ? 0 : number(1...5), pool: 0,
                tier: hasTiers ? number(0...1) : 0, isBackup: hasBackups && index > 0 && chance(50))
        }
        let snapshot = Snapshot(
            workers: 1, listeners: [], routes: [], pools: [pool], endpoints: endpoints,
            timeouts: Timeouts(
                connect: milliseconds(50...300),
                // Longer than it takes until an attempt is looked at, or shorter.
                responseHead: chance(25) ? milliseconds(1500...4000) : milliseconds(200...800)))
        var scenario = Scenario(snapshot: snapshot, pool: 0)
        scenario.load = Double(number(50...250))
        scenario.duration = 1_500_000
        scenario.balancers = chance(70) ? 1 : number(2...3)
        scenario.origins = OriginModel(
            service: ServiceTime(mean: milliseconds(2...60), shape: .logNormal(tail: Double(number(1...20)))),
            capacity: number(1...16))
        scenario.lostProbes = chance(70) ? 0 : Double(number(1...40)) / 100
        scenario.clients = number(1...50)
        scenario.idempotentShare = chance(70) ? 1 : 0.5
        scenario.reactionDelay = chance(50) ? 500 : 0
        scenario.seed = seed
        for _ in 0..<number(0...6) { scenario.faults.append(fault(count, scenario.duration)) }
        scenario.faults.sort { $0.at < $1.at }
        if chance(25) {
            for _ in 0..<number(1...3) { scenario.shortages.append(shortage(count, scenario.duration)) }
        }
        if chance(30) {
            scenario.impatience = Impatience(
                time: VirtualTime(number(2...400)) * 1000, share: Double(number(1...10)) / 10)
        }
        if chance(35) { for index in 0..<number(1...2) { scenario.routes.append(route(index)) } }
        return scenario
    }

    private mutating func shortage(_ count: Int, _ duration: VirtualTime) -> MachineShortage {
        let kind = Shortage.allCases[number(0...Shortage.allCases.count - 1)]
        let at = VirtualTime(number(0...Int(duration)))
        return MachineShortage(
            kind, endpoint: kind == .ports && chance(70) ? number(0...count - 1) : nil, at: at,
            until: at + VirtualTime(number(10...400)) * 1000)
    }

    private mutating func route(_ index: Int) -> RouteShare {
        var route = Route(name: "route-\(index)", pool: 0, priority: chance(70) ? .normal : .low)
        if chance(50) { route.timeouts.responseHead = milliseconds(30...500) }
        if chance(20) { route.timeouts.connect = milliseconds(20...200) }
        if chance(30) { route.limits.requests = number(1...8) }
        if chance(50) {
            route.retries = RetryRules(
                attempts: number(1...4), statuses: chance(40) ? [503] : [],
                perTryTimeout: chance(30) ? milliseconds(20...200) : nil, backoff: milliseconds(0...30),
                maximumBackoff: milliseconds(30...100), repeatsAll: chance(30))
        }
        return RouteShare(route, share: Double(number(5...45)) / 100, work: chance(50) ? 1 : Double(number(5...100)))
    }

    private mutating func fault(_ count: Int, _ duration: VirtualTime) -> Fault {
        let kinds: [Fault.Kind] = [
            .kill, .hang, .cutOff, .slow(factor: Double(number(2...50))), .errors(share: Double(number(1...10)) / 10),
            .flap(period: VirtualTime(number(20...400)) * 1000), .revive, .revive, .revive,
        ]
        return Fault(
            endpoint: number(0...count - 1), at: VirtualTime(number(0...Int(duration))),
            kinds[number(0...kinds.count - 1)])
    }

    private mutating func choosePicking(_ pool: inout Pool) {
        if chance(30) { pool.slowStart = SlowStart(window: milliseconds(50...500), aggression: chance(50) ? 1 : 2) }
        if chance(15) { pool.sticky = StickySessions(.cookie(StickySessions.Cookie())) }
        pool.hash.method = HashRules.Method.allCases[number(0...2)]
        if chance(50) { pool.hash.loadFactor = 1.25 }
    }

    private mutating func chooseHealth(_ pool: inout Pool) {
        let probes: [HealthCheck.Probe] = [.none, .tcp, .http(path: "/"), .http(path: "/")]
        pool.health = HealthCheck(
            probe: probes[number(0...3)], interval: milliseconds(50...300),
            downInterval: chance(50) ? nil : milliseconds(20...200), timeout: milliseconds(20...100),
            rise: number(1...3),
            fall: number(1...3))
        if chance(60) {
            pool.outliers = OutlierRules(
                consecutive5xx: chance(70) ? number(1...5) : nil,
                consecutiveGatewayErrors: chance(70) ? number(1...5) : nil, successRateDeviations: 1.9,
                latencyFactor: chance(30) ? 3 : nil,
                minimumHosts: number(2...5), minimumVolume: number(3...20), interval: milliseconds(100...500),
                baseEjection: milliseconds(50...400), maximumEjection: milliseconds(400...2000),
                maximumEjectedPercent: number(0...10) * 10, returnsOnProbe: chance(50))
        }
        if chance(40) { pool.panicThreshold = number(1...10) * 10 }
    }

    private mutating func chooseProtection(_ pool: inout Pool) {
        if chance(40) {
            pool.requests = RequestLimits(
                perEndpoint: chance(70) ? number(1...6) : nil, perPool: chance(40) ? number(1...20) : nil,
                queue: chance(70)
                    ? QueueRules(
                        length: number(1...20), timeout: milliseconds(10...500), order: chance(50) ? .fifo : .adaptive)
                    : nil)
        }
        if chance(20) { pool.connections = UpstreamConnectionLimits(maxIdle: number(0...4), max: number(1...8)) }
        if chance(40) { pool.endpointBreaker = breaker() }
        if chance(20) { pool.poolBreaker = breaker() }
        pool.retries = RetryRules(
            attempts: number(1...4), statuses: chance(40) ? [503] : [],
            perTryTimeout: chance(40) ? milliseconds(20...200) : nil, backoff: milliseconds(0...30),
            maximumBackoff: milliseconds(30...100), budgetPercent: number(0...4) * 10, minimumPerSecond: number(0...5))
        if chance(20) { pool.hedging = HedgingRules(after: milliseconds(5...80)) }
        if chance(20) {
            pool.concurrency = ConcurrencyRules(
                initial: number(1...20), minimum: 1, maximum: 50, interval: milliseconds(50...300))
        }
    }

    private mutating func breaker() -> BreakerRules {
        BreakerRules(
            consecutiveFailures: chance(70) ? number(1...5) : nil,
            failurePercent: chance(60) ? number(1...9) * 10 : nil,
            slowPercent: chance(30) ? number(1...9) * 10 : nil, slowAfter: milliseconds(10...100),
            window: milliseconds(100...500), minimumVolume: number(2...10), open: milliseconds(30...300),
            maximumOpen: milliseconds(300...800), trials: number(1...3))
    }
}
