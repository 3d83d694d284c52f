import ApusBalancing
import ApusModel

/// The control plane of one balancer: which endpoints may be picked, by what its probes and its worker saw.
struct SimulatedControlPlane: Sendable {
    /// A change, as the worker and the timeline are told of it.
    struct Change: Sendable {
        var endpoint: Int
        /// Whether the worker may pick it from now on; nil when that has not changed.
        var isAvailable: Bool?
        var text: String
    }

    let check: HealthCheck
    private var schedule: ProbeSchedule
    private var health: [EndpointHealth]

    init(_ snapshot: Snapshot, seed: UInt64) {
        check = snapshot.pools[0].health
        let interval = check.probe == .none ? nil : check.interval.inMicroseconds
        schedule = ProbeSchedule(intervals: snapshot.endpoints.map { _ in interval }, now: 0, seed: seed)
        health = snapshot.endpoints.map { _ in EndpointHealth(snapshot.pools[0].health) }
    }

    /// When the next probe is due.
    var nextProbe: VirtualTime? { schedule.nextDue }

    mutating func takeDueProbe(now: VirtualTime) -> Int? { schedule.takeDue(now: now) }

    mutating func probed(_ endpoint: Int, _ failure: CheckFailure?, now: VirtualTime) -> [Change] {
        schedule.finished(endpoint, now: now)
        let transition =
            if let failure {
                health[endpoint].probeFailed(now: now, failure)
            } else {
                health[endpoint].probeSucceeded(now: now)
            }
        return changes(endpoint, transition)
    }

    mutating func connectFailed(_ endpoint: Int, _ failure: CheckFailure, now: VirtualTime) -> [Change] {
        changes(endpoint, health[endpoint].connectFailed(now: now, failure))
    }

    mutating func connectSucceeded(_ endpoint: Int, now: VirtualTime) -> [Change] {
        changes(endpoint, health[endpoint].connectSucceeded(now: now))
    }

    mutating func failedInARow(
        _ endpoint: Int, _ kind: ConsecutiveFailure, count: Int, now: VirtualTime
    ) -> [Change] { [] }

    /// When `woken` is to be called; nil while nothing waits for the time.
    var nextWakeup: VirtualTime? { health.lazy.compactMap(\.nextWakeup).min() }

    mutating func woken(now: VirtualTime) -> [Change] {
        health.indices.flatMap { changes($0, health[$0].woken(now: now)) }
    }

    private func changes(_ endpoint: Int, _ transition: EndpointHealth.Transition?) -> [Change] {
        guard let transition else { return [] }
        let text =
            switch transition {
            case .becameDown(let cause): "is down: \(cause)"
            case .becameUp: "is up"
            case .becameUnknown: "gets requests again, which will tell whether it is up"
            }
        return [Change(endpoint: endpoint, isAvailable: transition.isAvailable, text: text)]
    }
}
