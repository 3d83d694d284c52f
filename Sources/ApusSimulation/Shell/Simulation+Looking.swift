import ApusBalancing
import ApusExchange
import ApusHTTP

/// Looking: what an attempt that is not answered soon may wait for.
extension Simulation {
    /// The current attempt is not answered yet.
    mutating func look(_ x: SlotHandle) {
        let (request, route, now) = (requests[x].visitRequest, requests[x].route, now)
        if isUnreachable(x) { return leaveUnreachable(x) }
        observe(.late, x)
        if let report = visit(x, { $0.look(route: route, &$1) }) {
            tell(report, requests[x].balancer, Int(requests[x].visit.current.endpoint))
        }
        expectLook(x)
        let waitsInVain = visit(x) { $0.waitsInVain($1) }
        let retries = routes[route].retries
        guard waitsInVain, let other = visit(x, { $0.rescue(request, by: retries, &$1, now: now) }) else { return }
        statistics.hedges += 1
        start(other.lease, x, other.endpoint)
    }

    private func isUnreachable(_ x: SlotHandle) -> Bool {
        let attempt = connections[connections.handle(at: requests[x].visit.current.connection)].attempt
        let isLost = attempt.map { attempts[$0].isLost } ?? false
        let started = requests[x].visit.current.started
        return requests[x].visit.isUnreachable(connect: length(.connect, requests[x].route), now: now) {
            isLost ? now - started : nil
        }
    }

    /// Connections that were idle when the request was sent are dead as well.
    private mutating func leaveUnreachable(_ x: SlotHandle) {
        let (balancer, attempt) = (requests[x].balancer, requests[x].visit.current)
        let connection = connections.handle(at: attempt.connection)
        let idle = balancers[balancer].origins.connections[Int(attempt.endpoint)].takeIdle(before: attempt.started)
        for other in idle { connections.remove(connections.handle(at: other)) }
        statistics.unreachable += 1
        observe(.broke, x)
        drive(x, requests[x].state.originIsUnreachable(wasUsed: connections[connection].wasUsed))
    }
}
