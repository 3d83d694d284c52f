public import ApusAddresses
import ApusBalancing
public import ApusModel
public import Logging
public import NIOCore
public import ServiceLifecycle

/// Watches the endpoints of a snapshot and tells the data plane which of them may be picked.
///
/// It carries out what `ProbeSchedule` and `PoolHealth` decide: starts the probes that are due, each by itself so that one
/// that hangs delays no other; adds what the workers saw and, each interval, what they counted; logs and passes on each
/// change exactly once.
public actor Prober: Service {
    /// What the workers have been told to go by.
    private(set) var snapshot: Snapshot
    let link: any DataPlaneLink
    let logger: Logger
    private let eventLoop: any EventLoop
    private let descriptorBound: Int32
    private var pools: [PoolHealth]
    private var schedule: ProbeSchedule
    private var volumes: VolumeReader
    private var reloads = ReloadHistory()
    /// What is told of once in a while. Tests have shorter pauses.
    var silenceLog = SilenceLog(pause: SilenceLog.usualPause)
    /// Nothing is probed any more, and no alarm is set.
    private var isOver = false
    var refusals = RefusalLog()
    /// Of the access log that the snapshot names.
    var logTrouble: LogTrouble?
    /// How often what they keep is looked at, in microseconds.
    var tellingInterval: Int64 = 10_000_000
    /// The endpoints whose probes are under way, by the probes' numbers.
    private var probed: [Int: Int] = [:]
    private var nextProbe = 0
    private let alarms: AsyncStream<Alarm>
    private let alarm: AsyncStream<Alarm>.Continuation
    /// When each thing that this machine lacked was last told of.
    private var toldShortages: [Shortage: Int64] = [:]
    /// When it was last told of that probes were late because of this process.
    private var toldLateness: Int64?
    /// The alarm set for the next probes, and when it rings.
    private var nextProbes: SetAlarm?
    /// Of each pool: the alarm set for what waits for the time.
    private var nextOfPool: [SetAlarm?]
    /// The alarm set for what the logs keep.
    private var nextTelling: SetAlarm?
    /// The latest reload in which pools came, went or changed places.
    private var poolsEpoch = 0

    private enum Alarm {
        case probesDue
        /// An interval of a pool is over, or an endpoint's time out of service; the index is of the order that pools have had
        /// since this reload.
        case poolDue(Int, epoch: Int)
        /// The logs may keep something whose pause is over.
        case tellingsDue
    }

    private struct SetAlarm {
        let rings: Int64
        let task: Scheduled<Void>
    }

    /// - Parameters:
    ///   - eventLoop: carries the probes' connections and timers.
    ///   - descriptorBound: descriptors from this one on are not for probes (`DescriptorBudget`).
    public init(
        snapshot: Snapshot, link: any DataPlaneLink, eventLoop: any EventLoop, logger: Logger,
        descriptorBound: Int32 = .max
    ) {
        self.descriptorBound = descriptorBound
        let now = Self.now
        self.snapshot = snapshot
        self.link = link
        self.eventLoop = eventLoop
        self.logger = logger
        pools = snapshot.pools.indices.map { PoolHealth(pool: $0, of: snapshot, now: now) }
        nextOfPool = snapshot.pools.map { _ in nil }
        volumes = VolumeReader(snapshot, link)
        schedule = ProbeSchedule(
            intervals: snapshot.probeIntervals, downIntervals: snapshot.probeDownIntervals, now: now,
            seed: .random(in: .min ... .max))
        (alarms, alarm) = AsyncStream.makeStream()
    }

    /// What is known now.
    public var report: HealthReport {
        HealthReport(
            snapshot: snapshot, pools: pools, logTrouble: logTrouble, now: Self.now,
            clock: WallClock(monotonic: Self.now))
    }

    /// Probes until the task is cancelled or the surrounding service group shuts down. Call it once.
    public func run() async {
        await cancelWhenGracefulShutdown { await self.probeUntilCancelled() }
    }

    private func probeUntilCancelled() async {
        await withDiscardingTaskGroup { probes in
            setAlarm()
            for pool in pools.indices { setAlarm(ofPool: pool) }
            for await ringing in alarms {
                switch ringing {
                case .probesDue:
                    nextProbes = nil
                    while let endpoint = schedule.takeDue(now: Self.now) {
                        let number = begin(endpoint)
                        let (address, check) = (snapshot.endpoints[endpoint].address, check(of: endpoint))
                        let endpointName = snapshot.endpoints[endpoint].host
                        let tls = snapshot.pools[snapshot.endpoints[endpoint].pool].tls.map { ($0, endpointName) }
                        let proxyProtocol = snapshot.pools[snapshot.endpoints[endpoint].pool].proxyProtocol
                        let (limits, isAsk) = (snapshot.limits, isToBeAsked(endpoint))
                        let question = isAsk ? check.ofTheEjected : check
                        let probe = Probe(
                            address: address, check: question, tls: tls, proxyProtocol: proxyProtocol, limits: limits,
                            descriptorBound: descriptorBound)
                        probes.addTask { await self.probe(number, probe, by: check, isAsk: isAsk) }
                    }
                    setAlarm()
                case .poolDue(let pool, let epoch):
                    guard epoch == poolsEpoch else { continue }
                    nextOfPool[pool] = nil
                    timePassed(pool)
                case .tellingsDue: tellDue()
                }
            }
            isOver = true
            tellAll()
            nextProbes?.task.cancel()
            nextTelling?.task.cancel()
            for alarm in nextOfPool { alarm?.task.cancel() }
            // A reload that comes late would cancel them once more, on an event loop that may be gone.
            (nextProbes, nextTelling, nextOfPool) = (nil, nil, nextOfPool.map { _ in nil })
        }
    }

    // MARK: - Facts

    /// Takes what a worker saw, before or after the last reload.
    public func observe(_ report: ReportedFact) {
        if let fact = reloads.renamed(report) { observe(fact) }
    }

    /// Takes what a worker saw, in the indices of the present snapshot.
    public func observe(_ fact: DataPlaneFact) {
        let now = Self.now
        switch fact {
        case .connectFailed(let endpoint, .shortage(let shortage)): noteShortage(shortage, endpoint, ofProbe: false)
        case .connectFailed(let endpoint, let cause):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].connectFailed(index, CheckFailure(cause), now: now))
        case .connectSucceeded(let endpoint):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].connectSucceeded(index, now: now))
        case .failedInARow(let endpoint, let failure, let count):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].failedInARow(index, failure, count: count, now: now))
        case .answersAgain(let endpoint):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].answersAgain(index, now: now))
        case .gaveNoResponse(let endpoint, let reason, let fault, let count):
            let silence = Silence(reason: reason, fault: fault)
            if let telling = silenceLog.note(endpoint, silence, count: count, now: now) { log(telling) }
            armTelling()
        case .breakerChanged(.endpoint(let endpoint), let state, let cause, let worker):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].breakerChanged(.endpoint(index), state, cause, now: now), saidBy: worker)
        case .breakerChanged(.pool(let pool), let state, let cause, let worker):
            settle(pool, pools[pool].breakerChanged(.pool, state, cause, now: now), saidBy: worker)
        case .refused(let refusal):
            if refusal.isForDescriptors { link.giveUpIdleConnections() }
            if let telling = refusals.note(refusal, now: now) { log(telling) }
            armTelling()
        case .accessLog(let news): take(news, now: now)
        }
    }

    /// Gives an endpoint another weight, 0 to 65,535; 0 drains it. It lasts until the configuration changes the endpoint's
    /// weight.
    ///
    /// - Returns: whether there is a pool of that name with an endpoint of that address.
    public func setWeight(pool name: String, endpoint address: ApusAddresses.SocketAddress, weight: Int) -> Bool {
        guard let pool = snapshot.pools.firstIndex(where: { $0.name == name && !$0.isRetired }),
            let endpoint = snapshot.presentEndpoints(of: snapshot.pools[pool])
                .first(where: { snapshot.endpoints[$0].address == address })
        else { return false }
        let weight = min(max(weight, Bounds.weights.lowerBound), Bounds.weights.upperBound)
        link.setWeight(endpoint, weight)
        settle(pool, pools[pool].setWeight(place(endpoint).index, weight, now: Self.now))
        return true
    }

    private func timePassed(_ pool: Int) {
        let now = Self.now
        var changes = pools[pool].woken(now: now)
        if let end = pools[pool].nextInterval, now >= end, volumes.isReady {
            changes += pools[pool].intervalEnded(volumes: volumes.next(ofPool: pool), now: now)
        }
        settle(pool, changes)
    }

    /// The number of a probe of the endpoint that begins now.
    private func begin(_ endpoint: Int) -> Int {
        nextProbe += 1
        probed[nextProbe] = endpoint
        return nextProbe
    }

    private func check(of endpoint: Int) -> HealthCheck { snapshot.pools[snapshot.endpoints[endpoint].pool].health }

    private func isToBeAsked(_ endpoint: Int) -> Bool {
        let (pool, index) = place(endpoint)
        return pools[pool].isToBeAsked(index)
    }

    /// - Parameters:
    ///   - check: that of the endpoint's pool.
    ///   - isAsk: the probe asks `HealthCheck.ofTheEjected`.
    private func probe(_ number: Int, _ probe: Probe, by check: HealthCheck, isAsk: Bool) async {
        let failure = await probe.run(on: eventLoop)
        // It may be that a reload has moved the endpoint, or removed it.
        guard !Task.isCancelled, let endpoint = probed.removeValue(forKey: number) else { return }
        let (pool, index) = place(endpoint)
        let now = Self.now
        // By another check than the present one, it has answered another question.
        let counts = check.probesAlike(self.check(of: endpoint))
        if failure == .late { noteLateness(now) }
        if let shortage = failure?.shortage {
            noteShortage(shortage, endpoint, ofProbe: true)
        } else if counts, let failure, isAsk {
            settle(pool, pools[pool].askFailed(index, failure, now: now))
        } else if counts, let failure {
            settle(pool, pools[pool].probeFailed(index, failure, now: now))
        } else if counts, isAsk {
            settle(pool, pools[pool].askSucceeded(index, now: now))
        } else if counts {
            settle(pool, pools[pool].probeSucceeded(index, now: now))
        }
        schedule.finished(
            endpoint, isUp: pools[pool].isUp(index) && !pools[pool].isEjected(index),
            hasPassed: pools[pool].hasPassed(index), now: now)
        setAlarm()
    }

    /// This machine lacks something for connections to endpoints. It is told of once a minute.
    private func noteShortage(_ shortage: Shortage, _ endpoint: Int, ofProbe: Bool) {
        let now = Self.now
        if let told = toldShortages[shortage], now - told < 60_000_000 { return }
        toldShortages[shortage] = now
        log(endpoint, shortage, ofProbe: ofProbe)
    }

    /// Probes were late because of this process. It is told of once a minute.
    private func noteLateness(_ now: Int64) {
        if let toldLateness, now - toldLateness < 60_000_000 { return }
        toldLateness = now
        logger.warning(
            """
            probes were late because Apus was too busy to look at their answers, which does not count against endpoints; give \
            it more CPU, or probe less often (health.interval); told once a minute
            """)
    }

    /// The endpoint's pool, and its index there.
    private func place(_ endpoint: Int) -> (pool: Int, index: Int) {
        let pool = snapshot.endpoints[endpoint].pool
        return (pool, endpoint - snapshot.pools[pool].endpoints.lowerBound)
    }

    // MARK: - Reloads

    /// Goes over to the succession's snapshot, in one step: what was decided before it is said to the workers in indices of
    /// the old snapshot, all else in those of the new one.
    ///
    /// What is known of endpoints and pools that live on goes on being known. Counters are not read again until `use`.
    ///
    /// - Parameters:
    ///   - epoch: how many reloads there have been, this one included.
    ///   - handOver: posts the new snapshot to all workers. Where it throws, nothing has changed.
    public func adopt(_ succession: Succession, epoch: Int, handOver: @Sendable () throws -> Void) throws {
        try handOver()
        let now = Self.now
        let next = succession.snapshot
        let changed = succession.changedPools
        adoptPools(succession, changed, now)
        schedule.adopt(
            succession.endpoints, changed: changed.flatMap { next.pools[$0].endpoints },
            intervals: { (next.probeInterval(of: $0), next.probeDownInterval(of: $0)) }, now: now)
        probed = probed.compactMapValues { old in
            succession.endpoints.toNew[old].flatMap { schedule.isUnderWay($0) ? $0 : nil }
        }
        volumes.adopt(succession)
        if snapshot.accessLog != next.accessLog { logTrouble = nil }
        snapshot = next
        reloads.add(succession, epoch: epoch)
        silenceLog.adopt(succession.endpoints)
        if !succession.pools.isIdentity {
            poolsEpoch = epoch
            for alarm in nextOfPool { alarm?.task.cancel() }
            nextOfPool = next.pools.map { _ in nil }
            for pool in pools.indices where succession.unchangedPools[pool] { setAlarm(ofPool: pool) }
        }
        for pool in changed { settle(pool, pools[pool].settled(now: now)) }
        setAlarm()
    }

    private func adoptPools(_ succession: Succession, _ changed: [Int], _ now: Int64) {
        let next = succession.snapshot
        let succeeding = changed.compactMap { pool -> (Int, PoolHealth)? in
            guard let old = succession.pools.toOld[pool] else { return nil }
            let members = succession.members(ofPool: pool)
            return (pool, PoolHealth(pool: pool, of: next, now: now, succeeding: pools[old], members: members))
        }
        succession.pools.carry(&pools) { PoolHealth(pool: $0, of: next, now: now) }
        for (pool, health) in succeeding { pools[pool] = health }
    }

    /// Reads these counters from now on: those of the snapshot that was adopted last, when all workers have gone over to it.
    public func use(_ counters: any CounterSource) {
        volumes.use(counters)
        reloads.reachedWorkers()
        for pool in pools.indices { setAlarm(ofPool: pool) }
    }

    // MARK: - Changes

    /// Carries out what changed in a pool.
    ///
    /// - Parameter worker: who said so, and need not be told.
    private func settle(_ pool: Int, _ changes: [HealthChange], saidBy worker: Int = -1) {
        let first = snapshot.pools[pool].endpoints.lowerBound
        for change in changes {
            switch change {
            case .endpoint(let change):
                let endpoint = first + change.endpoint
                if change.changesAvailability { link.setEndpoint(endpoint, available: change.isAvailable) }
                if change.after.isToBeWatched, !change.isExtension, snapshot.pools[pool].health.probe != .none {
                    schedule.wentDown(
                        endpoint, isEjected: change.after.kind == .ejected,
                        hasPassed: pools[pool].hasPassed(change.endpoint), now: Self.now)
                    setAlarm()
                }
                let isGone = change.after.isToBeWatched && !change.isExtension
                let untold = isGone ? silenceLog.take(endpoint) : 0
                log(endpoint, change, of: pools[pool], untold: untold)
            case .breaker(let change):
                let breaker: BreakerName =
                    if case .endpoint(let index) = change.owner { .endpoint(first + index) } else { .pool(pool) }
                // Every worker's breaker becomes half-open by itself when its time is up.
                if change.after.kind != .halfOpen {
                    link.setBreaker(breaker, change.after.state, exceptWorker: worker)
                }
                if !change.isExtension { log(breaker, change) }
            case .panic(let change): log(pool, change)
            }
        }
        setAlarm(ofPool: pool)
    }

    // MARK: - Alarms

    /// Sets the alarm for the next probes, unless one rings in time.
    private func setAlarm() {
        guard let due = schedule.nextDue else { return }
        if let nextProbes, nextProbes.rings <= due { return }
        nextProbes?.task.cancel()
        nextProbes = ring(.probesDue, at: due)
    }

    /// Sets the alarm for what waits for the time in a pool, unless one rings in time.
    private func setAlarm(ofPool pool: Int) {
        let interval = volumes.isReady ? pools[pool].nextInterval : nil
        let times = [pools[pool].nextWakeup, interval].compactMap { $0 }
        guard let due = times.min() else { return }
        if let set = nextOfPool[pool], set.rings <= due { return }
        nextOfPool[pool]?.task.cancel()
        nextOfPool[pool] = ring(.poolDue(pool, epoch: poolsEpoch), at: due)
    }

    /// Sets the alarm for what the logs keep, or may forget.
    private func armTelling() {
        guard nextTelling == nil, !refusals.isEmpty || !silenceLog.isEmpty else { return }
        nextTelling = ring(.tellingsDue, at: Self.now + tellingInterval)
    }

    private func tellDue() {
        nextTelling = nil
        for silence in silenceLog.takeDue(now: Self.now) { log(silence) }
        for refusal in refusals.takeDue(now: Self.now) { log(refusal) }
        armTelling()
    }

    /// Nobody will come to tell what is kept.
    private func tellAll() {
        for silence in silenceLog.takeAll(now: Self.now) { log(silence) }
        for refusal in refusals.takeAll(now: Self.now) { log(refusal) }
    }

    /// - Returns: nil when nobody would hear it any more: facts come until the last request has ended, and the event loop may be gone.
    private func ring(_ ringing: Alarm, at time: Int64) -> SetAlarm? {
        guard !isOver else { return nil }
        let task = eventLoop.scheduleTask(in: .microseconds(max(0, time - Self.now))) { [alarm] in
            _ = alarm.yield(ringing)
        }
        return SetAlarm(rings: time, task: task)
    }

    /// Microseconds of a monotonic clock.
    static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1000) }
}
