import ApusBalancing

/// Endpoints by state. All of them together are all that there are; those that are healthy or unknown are available.
struct EndpointCounts: Encodable {
    var healthy = 0
    /// Not probed yet: requests are sent, and will tell.
    var unknown = 0
    var unhealthy = 0
    var ejected = 0
    /// Their weight is 0.
    var draining = 0

    init(_ health: PoolHealth) {
        for endpoint in 0..<health.count {
            switch health.state(endpoint).kind {
            case .healthy: healthy += 1
            case .unknown: unknown += 1
            case .unhealthy: unhealthy += 1
            case .ejected: ejected += 1
            case .draining: draining += 1
            }
        }
    }

    /// Those of several pools.
    init(_ pools: [EndpointCounts]) {
        for pool in pools {
            healthy += pool.healthy
            unknown += pool.unknown
            unhealthy += pool.unhealthy
            ejected += pool.ejected
            draining += pool.draining
        }
    }

    var available: Int { healthy + unknown }
    var total: Int { available + unhealthy + ejected + draining }

    /// Those that are not available, and why not: `, 1 ejected, 2 draining`; empty for none.
    var words: String {
        [(unhealthy, "unhealthy"), (ejected, "ejected"), (draining, "draining")]
            .filter { $0.0 > 0 }.map { ", \($0.0) \($0.1)" }.joined()
    }
}

/// What an endpoint that has come back gets of its requests, and until when not all of them.
struct SlowStartAnswer: Encodable {
    /// 0.01 to 1.
    var share: Double
    var until: String
    /// As people read it; not sent.
    let words: String

    private enum CodingKeys: CodingKey { case share, until }

    init?(_ health: PoolHealth, _ endpoint: Int, _ report: HealthReport) {
        guard let share = health.slowStartShare(endpoint, now: report.now), let end = health.slowStartEnd(endpoint)
        else { return nil }
        self.share = (share * 1_000).rounded() / 1_000
        until = report.clock.date(end)
        words = "slow start until \(report.clock.time(end)): \(Int((share * 100).rounded()))% of its requests"
    }
}

extension PoolHealth {
    /// An endpoint's state with its reason; one that drains says who wanted it.
    func words(_ endpoint: Int, isDrained: Bool, _ clock: WallClock) -> String {
        let words = state(endpoint).words(clock: clock.time)
        if state(endpoint).kind == .draining { return words + (isDrained ? ": drained while running" : ": weight 0") }
        return words + (isDrained ? "; drained while running" : "")
    }
}
