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
    let snapshot: Snapshot
    let link: any DataPlaneLink
    let logger: Logger
    private let eventLoop: any EventLoop
    private var pools: [PoolHealth]
    private var schedule: ProbeSchedule
    private var volumes: VolumeReader
    private let alarms: AsyncStream<Alarm>
    private let alarm: AsyncStream<Alarm>.Continuation
    /// The alarm set for the next probes, and when it rings.
    private var nextProbes: SetAlarm?
    /// Of each pool: the alarm set for what waits for the time.
    private var nextOfPool: [SetAlarm?]

    private enum Alarm {
        case probesDue
        /// An interval of a pool is over, or an endpoint's time out of service.
        case poolDue(Int)
    }

    private struct SetAlarm {
        let rings: Int64
        let task: Scheduled<Void>
    }

    /// - Parameter eventLoop: carries the probes' connections and timers.
    public init(snapshot: Snapshot, link: any DataPlaneLink, eventLoop: any EventLoop, logger: Logger) {
        let now = Self.now
        self.snapshot = snapshot
        self.link = link
        self.eventLoop = eventLoop
        self.logger = logger
        pools = snapshot.pools.indices.map { PoolHealth(pool: $0, of: snapshot, now: now) }
        nextOfPool = snapshot.pools.map { _ in nil }
        volumes = VolumeReader(snapshot)
        let checks = snapshot.endpoints.map { snapshot.pools[$0.pool].health }
        schedule = ProbeSchedule(
            intervals: checks.map { $0.probe == .none ? nil : $0.interval.inMicroseconds },
            downIntervals: checks.map { $0.downInterval?.inMicroseconds }, now: now, seed: .random(in: .min ... .max))
        (alarms, alarm) = AsyncStream.makeStream()
    }

    /// What is known now.
    public var report: HealthReport {
        HealthReport(pools: pools, now: Self.now, clock: WallClock(monotonic: Self.now))
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
                        probes.addTask { await self.probe(endpoint) }
                    }
                    setAlarm()
                case .poolDue(let pool):
                    nextOfPool[pool] = nil
                    timePassed(pool)
                }
            }
            nextProbes?.task.cancel()
            for alarm in nextOfPool { alarm?.task.cancel() }
        }
    }

    // MARK: - Facts

    /// Takes what a worker saw.
    public func observe(_ fact: DataPlaneFact) {
        let now = Self.now
        switch fact {
        case .connectFailed(let endpoint, let errno):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].connectFailed(index, CheckFailure(errno: errno), now: now))
        case .connectSucceeded(let endpoint):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].connectSucceeded(index, now: now))
        case .failedInARow(let endpoint, let failure, let count):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].failedInARow(index, failure, count: count, now: now))
        case .breakerChanged(.endpoint(let endpoint), let state, let cause, let worker):
            let (pool, index) = place(endpoint)
            settle(pool, pools[pool].breakerChanged(.endpoint(index), state, cause, now: now), saidBy: worker)
        case .breakerChanged(.pool(let pool), let state, let cause, let worker):
            settle(pool, pools[pool].breakerChanged(.pool, state, cause, now: now), saidBy: worker)
        }
    }

    /// Gives an endpoint (an index into `Snapshot.endpoints`) another weight, 0 to 65,535; 0 drains it.
    public func setWeight(_ endpoint: Int, _ weight: Int) {
        let (pool, index) = place(endpoint)
        link.setWeight(endpoint, weight)
        settle(pool, pools[pool].setWeight(index, weight, now: Self.now))
    }

    private func timePassed(_ pool: Int) {
        let now = Self.now
        var changes = pools[pool].woken(now: now)
        if let end = pools[pool].nextInterval, now >= end {
            changes += pools[pool].intervalEnded(volumes: volumes.next(ofPool: pool, link), now: now)
        }
        settle(pool, changes)
    }

    private func probe(_ endpoint: Int) async {
        let (pool, index) = place(endpoint)
        let probe = Probe(address: snapshot.endpoints[endpoint].address, check: snapshot.pools[pool].health)
        let failure = await probe.run(on: eventLoop)
        guard !Task.isCancelled else { return }
        let now = Self.now
        if let failure {
            settle(pool, pools[pool].probeFailed(index, failure, now: now))
        } else {
            settle(pool, pools[pool].probeSucceeded(index, now: now))
        }
        schedule.finished(endpoint, isUp: pools[pool].isUp(index), now: now)
        setAlarm()
    }

    /// The endpoint's pool, and its index there.
    private func place(_ endpoint: Int) -> (pool: Int, index: Int) {
        let pool = snapshot.endpoints[endpoint].pool
        return (pool, endpoint - snapshot.pools[pool].endpoints.lowerBound)
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
                if change.after.kind == .unhealthy, snapshot.pools[pool].health.probe != .none {
                    schedule.wentDown(endpoint, now: Self.now)
                    setAlarm()
                }
                log(endpoint, change, of: pools[pool])
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
        let times = [pools[pool].nextWakeup, pools[pool].nextInterval].compactMap { $0 }
        guard let due = times.min() else { return }
        if let set = nextOfPool[pool], set.rings <= due { return }
        nextOfPool[pool]?.task.cancel()
        nextOfPool[pool] = ring(.poolDue(pool), at: due)
    }

    private func ring(_ ringing: Alarm, at time: Int64) -> SetAlarm {
        let task = eventLoop.scheduleTask(in: .microseconds(max(0, time - Self.now))) { [alarm] in
            _ = alarm.yield(ringing)
        }
        return SetAlarm(rings: time, task: task)
    }

    /// Microseconds of a monotonic clock.
    static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1000) }
}
