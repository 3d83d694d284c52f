import ApusBalancing
import ApusModel
import ApusTransport

/// Accounting: what an attempt counts for while it is under way, and what it told of its endpoint.
extension Worker {
    /// Counts one more exchange in flight on the endpoint, where that is counted.
    ///
    /// - Returns: false, and nothing is counted, when another worker was faster and took the last place there was.
    @inline(__always)
    mutating func countStart(_ endpoint: Int, _ pool: Int) -> Bool {
        let rules = settings.pools[pool]
        if rules.countsTotal, shared.poolLoads.add(1, to: pool) > rules.limit {
            shared.poolLoads.add(-1, to: pool)
            return false
        }
        guard rules.countsLoad, shared.loads.add(1, to: endpoint) > rules.endpointLimit else { return true }
        shared.loads.add(-1, to: endpoint)
        if rules.countsTotal { shared.poolLoads.add(-1, to: pool) }
        return false
    }

    /// - Returns: the exchanges in flight on the endpoint now; 0 where they are not counted.
    @discardableResult @inline(__always)
    mutating func countEnd(_ endpoint: Int, _ pool: Int) -> Int {
        let rules = settings.pools[pool]
        if rules.countsTotal { shared.poolLoads.add(-1, to: pool) }
        return rules.countsLoad ? shared.loads.add(-1, to: endpoint) : 0
    }

    /// An attempt whose place is counted begins, as the exchange's current one.
    @inline(__always)
    mutating func beginAttempt(_ x: Int, _ endpoint: Int) {
        let pool = exchanges[x].pool
        let rules = settings.pools[pool]
        exchanges[x].current = Attempt()
        exchanges[x].current.endpoint = Int32(truncatingIfNeeded: endpoint)
        exchanges[x].current.admitted = now
        exchanges[x].current.started = now
        exchanges[x].tryDeadline = .max
        exchanges[x].hedgeTime = .max
        counters.add(to: shared.layout.endpoint(endpoint, .exchangesStarted))
        let load = rules.countsLoad ? shared.loads.value(endpoint) : 0
        let report = dispatchers[pool].attemptStarted(endpoint - rules.start, load: load, now: now)
        if !report.isEmpty { pass(report, pool, endpoint) }
        if dispatchers[pool].isPanicking { counters.add(to: shared.layout.pool(pool, .panicPicks)) }
    }

    /// The current attempt has left its endpoint: the exchange is no longer in flight there.
    mutating func endAttempt(_ x: Int) {
        let endpoint = exchanges[x].endpoint
        let pool = exchanges[x].pool
        let rules = settings.pools[pool]
        let load = countEnd(endpoint, pool)
        counters.add(to: shared.layout.endpoint(endpoint, .exchangesEnded))
        dispatchers[pool].attemptEnded(
            endpoint - rules.start, wasJudged: exchanges[x].current.isJudged,
            admitted: exchanges[x].current.admitted, load: load, now: now)
        if exchanges[x].holdsBudget, !exchanges[x].other.isUnderWay { giveBackBudget(x) }
        if rules.hasQueue { noteRoom(in: pool, count: 1) }
    }

    mutating func giveBackBudget(_ x: Int) {
        guard exchanges[x].holdsBudget else { return }
        exchanges[x].holdsBudget = false
        dispatchers[exchanges[x].pool].retryEnded()
    }

    // MARK: Judging

    /// The current attempt's endpoint has answered.
    @inline(__always)
    mutating func judge(_ x: Int, status: Int) {
        guard !exchanges[x].current.isJudged else { return }
        exchanges[x].current.isJudged = true
        let endpoint = exchanges[x].endpoint
        let pool = exchanges[x].pool
        let time = max(0, now - exchanges[x].current.started)
        counters.add(to: shared.layout.endpoint(endpoint, .responses))
        counters.add(UInt64(time), to: shared.layout.endpoint(endpoint, .responseMicroseconds))
        if status >= 500 { counters.add(to: shared.layout.endpoint(endpoint, .failures)) }
        let report = dispatchers[pool].answered(
            endpoint - settings.pools[pool].start, status: status, after: time,
            admitted: exchanges[x].current.admitted, now: now)
        if !report.isEmpty { pass(report, pool, endpoint) }
    }

    /// The current attempt's endpoint gave no response.
    mutating func judgeFailure(_ x: Int, isConnect: Bool = false) {
        guard !exchanges[x].current.isJudged else { return }
        exchanges[x].current.isJudged = true
        let endpoint = exchanges[x].endpoint
        let pool = exchanges[x].pool
        let time = max(0, now - exchanges[x].current.started)
        counters.add(to: shared.layout.endpoint(endpoint, .failures))
        let report = dispatchers[pool].failed(
            endpoint - settings.pools[pool].start, isConnect: isConnect, after: time,
            admitted: exchanges[x].current.admitted, now: now)
        if !report.isEmpty { pass(report, pool, endpoint) }
    }

    /// Tells the control plane, which tells the other workers.
    @inline(never)
    private mutating func pass(_ report: AttemptReport, _ pool: Int, _ endpoint: Int) {
        if let state = report.endpointBreaker {
            shared.report(
                .breakerChanged(.endpoint(endpoint), state, report.endpointCause, worker: index))
        }
        if let state = report.poolBreaker {
            shared.report(.breakerChanged(.pool(pool), state, report.poolCause, worker: index))
        }
        if let failures = report.failedInARow {
            shared.report(.failedInARow(endpoint: endpoint, failures.kind, count: failures.count))
        }
    }
}
