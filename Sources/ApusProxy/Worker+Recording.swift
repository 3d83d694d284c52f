import ApusModel
import ApusTransport

/// Recording: what happened, in the counters, and from there to the access log.
extension Worker {
    /// Counts and logs an exchange that has ended.
    ///
    /// - Parameter isBroken: it was broken off, rather than its response sent.
    mutating func record(_ x: Int, isBroken: Bool, _ arena: inout BufferArena) {
        let exchange = exchanges[x]
        let layout = shared.layout
        let row =
            exchange.route >= 0
            ? layout.row(route: exchange.route, branch: Int(exchange.branch))
            : layout.unroutedRow(listener: exchange.listener)
        let endpoint = exchange.endpoint >= 0 && !exchange.answeredItself ? exchange.endpoint : nil
        counters.add(to: layout.requests(row: row, endpoint: endpoint, statusClass: exchange.status / 100))
        if let reason = exchange.reason {
            counters.add(to: layout.reason(reason, listener: exchange.listener))
        }
        let duration = now - exchange.started
        counters.add(to: layout.latencyBucket(row: row, bucket: bucket(of: duration)))
        counters.add(UInt64(duration), to: layout.latencySum(row: row))
        let received = UInt64(exchange.headBytes) + exchange.request.byteCount
        counters.add(received, to: layout.listener(exchange.listener, .bytesReceived))
        counters.add(exchange.bytesSent, to: layout.listener(exchange.listener, .bytesSent))
        if log != nil { writeLogLine(exchange, duration: duration, isBroken: isBroken, &arena) }
    }

    private func bucket(of duration: Int64) -> Int {
        let bounds = settings.latencyBounds
        var bucket = 0
        while bucket < bounds.count, duration > bounds[bucket] { bucket += 1 }
        return bucket
    }
}
