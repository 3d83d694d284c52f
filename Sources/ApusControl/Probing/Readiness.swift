import ApusBalancing
import ApusModel

/// Whether clients should be sent to this balancer now, and if not, why not.
enum Readiness: Equatable {
    case ready
    case notReady(reason: String)

    /// Ready while the listeners accept and every pool has an answer of its origins, or of a fallback that is configured
    /// for that: an endpoint that may be picked, panic, or a fallback.
    init(phase: ServingState.Phase, health: HealthReport, snapshot: Snapshot) {
        switch phase {
        case .starting: self = .notReady(reason: "starting: the listeners do not accept yet")
        case .draining: self = .notReady(reason: "draining: finishing what is in flight, then stopping")
        case .serving:
            let without = zip(snapshot.pools, health.pools).filter { pool, health in
                !pool.isRetired && health.availableCount == 0 && !health.isPanicking && pool.fallback == nil
            }.map(\.0.name)
            self =
                switch without.count {
                case 0: .ready
                case 1: .notReady(reason: "pool \(without[0]) has no endpoint that may be picked")
                default:
                    .notReady(
                        reason: "pools without an endpoint that may be picked: " + without.joined(separator: ", "))
                }
        }
    }
}
