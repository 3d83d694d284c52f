import ApusBalancing
import ApusExchange
import ApusModel
import ApusTransport

/// Looking: what an attempt that is not answered soon may wait for.
extension Proxy {
    /// Whether the time that is over was that of a look, and not that of the response's head.
    mutating func isToBeLookedAt(_ x: Int) -> Bool {
        exchanges[x].upstream >= 0 && exchanges[x].state.responsePhase == .awaited
            && exchanges[x].state.request.isComplete && !exchanges[x].state.filters.isWaiting
            && !connections[exchanges[x].upstream].hasUnsent
            && now - exchanges[x].state.visit.current.started < responseHeadTime(x)
    }

    /// The attempt goes on, unless its origin cannot be reached any more: TCP would go on sending for a quarter of an hour.
    mutating func look(_ x: Int, _ arena: inout BufferArena) -> Next {
        let waited = now - exchanges[x].state.visit.current.started
        if isUnreachable(x) { return leaveUnreachable(x, &arena) }
        noteLate(at: exchanges[x].endpoint)
        if let report = exchanges[x].state.visit.look(route: exchanges[x].route, &origins), !report.isEmpty {
            pass(report, exchanges[x].pool, exchanges[x].endpoint)
        }
        setDeadline(exchange: x, in: min(responseHeadTime(x) - waited, PoolVisit.lookTime))
        guard exchanges[x].state.visit.waitsInVain(origins), !exchanges[x].state.isPersonal else { return .waits }
        let request = exchanges[x].visitRequest
        guard let other = exchanges[x].state.visit.rescue(request, by: routeRetries(x), &origins, now: now) else {
            return .waits
        }
        records.counters.add(to: shared.layout.pool(exchanges[x].pool, .hedges))
        return start(other.lease, x, other.endpoint, &arena)
    }

    private mutating func noteLate(at endpoint: Int) {
        let slot = shared.layout.endpoint(endpoint, .late)
        var late = LateRequests(word: records.counters.value(slot))
        late.look(now: now)
        records.counters.set(slot, to: late.word)
    }

    private mutating func isUnreachable(_ x: Int) -> Bool {
        let (visit, connect, now) = (exchanges[x].state.visit, connectTime(x), now)
        return visit.isUnreachable(connect: connect, now: now) {
            connections.links.silence(of: connections[exchanges[x].upstream].link)
        }
    }

    private mutating func leaveUnreachable(_ x: Int, _ arena: inout BufferArena) -> Next {
        // Those that were idle when it was sent are dead as well: each would cost another request as much time.
        let started = exchanges[x].state.visit.current.started
        for idle in origins.connections[exchanges[x].endpoint].takeIdle(before: started) {
            closeUpstream(Int(idle), &arena)
        }
        return exchanges[x].state.originIsUnreachable(wasUsed: connections[exchanges[x].upstream].wasUsed)
    }
}
