import ApusExchange
import ApusModel
import ApusTransport

/// Recording: what happened, in the counters and in the access log.
extension Proxy {
    /// Counts and logs an exchange that has ended.
    mutating func record(_ x: Int, _ arena: inout BufferArena) {
        let listener = exchanges[x].listener
        let route = exchanges[x].route
        let row =
            route >= 0
            ? shared.layout.row(route: route, branch: Int(exchanges[x].branch))
            : shared.layout.unroutedRow(listener: listener)
        let hasEndpoint = exchanges[x].endpoint >= 0 && !exchanges[x].state.answeredItself
        // Statuses of no class count as the last one (RFC 9110 section 15).
        let statusClass = min(exchanges[x].state.status / 100, CounterLayout.statusClasses - 1)
        records.counters.add(
            to: shared.layout.requests(
                row: row, endpoint: hasEndpoint ? exchanges[x].endpoint : nil, statusClass: statusClass))
        if let reason = exchanges[x].state.reason {
            records.counters.add(to: shared.layout.reason(reason, listener: listener))
        }
        let duration = now - exchanges[x].started
        records.counters.add(to: shared.layout.latencyBucket(row: row, bucket: settings.latencyBucket(of: duration)))
        records.counters.add(UInt64(duration), to: shared.layout.latencySum(row: row))
        let received = UInt64(exchanges[x].headBytes) + exchanges[x].state.request.byteCount
        records.counters.add(received, to: shared.layout.listener(listener, .bytesReceived))
        records.counters.add(exchanges[x].bytesSent, to: shared.layout.listener(listener, .bytesSent))
        if records.log != nil { writeLogLine(x, duration: duration, &arena) }
    }

    /// Tells what there is at the end of a turn.
    mutating func recordHoldings(_ arena: borrowing BufferArena) {
        records.counters.set(shared.layout.worker(.bufferBytes), to: UInt64(arena.bytesInUse))
        records.counters.set(shared.layout.worker(.clientConnections), to: UInt64(clients.count))
        records.counters.set(shared.layout.worker(.upstreamConnections), to: UInt64(connections.count - clients.count))
        records.counters.set(shared.layout.worker(.exchanges), to: UInt64(exchanges.count))
        records.counters.set(shared.layout.worker(.timers), to: UInt64(schedule.timers.count + schedule.alarms.count))
        records.counters.set(shared.layout.worker(.pipes), to: UInt64(connections.links.pipeCount))
    }
}
