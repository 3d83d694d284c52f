import ApusBalancing
import ApusModel

/// Whether clients should be sent to this balancer now, and if not, why not.
///
/// It is about Apus itself. A pool that has nobody is no reason to take every client away: all balancers know it at the same
/// moment, and the other pools would be lost too. Whoever sends the clients of one pool only may ask about that pool.
enum Readiness: Equatable {
    case ready
    case notReady(reason: String)

    /// Ready while the listeners accept, and will go on accepting.
    init(_ phase: ServingState.Phase) {
        self =
            switch phase {
            case .starting: .notReady(reason: "starting: the listeners do not accept yet")
            case .serving: .ready
            case .leaving: .notReady(reason: "leaving: clients are still served, and should be sent elsewhere")
            case .draining: .notReady(reason: "draining: finishing what is in flight, then stopping")
            }
    }

    /// The same for the clients of one pool: ready if the balancer is, and the pool's requests have an answer of its origins,
    /// or of a fallback that is configured for that.
    init(_ phase: ServingState.Phase, ofPool pool: Int, _ health: HealthReport) {
        self = Readiness(phase)
        guard self == .ready, health.hasNobody(pool) else { return }
        self = .notReady(reason: "pool \(health.snapshot.pools[pool].name) has no endpoint that may be picked")
    }
}

extension HealthReport {
    /// Whether new requests for the pool find no endpoint that may be picked, no panic, and no fallback.
    func hasNobody(_ index: Int) -> Bool {
        let (pool, health) = (snapshot.pools[index], pools[index])
        return !pool.isRetired && health.servingCount == 0 && !health.isPanicking && pool.fallback == nil
    }

    /// The names of the pools that have nobody, in the order of the configuration.
    var poolsWithNobody: [String] { snapshot.pools.indices.filter(hasNobody).map { snapshot.pools[$0].name } }
}
