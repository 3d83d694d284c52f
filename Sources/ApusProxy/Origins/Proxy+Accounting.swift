import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Accounting: what an attempt counts for while it is under way, and what it told of its endpoint.
extension Proxy {
    /// An attempt whose place is counted begins, as the exchange's current one.
    @inline(__always)
    mutating func beginAttempt(_ x: Int, _ endpoint: Int) {
        let pool = exchanges[x].pool
        records.counters.add(to: shared.layout.endpoint(endpoint, .exchangesStarted))
        let report = exchanges[x].state.visit.begin(at: endpoint, of: &origins, now: now)
        if !report.isEmpty { pass(report, pool, endpoint) }
        if origins.dispatchers[pool].isPanicking { records.counters.add(to: shared.layout.pool(pool, .panicPicks)) }
    }

    /// An attempt has left its endpoint: the exchange is no longer in flight there.
    mutating func endAttempt(_ x: Int, _ attempt: Attempt) {
        let pool = exchanges[x].pool
        records.counters.add(to: shared.layout.endpoint(Int(attempt.endpoint), .exchangesEnded))
        exchanges[x].state.visit.end(attempt, at: &origins, now: now)
        if origins.rules[pool].hasQueue { noteRoom(in: pool, count: 1) }
    }

    // MARK: Judging

    /// The current attempt's endpoint has answered.
    @inline(__always)
    mutating func judge(_ x: Int, status: Int) {
        let outcome = AttemptOutcome(status: status)
        let route = exchanges[x].route
        guard let report = exchanges[x].state.visit.answered(outcome, route: route, &origins, now: now) else { return }
        let endpoint = exchanges[x].endpoint
        let time = max(0, now - exchanges[x].state.visit.current.started)
        records.counters.add(to: shared.layout.endpoint(endpoint, .responses))
        records.counters.add(UInt64(time), to: shared.layout.endpoint(endpoint, .responseMicroseconds))
        if outcome != .served { records.counters.add(to: shared.layout.endpoint(endpoint, .failures)) }
        if !report.isEmpty { pass(report, exchanges[x].pool, endpoint) }
    }

    /// The current attempt's endpoint gave no response.
    mutating func judgeFailure(_ x: Int, _ fault: AttemptFault) {
        let route = exchanges[x].route
        guard let report = exchanges[x].state.visit.gaveNone(fault, route: route, &origins, now: now) else { return }
        records.counters.add(to: shared.layout.endpoint(exchanges[x].endpoint, .failures))
        if !report.isEmpty { pass(report, exchanges[x].pool, exchanges[x].endpoint) }
    }

    /// The endpoint has broken off a response whose head was passed on: it was judged by that.
    mutating func noteBrokenResponse(_ x: Int, _ reason: Reason) {
        let endpoint = exchanges[x].endpoint
        guard endpoint >= 0 else { return }
        records.counters.add(to: shared.layout.endpoint(endpoint, .brokenResponses))
        // Those with a status of 500 are among them already.
        if exchanges[x].state.status < 500 { records.counters.add(to: shared.layout.endpoint(endpoint, .failures)) }
        tell(.noResponse(endpoint: endpoint, reason, nil))
    }

    /// What an attempt has changed is told to the control plane, and to whoever waits here: the others hear of it from there.
    @inline(never)
    mutating func pass(_ report: AttemptReport, _ pool: Int, _ endpoint: Int) {
        shared.pass(report, pool, endpoint, worker: neighbours.index)
        if report.endpointBreaker != nil || report.poolBreaker != nil { schedule.noteChange(in: pool, origins) }
    }
}
