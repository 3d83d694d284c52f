public import ApusModel

/// The health of all endpoints of one pool: which of them may be picked, and why not.
///
/// It joins what probes and connects say of each endpoint (`EndpointHealth`), what their answers say (ejections), their
/// circuit breakers and weights. Whoever watches the pool tells it facts; each returns the changes that followed, in
/// their order, each exactly once.
///
/// An endpoint is available when its probes do not say that it is down and it is not ejected. The rules of ejection, with
/// the pool's `OutlierRules`:
/// - Ejected is who answered badly so often in a row, or who is an outlier of an interval (`OutlierDetection`).
/// - At most `maximumEjectedPercent` of the endpoints at a time, rounded down, the new one included; but one may always
///   be, and any where a backup or a later tier stands behind it. The cap is on what would be after the ejection, not
///   before it.
/// - Never the last endpoint that requests can be sent to. And when the others go down after it was ejected, ejections
///   end early: an endpoint that answers badly is better than none. So ejections never empty a pool.
/// - How long: `Ejection`. Earlier, after `rise` probes in a row, with `returnsOnProbe` or where a probe has failed since:
///   probes that saw the fault see its end. Then the endpoint is as its probes say.
/// - One whose probes say that it is down is not ejected besides; failures of its requests began before.
///
/// Endpoints that a reload has retired stand behind the others: they are none of the pool's any more, whatever is told of
/// them, and only say so when asked.
///
/// Indices count within the pool. Times are microseconds of one monotonic clock. A fact costs the same whatever the
/// pool's size and allocates only when something changed; `woken` and `intervalEnded` look at every endpoint.
public struct PoolHealth: Sendable {
    let check: HealthCheck
    let rules: OutlierRules?
    let panicThreshold: PanicThreshold
    let ramp: SlowStartRamp?
    /// Those that are retired are behind `count`.
    var endpoints: [Watched]
    /// How many endpoints the pool has, without those that are retired.
    public let count: Int
    /// Endpoints that are available, those with weight 0 included.
    public internal(set) var availableCount: Int
    /// Endpoints with a weight above 0, and those of them that are available: new requests can be sent there.
    public internal(set) var weightedCount: Int
    public internal(set) var servingCount: Int
    /// Endpoints with a weight above 0 that wait for their first probe.
    public internal(set) var joiningCount = 0
    public internal(set) var ejectedCount = 0
    /// Ejections that there would have been, but for the cap.
    public internal(set) var deniedEjections = 0
    /// Whether so few endpoints are available that all are used (`Pool.panicThreshold`).
    public internal(set) var isPanicking = false
    public internal(set) var poolBreaker = BreakerStatus()
    /// When `woken` should be called next; nil while nothing waits for the time. May be sooner than needed.
    public internal(set) var nextWakeup: Int64?
    /// When `intervalEnded` should be told next; nil in pools without `OutlierRules`.
    public internal(set) var nextInterval: Int64?
    var intervalBegan: Int64

    struct Watched: Sendable {
        var probed: EndpointHealth
        var weight: Int
        /// The weight that the configuration gives it.
        let configured: Int
        /// Its tier; of a backup, behind all of them.
        let rank: Int
        var ejection = Ejection()
        var breaker = BreakerStatus()
        /// What was last told.
        var state: EndpointState
        var isAvailable = true
        var since: Int64
        /// When it last came to be available.
        var availableSince = Int64.min
        /// When new requests could last be sent there again, having been sent nowhere before.
        var servingSince = Int64.min

        var current: EndpointState {
            if case .down(let cause) = probed.state { return .unhealthy(cause) }
            if let ejection = ejection.present { return .ejected(until: ejection.until, ejection.cause) }
            if weight == 0 { return .draining }
            return probed.state == .up ? .healthy : probed.state == .joining ? .joining : .unknown
        }
        /// Whether new requests can be sent there.
        var isServing: Bool { isAvailable && weight > 0 }
    }

    /// The health of `pool` (an index into `snapshot.pools`), of which nothing is known yet.
    public init(pool index: Int, of snapshot: Snapshot, now: Int64) {
        let pool = snapshot.pools[index]
        var check = pool.health
        // Nobody probes a pool that is retired: there, only requests tell.
        if pool.isRetired { check.probe = .none }
        self.check = check
        rules = pool.outliers
        panicThreshold = PanicThreshold(percent: pool.panicThreshold)
        ramp = SlowStartRamp(of: pool)
        count = snapshot.presentEndpoints(of: pool).count
        endpoints = snapshot.endpoints[pool.endpoints].map { endpoint in
            let probed =
                endpoint.isUnresolved
                ? EndpointHealth(unresolved: check, isRefused: endpoint.isRefused) : EndpointHealth(check)
            var watched = Watched(
                probed: probed, weight: endpoint.weight, configured: endpoint.weight,
                rank: endpoint.isBackup ? .max : endpoint.tier, state: .removed,
                isAvailable: !endpoint.isRetired && probed.isAvailable, since: now)
            if !endpoint.isRetired { watched.state = watched.current }
            return watched
        }
        availableCount = endpoints.prefix(count).count { $0.isAvailable }
        weightedCount = endpoints.prefix(count).count { $0.weight > 0 }
        servingCount = weightedCount
        intervalBegan = now
        nextInterval = pool.outliers.map { now + max(1, $0.interval.inMicroseconds) }
    }

    // MARK: - What is known

    public func state(_ endpoint: Int) -> EndpointState { endpoints[endpoint].state }
    /// When the endpoint's state last changed.
    public func since(_ endpoint: Int) -> Int64 { endpoints[endpoint].since }
    /// Whether the endpoint is none of the pool's any more, and finishes what it has.
    public func isRetired(_ endpoint: Int) -> Bool { endpoint >= count }
    /// Whether the endpoint may be picked; one with weight 0 only for its sticky sessions.
    public func isAvailable(_ endpoint: Int) -> Bool { endpoints[endpoint].isAvailable }
    public func weight(_ endpoint: Int) -> Int { endpoints[endpoint].weight }
    /// Whether new requests can be sent to the endpoint: it is available, and its weight above 0.
    public func isServing(_ endpoint: Int) -> Bool { !isRetired(endpoint) && endpoints[endpoint].isServing }
    public func breaker(_ endpoint: Int) -> BreakerStatus { endpoints[endpoint].breaker }
    /// Whether the endpoint's probes have found it up: not down, and not unknown.
    public func isUp(_ endpoint: Int) -> Bool { endpoints[endpoint].probed.state == .up }
    /// Whether a probe of the endpoint has passed since it is here.
    public func hasPassed(_ endpoint: Int) -> Bool { endpoints[endpoint].probed.hasPassed }
    public func isEjected(_ endpoint: Int) -> Bool { endpoints[endpoint].ejection.present != nil }
    /// How often the endpoint has been ejected, by cause in the order of `EjectionCause.Kind.allCases`.
    public func ejections(_ endpoint: Int) -> [Int] { endpoints[endpoint].ejection.totals }

    // MARK: - Facts of probes and connects

    public mutating func probeSucceeded(_ endpoint: Int, now: Int64) -> [HealthChange] {
        guard endpoint < count else { return [] }
        let isFirst = !endpoints[endpoint].probed.hasPassed
        let risen = endpoints[endpoint].probed.probeSucceeded(now: now) != nil
        var passed = risen && !isFirst && endpoints[endpoint].state != .unknown ? check.rise : 1
        if endpoints[endpoint].ejection.present != nil {
            let inARow = endpoints[endpoint].ejection.probePassed()
            if returns(endpoint, after: inARow) {
                endEjection(endpoint, now)
                passed = inARow
            }
        }
        return settle(endpoint, .probesPassed(passed), now)
    }

    public mutating func probeFailed(_ endpoint: Int, _ failure: CheckFailure, now: Int64) -> [HealthChange] {
        guard endpoint < count, failure.isOfEndpoint else { return [] }
        endpoints[endpoint].ejection.probeFailed()
        let transition = endpoints[endpoint].probed.probeFailed(now: now, failure)
        return settleFailure(endpoint, transition, now)
    }

    /// A request could not connect to the endpoint.
    public mutating func connectFailed(_ endpoint: Int, _ failure: CheckFailure, now: Int64) -> [HealthChange] {
        guard endpoint < count else { return [] }
        let transition = endpoints[endpoint].probed.connectFailed(now: now, failure)
        return settleFailure(endpoint, transition, now)
    }

    /// A request connected to the endpoint. Needs to be told only after a failure to connect.
    public mutating func connectSucceeded(_ endpoint: Int, now: Int64) -> [HealthChange] {
        guard endpoint < count else { return [] }
        _ = endpoints[endpoint].probed.connectSucceeded(now: now)
        return settle(endpoint, .connected, now)
    }

    /// The time that `nextWakeup` named has come. Sooner, or without need, nothing happens.
    public mutating func woken(now: Int64) -> [HealthChange] {
        guard let nextWakeup, now >= nextWakeup else { return [] }
        var changes: [HealthChange] = []
        for endpoint in 0..<count {
            _ = endpoints[endpoint].probed.woken(now: now)
            if let ejection = endpoints[endpoint].ejection.present, now >= ejection.until {
                endOrProlong(endpoint, now)
            }
            note(endpoint, .timeIsOver, now, &changes)
        }
        self.nextWakeup = nil
        for endpoint in 0..<count { arm(endpoint) }
        return finish(changes, now)
    }

    // MARK: - Facts of people and breakers

    /// The endpoint's weight from now on, 0 to 65,535; 0 drains it.
    public mutating func setWeight(_ endpoint: Int, _ weight: Int, now: Int64) -> [HealthChange] {
        guard endpoint < count else { return [] }
        let before = endpoints[endpoint]
        endpoints[endpoint].weight = weight
        weightedCount += (weight > 0 ? 1 : 0) - (before.weight > 0 ? 1 : 0)
        noteServing(endpoint, before: before.isServing, now)
        return settle(endpoint, .weight(weight), now)
    }

    /// A worker says that a breaker has changed. What is known already, or out of date, changes nothing.
    public mutating func breakerChanged(
        _ owner: BreakerOwner, _ state: BreakerState, _ cause: BreakerCause?, now: Int64
    ) -> [HealthChange] {
        switch owner {
        case .endpoint(let endpoint):
            guard endpoint < count else { return [] }
            let before = endpoints[endpoint].breaker
            guard endpoints[endpoint].breaker.take(state, cause, now: now) else { return [] }
            return [.breaker(BreakerTransition(owner: owner, before: before, after: endpoints[endpoint].breaker))]
        case .pool:
            let before = poolBreaker
            guard poolBreaker.take(state, cause, now: now) else { return [] }
            return [.breaker(BreakerTransition(owner: owner, before: before, after: poolBreaker))]
        }
    }

    // MARK: - Changes

    private mutating func settleFailure(
        _ endpoint: Int, _ transition: EndpointHealth.Transition?, _ now: Int64
    ) -> [HealthChange] {
        guard case .becameDown(let cause) = transition else { return [] }
        return settle(endpoint, .failures(cause), now)
    }

    /// Tells what became of one endpoint, and what followed for the pool.
    mutating func settle(_ endpoint: Int, _ cause: HealthCause, _ now: Int64) -> [HealthChange] {
        var changes: [HealthChange] = []
        note(endpoint, cause, now, &changes)
        arm(endpoint)
        return finish(changes, now)
    }

    /// Compares an endpoint with what was last told of it.
    mutating func note(_ endpoint: Int, _ cause: HealthCause, _ now: Int64, _ changes: inout [HealthChange]) {
        let before = endpoints[endpoint]
        let state = before.current
        let isAvailable = before.probed.isAvailable && before.ejection.present == nil
        guard state != before.state || isAvailable != before.isAvailable else { return }
        endpoints[endpoint].state = state
        endpoints[endpoint].isAvailable = isAvailable
        let change = EndpointChange(
            endpoint: endpoint, before: before.state, after: state, wasAvailable: before.isAvailable,
            isAvailable: isAvailable, cause: cause)
        if !change.isExtension { endpoints[endpoint].since = now }
        if isAvailable, !before.isAvailable { endpoints[endpoint].availableSince = now }
        availableCount += (isAvailable ? 1 : 0) - (before.isAvailable ? 1 : 0)
        joiningCount += (state == .joining ? 1 : 0) - (before.state == .joining ? 1 : 0)
        noteServing(endpoint, before: before.isServing, now)
        changes.append(.endpoint(change))
    }

    private mutating func noteServing(_ endpoint: Int, before: Bool, _ now: Int64) {
        let isServing = endpoints[endpoint].isServing
        guard isServing != before else { return }
        servingCount += isServing ? 1 : -1
        if isServing { endpoints[endpoint].servingSince = now }
    }

    /// What follows for the pool from changes of its endpoints.
    mutating func finish(_ changes: [HealthChange], _ now: Int64) -> [HealthChange] {
        var changes = changes
        if servingCount == 0, ejectedCount > 0 { endEjectionsOfLastResort(now, &changes) }
        if servingCount == 0, joiningCount > 0 { joinAsLastResort(now, &changes) }
        // Those that join are no loss.
        let total = weightedCount - joiningCount
        let isPanicking = panicThreshold.isPanicking(available: servingCount, of: total)
        guard isPanicking != self.isPanicking else { return changes }
        self.isPanicking = isPanicking
        changes.append(.panic(PanicChange(isPanicking: isPanicking, available: servingCount, total: total)))
        return changes
    }

    /// Makes sure that `nextWakeup` is no later than what the endpoint waits for.
    mutating func arm(_ endpoint: Int) {
        if let time = endpoints[endpoint].probed.nextWakeup { nextWakeup = min(nextWakeup ?? time, time) }
        if let time = endpoints[endpoint].ejection.present?.until { nextWakeup = min(nextWakeup ?? time, time) }
    }
}
