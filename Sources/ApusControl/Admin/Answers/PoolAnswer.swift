import ApusBalancing
import ApusConfig
import ApusModel

/// How every pool is: the answer to `GET /v1/pools`.
struct PoolsAnswer: Encodable {
    var pools: [PoolAnswer]

    init(_ scene: AdminScene) {
        pools = scene.names.pools.map { PoolAnswer($0, scene) }
    }
}

/// How a pool and its endpoints are. The words are those of the log, the names those of the metrics.
struct PoolAnswer: Encodable {
    var name: String
    /// The algorithm.
    var balance: String
    /// Endpoints that new requests may be sent to, of all. As among HAProxy's active servers and Envoy's healthy members,
    /// who drains is not counted.
    var available: Int
    var total: Int
    /// All of them by state.
    var byState: EndpointCounts
    /// Whether all are used because so few are available.
    var panicking: Bool
    /// Requests that wait for an endpoint now.
    var queued: UInt64
    /// Where requests go that none of its endpoints can take: `pool NAME` or `status NUMBER`; absent when nowhere.
    var fallback: String?
    /// Absent in pools without a breaker of their own.
    var breaker: BreakerAnswer?
    /// Those that were removed and are still busy come last.
    var endpoints: [EndpointAnswer]

    init(_ index: Int, _ scene: AdminScene) {
        let pool = scene.snapshot.pools[index]
        let health = scene.health.pools[index]
        let present = scene.snapshot.presentEndpoints(of: pool)
        name = scene.names.poolNames[index]
        balance = pool.balance.rawValue
        available = health.servingCount
        total = present.count
        byState = EndpointCounts(health)
        panicking = health.isPanicking
        queued = scene.pool(index, .queued)
        fallback =
            switch pool.fallback {
            case nil: nil
            case .pool(let other)?: "pool \(scene.names.poolNames[other])"
            case .response(let response)?: "status \(response.status)"
            }
        breaker = pool.poolBreaker.map { _ in BreakerAnswer(health.poolBreaker, scene.health) }
        endpoints = pool.endpoints.map { EndpointAnswer($0, scene) }
            .filter { $0.state != EndpointAnswer.removed || $0.inFlight > 0 }
    }
}

/// How an endpoint is.
struct EndpointAnswer: Encodable {
    var pool: String
    /// As the configuration calls it.
    var name: String
    var address: String
    /// `healthy`, `unhealthy`, `ejected`, `draining`, `unknown`, or `removed` while it finishes what it has.
    var state: String
    /// The state with its reason, and what waits there for long.
    var words: String
    /// When it came to be so.
    var since: String
    /// Whether new requests may be sent there.
    var available: Bool
    /// In force now.
    var weight: Int
    /// What the configuration says, or whoever added it; absent once it was removed.
    var configuredWeight: Int?
    /// Whether it was drained while running.
    var drained: Bool
    /// Whether it was added while running, and is not in the configuration.
    var added: Bool
    var tier: Int
    var backup: Bool
    var zone: String?
    /// Requests that are there now.
    var inFlight: UInt64
    /// Those of them that have waited for a response for more than a second.
    var late: Int
    /// Absent but in a slow start.
    var slowStart: SlowStartAnswer?
    /// Absent in pools whose endpoints have no breakers.
    var breaker: BreakerAnswer?

    static let removed = "removed"

    init(_ index: Int, _ scene: AdminScene) {
        let endpoint = scene.snapshot.endpoints[index]
        let pool = scene.snapshot.pools[endpoint.pool]
        let health = scene.health.pools[endpoint.pool]
        let place = index - pool.endpoints.lowerBound
        let isRemoved = endpoint.isRetired || pool.isRetired
        let entry = scene.running.dynamic.entry(pool: pool.name, address: endpoint.address)
        let clock = scene.health.clock
        self.pool = scene.name(ofPool: endpoint.pool)
        name = scene.name(ofEndpoint: index)
        address = "\(endpoint.address)"
        state = isRemoved ? Self.removed : health.state(place).kind.rawValue
        let isDrained = entry?.isDrained ?? false
        words = isRemoved ? "removed: finishing what it has" : health.words(place, isDrained: isDrained, clock)
        since = clock.date(health.since(place))
        available = !isRemoved && health.isServing(place)
        weight = isRemoved ? 0 : health.weight(place)
        configuredWeight =
            isRemoved ? nil : entry?.added?.weight ?? scene.running.loaded.snapshot.weight(of: endpoint, in: pool.name)
        drained = isDrained
        added = entry?.added != nil
        tier = endpoint.tier
        backup = endpoint.isBackup
        zone = endpoint.zone
        inFlight = scene.inFlight(endpoint: index)
        late = scene.late(endpoint: index)
        if late > 0 { words += late == 1 ? "; a request is late" : "; \(late) requests are late" }
        slowStart = SlowStartAnswer(health, place, scene.health)
        breaker = pool.endpointBreaker.map { _ in BreakerAnswer(health.breaker(place), scene.health) }
    }
}

struct BreakerAnswer: Encodable {
    /// `closed`, `open` or `half_open`.
    var state: String
    var words: String
    /// Absent while it has never changed.
    var since: String?

    init(_ breaker: BreakerStatus, _ report: HealthReport) {
        state = breaker.kind.rawValue
        words = breaker.words(now: report.now, clock: report.clock.time)
        since = breaker.changedAt.map(report.clock.date)
    }
}

extension Snapshot {
    /// What an endpoint's weight is here; nil when it is not here.
    fileprivate func weight(of endpoint: Endpoint, in pool: String) -> Int? {
        // Nearly always a pool has the same index in both.
        let index =
            endpoint.pool < pools.count && pools[endpoint.pool].name == pool
            ? endpoint.pool : pools.firstIndex { $0.name == pool }
        guard let index else { return nil }
        return pools[index].endpoints.first { endpoints[$0].address == endpoint.address }.map { endpoints[$0].weight }
    }
}

extension PoolsAnswer {
    /// A line for each pool, and under it one for each endpoint:
    ///
    ///     web: 1 of 2 endpoints available, 1 ejected
    ///       10.0.0.1:80  weight 1  in flight 12  since 2026-03-01T14:02:10Z  healthy
    ///       10.0.0.2:80  weight 1  in flight 0   since 2026-03-01T14:02:50Z  ejected until 14:03:20Z: 5 consecutive 5xx
    ///       10.0.0.3:80  weight 1  in flight 0   since 2026-03-01T14:02:10Z  backup, healthy
    var text: String {
        var text = ""
        for pool in pools {
            text += "\(pool.name): \(pool.available) of \(pool.total) endpoints available\(pool.byState.words)"
            if pool.panicking { text += ", panicking: all of them are used" }
            if let breaker = pool.breaker { text += "; \(breaker.words)" }
            text += "\n"
            let nameWidth = pool.endpoints.map(\.name.count).max() ?? 0
            let weightWidth = pool.endpoints.map { "\($0.weight)".count }.max() ?? 0
            let countWidth = pool.endpoints.map { "\($0.inFlight)".count }.max() ?? 0
            for endpoint in pool.endpoints {
                text += "  \(padded(endpoint.name, nameWidth))  weight \(padded("\(endpoint.weight)", weightWidth))"
                text += "  in flight \(padded("\(endpoint.inFlight)", countWidth))  since \(endpoint.since)"
                text += endpoint.backup ? "  backup, \(endpoint.words)" : "  \(endpoint.words)"
                if let slowStart = endpoint.slowStart { text += "; \(slowStart.words)" }
                if let breaker = endpoint.breaker { text += "; \(breaker.words)" }
                text += "\n"
            }
        }
        return text
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
