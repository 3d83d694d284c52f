import ApusBalancing
import ApusModel

/// The control plane of one balancer: what its prober does with `PoolHealth` and `ProbeSchedule`.
struct SimulatedControlPlane: Sendable {
    private(set) var health: PoolHealth
    private var schedule: ProbeSchedule
    private let isProbed: Bool

    init(_ snapshot: Snapshot, seed: UInt64) {
        let check = snapshot.pools[0].health
        isProbed = check.probe != .none
        let interval = isProbed ? check.interval.microseconds : nil
        let downInterval = isProbed ? check.pauseWhileDown(among: snapshot.endpoints.count).microseconds : nil
        schedule = ProbeSchedule(
            intervals: snapshot.endpoints.map { _ in interval },
            downIntervals: snapshot.endpoints.map { _ in downInterval },
            now: 0, seed: seed)
        health = PoolHealth(pool: 0, of: snapshot, now: 0)
    }

    /// When the next probe is due.
    var nextProbe: VirtualTime? { schedule.nextDue }
    /// When `woken` is to be called; nil while nothing waits for the time.
    var nextWakeup: VirtualTime? { health.nextWakeup }
    /// When `intervalEnded` is to be called; nil without rules for outliers.
    var nextInterval: VirtualTime? { health.nextInterval }

    mutating func takeDueProbe(now: VirtualTime) -> Int? { schedule.takeDue(now: now) }

    /// - Parameter isAsk: it was `HealthCheck.ofTheEjected` that it was asked.
    mutating func probed(
        _ endpoint: Int, _ failure: CheckFailure?, isAsk: Bool, now: VirtualTime
    ) -> [HealthChange] {
        let changes =
            if let failure, isAsk {
                health.askFailed(endpoint, failure, now: now)
            } else if let failure {
                health.probeFailed(endpoint, failure, now: now)
            } else if isAsk {
                health.askSucceeded(endpoint, now: now)
            } else {
                health.probeSucceeded(endpoint, now: now)
            }
        schedule.finished(
            endpoint, isUp: health.isUp(endpoint) && !health.isEjected(endpoint), hasPassed: health.hasPassed(endpoint),
            now: now)
        return changes
    }

    mutating func connectFailed(_ endpoint: Int, _ failure: CheckFailure, now: VirtualTime) -> [HealthChange] {
        noteLeaving(health.connectFailed(endpoint, failure, now: now), now)
    }

    /// Who is out of use is probed more often.
    private mutating func noteLeaving(_ changes: [HealthChange], _ now: VirtualTime) -> [HealthChange] {
        for case .endpoint(let change) in changes where isProbed && change.after.isToBeWatched && !change.isExtension {
            schedule.wentDown(
                change.endpoint, isEjected: change.after.kind == .ejected,
                hasPassed: health.hasPassed(change.endpoint), now: now)
        }
        return changes
    }

    mutating func connectSucceeded(_ endpoint: Int, now: VirtualTime) -> [HealthChange] {
        health.connectSucceeded(endpoint, now: now)
    }

    mutating func failedInARow(
        _ endpoint: Int, _ failure: ConsecutiveFailure, count: Int, now: VirtualTime
    ) -> [HealthChange] {
        noteLeaving(health.failedInARow(endpoint, failure, count: count, now: now), now)
    }

    mutating func answersAgain(_ endpoint: Int, now: VirtualTime) -> [HealthChange] {
        health.answersAgain(endpoint, now: now)
    }

    mutating func breakerChanged(
        _ owner: BreakerOwner, _ state: BreakerState, _ cause: BreakerCause?, now: VirtualTime
    ) -> [HealthChange] {
        health.breakerChanged(owner, state, cause, now: now)
    }

    mutating func woken(now: VirtualTime) -> [HealthChange] { health.woken(now: now) }

    mutating func intervalEnded(_ volumes: [EndpointVolume], now: VirtualTime) -> [HealthChange] {
        noteLeaving(health.intervalEnded(volumes: volumes, now: now), now)
    }
}
