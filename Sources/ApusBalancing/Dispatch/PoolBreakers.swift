import ApusModel

/// The circuit breakers that one worker keeps for one pool: one per endpoint, one for the pool, as configured.
///
/// Which endpoints are blocked stands in a bit set, so that a pick asks one bit and no breaker. A breaker that is open, or
/// half-open with all its trials handed out, blocks; its bit is looked at again when its state changes and when its time
/// comes. Nothing here costs anything in pools without breakers.
@usableFromInline
struct PoolBreakers: Sendable {
    @usableFromInline var endpoints: [CircuitBreaker]
    @usableFromInline var pool: CircuitBreaker?
    @usableFromInline var blocked: BlockedEndpoints
    /// Endpoints whose bit is set.
    private var blockedList: [Int32] = []
    /// When the first of them may have to be looked at again; `.max` while none is blocked.
    @usableFromInline var nextLook = Int64.max
    /// Endpoints that are not retired: what becomes of requests at others tells nothing.
    private let present: Int
    private let slowAfter: Int64
    private let poolSlowAfter: Int64

    /// How long a breaker whose trials are all out is left alone before it is looked at again.
    private static let trialLook: Int64 = 50_000

    init?(_ pool: Pool, present: Int, workers: Int, seed: UInt64) {
        guard pool.endpointBreaker != nil || pool.poolBreaker != nil else { return nil }
        var seeds = SplitMix64(seed: seed)
        endpoints = []
        slowAfter = pool.endpointBreaker?.slowAfter.inMicroseconds ?? .max
        poolSlowAfter = pool.poolBreaker?.slowAfter.inMicroseconds ?? .max
        if let rules = pool.endpointBreaker {
            endpoints = (0..<present).map { _ in CircuitBreaker(rules, workers: workers, seed: seeds.next()) }
        }
        if let rules = pool.poolBreaker {
            self.pool = CircuitBreaker(rules, workers: workers, seed: seeds.next())
        }
        blocked = BlockedEndpoints(count: present)
        self.present = present
    }

    /// Goes on with the breakers that there were before a reload.
    mutating func inherit(from old: PoolBreakers, _ survivors: Survivors, now: Int64) {
        let isAlike = slowAfter == old.slowAfter
        for (index, origin) in survivors.toOld.enumerated()
        where origin >= 0 && index < endpoints.count && Int(origin) < old.endpoints.count {
            endpoints[index].inherit(from: old.endpoints[Int(origin)], isAlike: isAlike, now: now)
            if endpoints[index].state != .closed { refresh(index, now: now) }
        }
        if let before = old.pool { pool?.inherit(from: before, isAlike: poolSlowAfter == old.poolSlowAfter, now: now) }
    }

    /// Whether the pool's breaker refuses everything.
    func refusesAll(now: Int64) -> Bool { pool?.isOpen(now: now) ?? false }

    /// Looks again at those whose time may have come.
    @usableFromInline
    mutating func lookAgain(now: Int64) {
        nextLook = .max
        var index = 0
        while index < blockedList.count {
            let endpoint = Int(blockedList[index])
            if endpoints[endpoint].isOpen(now: now) {
                nextLook = min(nextLook, lookTime(endpoint, now))
                index += 1
            } else {
                blocked.set(endpoint, false)
                blockedList.swapAt(index, blockedList.count - 1)
                blockedList.removeLast()
            }
        }
    }

    private func lookTime(_ endpoint: Int, _ now: Int64) -> Int64 {
        if case .open(let until, _) = endpoints[endpoint].state { return max(until, now + 1) }
        return now + Self.trialLook
    }

    private mutating func refresh(_ endpoint: Int, now: Int64) {
        let isOpen = endpoints[endpoint].isOpen(now: now)
        guard isOpen else {
            // Its bit goes with the next look, which is now.
            if blocked.contains(endpoint) { nextLook = now }
            return
        }
        if !blocked.contains(endpoint) {
            blocked.set(endpoint, true)
            blockedList.append(Int32(endpoint))
        }
        nextLook = min(nextLook, lookTime(endpoint, now))
    }

    // MARK: Facts

    /// An attempt begins; whoever chose the endpoint saw that nothing blocked it.
    @usableFromInline
    mutating func attemptStarted(_ endpoint: Int, now: Int64) -> AttemptReport {
        var report = AttemptReport()
        if endpoint < endpoints.count {
            let before = endpoints[endpoint].state
            _ = endpoints[endpoint].admit(now: now)
            let after = endpoints[endpoint].state
            if after != before, case .halfOpen = after, case .open = before { report.endpointBreaker = after }
            refresh(endpoint, now: now)
        }
        if let before = pool?.state {
            _ = pool?.admit(now: now)
            if let after = pool?.state, after != before, case .halfOpen = after, case .open = before {
                report.poolBreaker = after
            }
        }
        return report
    }

    mutating func succeeded(
        _ endpoint: Int, after time: Int64, admitted: Int64, now: Int64, _ report: inout AttemptReport
    ) {
        guard endpoint < present else { return cancelled(endpoint, admitted: admitted, now: now) }
        if !endpoints.isEmpty {
            let change = endpoints[endpoint].succeeded(isSlow: time >= slowAfter, admitted: admitted, now: now)
            note(change, of: endpoint, now: now, &report)
        }
        notePool(pool?.succeeded(isSlow: time >= poolSlowAfter, admitted: admitted, now: now), &report)
    }

    @usableFromInline
    mutating func failed(_ endpoint: Int, admitted: Int64, now: Int64, _ report: inout AttemptReport) {
        guard endpoint < present else { return cancelled(endpoint, admitted: admitted, now: now) }
        if !endpoints.isEmpty {
            note(endpoints[endpoint].failed(admitted: admitted, now: now), of: endpoint, now: now, &report)
        }
        notePool(pool?.failed(admitted: admitted, now: now), &report)
    }

    @usableFromInline
    mutating func cancelled(_ endpoint: Int, admitted: Int64, now: Int64) {
        if endpoint < endpoints.count {
            endpoints[endpoint].cancelled(admitted: admitted, now: now)
            refresh(endpoint, now: now)
        }
        pool?.cancelled(admitted: admitted, now: now)
    }

    mutating func adopt(of endpoint: Int?, _ state: BreakerState, now: Int64) {
        guard let endpoint else {
            pool?.adopt(state, now: now)
            return
        }
        guard endpoint < endpoints.count else { return }
        endpoints[endpoint].adopt(state, now: now)
        refresh(endpoint, now: now)
    }

    private mutating func note(
        _ change: BreakerChange?, of endpoint: Int, now: Int64, _ report: inout AttemptReport
    ) {
        if let change {
            report.endpointBreaker = change.state
            report.endpointCause = change.cause
        }
        refresh(endpoint, now: now)
    }

    private func notePool(_ change: BreakerChange??, _ report: inout AttemptReport) {
        guard let change = change ?? nil else { return }
        report.poolBreaker = change.state
        report.poolCause = change.cause
    }
}

/// The endpoints of a pool that breakers keep requests from.
@usableFromInline
struct BlockedEndpoints: Sendable {
    @usableFromInline var words: [UInt64]
    @usableFromInline var count = 0

    init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    @inlinable
    func contains(_ index: Int) -> Bool { words[index &>> 6] & (1 &<< UInt64(truncatingIfNeeded: index & 63)) != 0 }

    mutating func set(_ index: Int, _ isBlocked: Bool) {
        guard contains(index) != isBlocked else { return }
        words[index / 64] ^= 1 << UInt64(index % 64)
        count += isBlocked ? 1 : -1
    }
}

/// A pool's load as it is, with the endpoints that breakers block passed over like those that are saturated.
@usableFromInline
struct GuardedLoad<Base: EndpointLoad>: EndpointLoad {
    @usableFromInline let base: Base
    @usableFromInline let blocked: BlockedEndpoints

    @inlinable
    init(base: Base, blocked: BlockedEndpoints) {
        self.base = base
        self.blocked = blocked
    }

    @inlinable
    func load(_ index: Int) -> Int { base.load(index) }

    @inlinable
    func isSaturated(_ index: Int) -> Bool { blocked.contains(index) || base.isSaturated(index) }

    @inlinable
    var total: Int? { base.total }
}
