import ApusBalancing
import ApusExchange
import ApusModel

/// A run of a scenario in virtual time: the product's own decisions, in front of modelled origins.
///
/// It does for `PoolVisit` what a worker does, and for `PoolHealth` and `ProbeSchedule` what the prober does: tells
/// them what happened, and carries out what they say. Nothing in it depends on anything but the scenario, so that
/// a run can be repeated exactly.
///
/// What it leaves out: bodies (a response has ended when it has begun), the worker's own time, TCP's retransmissions.
struct Simulation<Observer: SimulationObserver> {
    enum Event: BitwiseCopyable, Sendable {
        case requestArrived
        case connectReachedOrigin(SlotHandle)
        case connectEnded(SlotHandle)
        case requestReachedOrigin(SlotHandle)
        case workEnded(SlotHandle, origin: Int32)
        /// What became of an attempt reaches its balancer.
        case fateReachedBalancer(SlotHandle)
        case connectionLost(SlotHandle)
        case retryDue(SlotHandle)
        /// An attempt that goes on alone must have been answered.
        case tryDue(SlotHandle)
        case deadlinesDue(Deadline, route: Int32)
        case clientLeaves(SlotHandle)
        case shortageBegins(Int32)
        /// An attempt that goes on alone must have its response, in the time that it had.
        case headDue(SlotHandle)
        case availabilityReachedWorker(balancer: Int32, endpoint: Int32, isAvailable: Bool)
        case probesDue(balancer: Int32)
        case probeReachedOrigin(balancer: Int32, endpoint: Int32)
        case probeEnded(balancer: Int32, endpoint: Int32, ProbeResult, isAsk: Bool)
        case healthDue(balancer: Int32)
        case fault(Int32)
        case slotEnded
    }

    enum Deadline: Int, CaseIterable, BitwiseCopyable, Sendable {
        case connect, responseHead, perTry, hedge, queue, look
    }

    enum ProbeResult: Equatable, BitwiseCopyable, Sendable {
        case good, refused, unreachable, timedOut, error
        case lacks(Shortage)
    }

    let scenario: Scenario
    let pool: Pool
    let randomness: Randomness
    var now: VirtualTime = 0
    var events = EventQueue<Event>()
    let routes: [SimulatedRoute]
    /// Of each route in turn, one for each kind.
    var deadlines: [DeadlineLine]
    var balancers: [SimulatedBalancer]
    var origins: [SimulatedOrigin]
    var requests = Slots<SimulatedRequest>()
    var attempts = Slots<SimulatedAttempt>()
    var connections = Slots<SimulatedConnection>()
    /// The endpoint of each client's session, where the pool has sessions; -1 for none.
    var sessions: [Int32]
    var arrivals: SplitMix64
    var probeLuck: SplitMix64
    /// When each balancer's next event of its control plane is scheduled for.
    var probesDue: [VirtualTime]
    var healthDue: [VirtualTime]
    /// The attempt whose last event is being handled.
    var arriving: SlotHandle?
    var statistics: Statistics
    var observer: Observer

    init(_ scenario: Scenario, observer: Observer) {
        self.scenario = scenario
        self.observer = observer
        let pool = scenario.pool
        let randomness = Randomness(seed: scenario.seed)
        self.pool = pool
        self.randomness = randomness
        routes = SimulatedRoute.all(of: scenario)
        let rules = PoolRules(pool)
        deadlines = routes.flatMap { route in
            Deadline.allCases.map { DeadlineLine(length: $0.length(of: route.settings, rules)) }
        }
        balancers = (0..<scenario.balancers).map { SimulatedBalancer($0, of: scenario, randomness: randomness) }
        origins = (0..<scenario.endpointCount).map { _ in SimulatedOrigin(capacity: scenario.origins.capacity) }
        sessions = pool.sticky == nil ? [] : Array(repeating: -1, count: scenario.clients)
        arrivals = randomness.stream(.arrivals)
        probeLuck = randomness.stream(.probes)
        probesDue = balancers.map { _ in .max }
        healthDue = balancers.map { _ in .max }
        statistics = Statistics(endpoints: scenario.endpointCount, duration: scenario.duration)
    }

    /// Runs until the last request has ended.
    mutating func run() {
        for (index, fault) in scenario.faults.enumerated() { events.schedule(.fault(Int32(index)), at: fault.at) }
        for (index, shortage) in scenario.shortages.enumerated() {
            events.schedule(.shortageBegins(Int32(index)), at: shortage.at)
        }
        for balancer in balancers.indices { scheduleControl(balancer) }
        events.schedule(.slotEnded, at: statistics.series.slotLength)
        scheduleArrival()
        while !isOver, let next = events.takeNext() {
            now = next.time
            statistics.events += 1
            handle(next.event)
            for balancer in balancers.indices where balancers[balancer].room > 0 { serveQueue(balancer) }
        }
        statistics.series.closeSlot(now: now)
    }

    private var isOver: Bool {
        // Whatever still is in flight by then has been lost by a mistake of ours, which the tests look for.
        now >= scenario.duration && (requests.count == 0 || now > scenario.duration + patience)
    }

    /// Longer than any request can take.
    private var patience: VirtualTime {
        let retries = [pool.retries] + scenario.routes.compactMap(\.route.retries)
        let attempts = (retries.map(\.attempts).max() ?? 1) + RetryPolicy.staleReplacementLimit + 1
        let pause = retries.map(\.maximumBackoff.microseconds).max() ?? 0
        let time = routes.map { $0.settings.connect + $0.settings.responseHead }.max() ?? 0
        return VirtualTime(attempts) * (time + pause) + PoolRules(pool).queueTimeout + 60_000_000
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .requestArrived: requestArrived()
        case .connectReachedOrigin(let attempt): connectReachedOrigin(attempt)
        case .connectEnded(let attempt):
            if case .refused = attempts[attempt].fate { arriving = attempt }
            connectEnded(attempt)
            arriving = nil
        case .requestReachedOrigin(let attempt): requestReachedOrigin(attempt)
        case .workEnded(let attempt, let origin): workEnded(attempt, at: Int(origin))
        case .fateReachedBalancer(let attempt):
            arriving = attempt
            fateReachedBalancer(attempt)
            arriving = nil
        case .connectionLost(let connection): connectionLost(connection)
        case .retryDue(let request): pauseEnded(request)
        case .tryDue(let request): if requests.contains(request) { tryDue(request) }
        case .deadlinesDue(let deadline, let route): deadlinesDue(deadline, route: Int(route))
        case .clientLeaves(let request): clientLeaves(request)
        case .shortageBegins(let index): note(scenario.shortages[Int(index)])
        case .headDue(let request): headDue(request)
        case .availabilityReachedWorker(let balancer, let endpoint, let isAvailable):
            availabilityReachedWorker(Int(balancer), Int(endpoint), isAvailable)
        case .probesDue(let balancer): startProbes(Int(balancer))
        case .probeReachedOrigin(let balancer, let endpoint): probeReachedOrigin(Int(balancer), Int(endpoint))
        case .probeEnded(let balancer, let endpoint, let result, let isAsk):
            probeEnded(Int(balancer), Int(endpoint), result, isAsk: isAsk)
        case .healthDue(let balancer): healthDue(Int(balancer))
        case .fault(let index): strike(scenario.faults[Int(index)], index: index)
        case .slotEnded:
            statistics.series.closeSlot(now: now)
            events.schedule(.slotEnded, at: now + statistics.series.slotLength)
        }
    }
}

extension Scenario {
    /// Runs it.
    public func run() -> Statistics {
        var simulation = Simulation(self, observer: NoObserver())
        simulation.run()
        return simulation.statistics
    }
}

extension Simulation.Deadline {
    /// How long it is for requests of a route in a pool, in microseconds; `.max` for never.
    fileprivate func length(of route: RouteSettings, _ pool: PoolRules) -> VirtualTime {
        switch self {
        case .connect: route.connect
        case .responseHead: route.responseHead
        case .perTry: route.perTry(in: pool)
        case .hedge: pool.hedgeAfter
        case .queue: pool.queueTimeout
        case .look: PoolVisit.lookTime
        }
    }
}
