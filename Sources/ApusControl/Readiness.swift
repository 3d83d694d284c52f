import ApusModel

/// Whether clients should be sent to this balancer now, and if not, why not.
enum Readiness: Equatable {
    case ready
    case notReady(reason: String)

    /// Ready while the listeners accept and every pool has an endpoint that may be picked.
    init(phase: ServingState.Phase, health: HealthReport, snapshot: Snapshot) {
        switch phase {
        case .starting: self = .notReady(reason: "starting: the listeners do not accept yet")
        case .draining: self = .notReady(reason: "draining: finishing what is in flight, then stopping")
        case .serving:
            let without = snapshot.pools.filter { pool in
                !health.endpoints[pool.endpoints].contains { $0.isAvailable }
            }
            self =
                switch without.count {
                case 0: .ready
                case 1: .notReady(reason: "pool \(without[0].name) has no endpoint that may be picked")
                default:
                    .notReady(
                        reason: "pools without an endpoint that may be picked: "
                            + without.map(\.name).joined(separator: ", "))
                }
        }
    }
}
