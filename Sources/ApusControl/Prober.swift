import ApusBalancing
public import ApusModel
public import Logging
public import NIOCore
public import ServiceLifecycle

/// Watches the endpoints of a snapshot and tells the data plane which of them may be picked.
///
/// It carries out what `ProbeSchedule` and `EndpointHealth` decide: starts the probes that are due, each by itself so
/// that one that hangs delays no other, adds what the workers saw, and logs and passes on each change exactly once.
public actor Prober: Service {
    private let snapshot: Snapshot
    private let link: any DataPlaneLink
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var health: [EndpointHealth]
    private var schedule: ProbeSchedule
    private let alarms: AsyncStream<Alarm>
    private let alarm: AsyncStream<Alarm>.Continuation
    /// The alarm set for the next probes, and when it rings.
    private var nextProbes: (rings: Int64, alarm: Scheduled<Void>)?

    private enum Alarm {
        case probesDue
        /// An endpoint without probes has been out of service for its interval.
        case returnDue(endpoint: Int)
    }

    /// - Parameter eventLoop: carries the probes' connections and timers.
    public init(snapshot: Snapshot, link: any DataPlaneLink, eventLoop: any EventLoop, logger: Logger) {
        self.snapshot = snapshot
        self.link = link
        self.eventLoop = eventLoop
        self.logger = logger
        let checks = snapshot.endpoints.map { snapshot.pools[$0.pool].health }
        health = checks.map { EndpointHealth($0) }
        schedule = ProbeSchedule(
            intervals: checks.map { $0.probe == .none ? nil : $0.interval.inMicroseconds }, now: Self.now,
            seed: .random(in: .min ... .max))
        (alarms, alarm) = AsyncStream.makeStream()
    }

    /// What is known now.
    public var report: HealthReport {
        HealthReport(endpoints: health.map(\.state))
    }

    /// Probes until the task is cancelled or the surrounding service group shuts down. Call it once.
    public func run() async {
        await cancelWhenGracefulShutdown { await self.probeUntilCancelled() }
    }

    private func probeUntilCancelled() async {
        await withDiscardingTaskGroup { probes in
            setAlarm()
            for await ringing in alarms {
                switch ringing {
                case .probesDue:
                    nextProbes = nil
                    while let endpoint = schedule.takeDue(now: Self.now) {
                        probes.addTask { await self.probe(endpoint) }
                    }
                    setAlarm()
                case .returnDue(let endpoint):
                    let before = health[endpoint]
                    changed(endpoint, from: before, health[endpoint].woken(now: Self.now))
                }
            }
            nextProbes?.alarm.cancel()
        }
    }

    /// Takes what a worker saw.
    public func observe(_ fact: DataPlaneFact) {
        switch fact {
        case .connectFailed(let endpoint, let errno):
            let before = health[endpoint]
            changed(endpoint, from: before, health[endpoint].connectFailed(now: Self.now, CheckFailure(errno: errno)))
        case .connectSucceeded(let endpoint):
            let before = health[endpoint]
            changed(endpoint, from: before, health[endpoint].connectSucceeded(now: Self.now))
        case .failedInARow, .breakerChanged: break
        }
    }

    // MARK: - Probes

    private func probe(_ endpoint: Int) async {
        let probe = Probe(address: snapshot.endpoints[endpoint].address, check: health[endpoint].check)
        let failure = await probe.run(on: eventLoop)
        guard !Task.isCancelled else { return }
        let now = Self.now
        schedule.finished(endpoint, now: now)
        setAlarm()
        let before = health[endpoint]
        if let failure {
            changed(endpoint, from: before, health[endpoint].probeFailed(now: now, failure))
        } else {
            changed(endpoint, from: before, health[endpoint].probeSucceeded(now: now))
        }
    }

    /// Sets the alarm for the next probes, unless one rings in time.
    private func setAlarm() {
        guard let due = schedule.nextDue else { return }
        if let nextProbes, nextProbes.rings <= due { return }
        nextProbes?.alarm.cancel()
        nextProbes = (due, ring(.probesDue, at: due))
    }

    @discardableResult
    private func ring(_ ringing: Alarm, at time: Int64) -> Scheduled<Void> {
        eventLoop.scheduleTask(in: .microseconds(max(0, time - Self.now))) { [alarm] in _ = alarm.yield(ringing) }
    }

    // MARK: - Changes

    private func changed(_ endpoint: Int, from before: EndpointHealth, _ transition: EndpointHealth.Transition?) {
        guard let transition else { return }
        if before.isAvailable != transition.isAvailable {
            link.setEndpoint(endpoint, available: transition.isAvailable)
        }
        if let wakeup = health[endpoint].nextWakeup { ring(.returnDue(endpoint: endpoint), at: wakeup) }
        log(endpoint, from: before, transition)
    }

    private func log(_ endpoint: Int, from before: EndpointHealth, _ transition: EndpointHealth.Transition) {
        let pool = snapshot.pools[snapshot.endpoints[endpoint].pool]
        let name = "endpoint \(pool.name)/\(snapshot.endpoints[endpoint].name)"
        switch transition {
        case .becameDown(let cause):
            let left = pool.endpoints.count { health[$0].isAvailable }
            let rest = left == 0 ? "no endpoint of the pool is left" : "\(left) of \(pool.endpoints.count) left"
            logger.warning("\(name) is down: \(cause); \(rest)")
        case .becameUp where before.state == .unknown: logger.debug("\(name) is up")
        case .becameUp: logger.notice("\(name) is up again")
        case .becameUnknown: logger.notice("\(name) gets requests again, which will tell whether it is up")
        }
    }

    /// Microseconds of a monotonic clock.
    private static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1000) }
}
