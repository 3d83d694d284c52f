import ApusBalancing
import ApusModel
import Logging

/// What the prober tells people: each change once, in the words of the admin server.
extension Prober {
    /// An endpoint's change; `health` is its pool's after it.
    func log(_ endpoint: Int, _ change: EndpointChange, of health: PoolHealth) {
        let state = change.after.words(clock: clock.time)
        let name = name(endpoint)
        switch change.after {
        case .unhealthy, .ejected:
            logger.warning("\(name) is \(state)\(change.changesAvailability ? left(of: health) : "")")
        case .healthy where change.before == .unknown: logger.debug("\(name) is \(state): \(change.cause)")
        case .joining: logger.debug("\(name) is \(state)")
        case .healthy where change.before == .joining: logger.notice("\(name) is \(state): \(change.cause)")
        case .healthy where change.before != .draining: logger.notice("\(name) is \(state) again: \(change.cause)")
        case .unknown where change.cause == .timeIsOver:
            logger.notice("\(name) is \(state) again: \(change.cause), and requests will tell")
        case .healthy, .unknown, .draining, .removed: logger.notice("\(name) is \(state): \(change.cause)")
        }
    }

    private func left(of health: PoolHealth) -> String {
        let left = health.servingCount
        return left == 0 ? "; no endpoint of the pool is left" : "; \(left) of \(health.count) left"
    }

    func log(_ breaker: BreakerName, _ change: BreakerTransition) {
        let owner =
            switch breaker {
            case .endpoint(let endpoint): name(endpoint)
            case .pool(let pool): "pool \(snapshot.pools[pool].name)"
            }
        let level: Logger.Level = change.after.kind == .open ? .warning : .notice
        // It has just changed: what it says is still to come.
        logger.log(level: level, "\(owner): \(change.after.words(now: .min, clock: clock.time))")
    }

    func log(_ pool: Int, _ change: PanicChange) {
        let name = snapshot.pools[pool].name
        let available = "\(change.available) of \(change.total) endpoints available"
        let threshold = snapshot.pools[pool].panicThreshold
        if change.isPanicking {
            logger.warning("pool \(name) is panicking: \(available), below \(threshold)%: all of them are used")
        } else {
            logger.notice("pool \(name) is not panicking any more: \(available)")
        }
    }

    func name(_ endpoint: Int) -> String {
        let endpoint = snapshot.endpoints[endpoint]
        return "endpoint \(snapshot.pools[endpoint.pool].name)/\(endpoint.name)"
    }

    private var clock: WallClock { WallClock(monotonic: Self.now) }
}
