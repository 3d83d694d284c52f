import ApusHTTP
import ApusModel
import ApusTransport

/// Recording: what happened, in the counters and in the access log.
extension Worker {
    /// Counts and logs an exchange that has ended.
    mutating func record(_ x: Int, _ arena: inout BufferArena) {
        let exchange = exchanges[x]
        let layout = shared.layout
        let row =
            exchange.route >= 0 ? layout.row(route: exchange.route) : layout.unroutedRow(listener: exchange.listener)
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
        if log != nil { writeLogLine(exchange, duration: duration, received: received, &arena) }
    }

    private func bucket(of duration: Int64) -> Int {
        let bounds = settings.latencyBounds
        var bucket = 0
        while bucket < bounds.count, duration > bounds[bucket] { bucket += 1 }
        return bucket
    }

    // MARK: The access log

    /// Keeps what the log will say of the request: its head is gone when the exchange ends.
    mutating func noteRequest(_ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: inout BufferArena) {
        exchanges[x].headBytes = head.end
        guard log != nil else { return }
        let start = Int(stretch.start)
        arena.beginSend()
        arena.append(#","method":""#)
        arena.append(escaping: stretch.handle, head.line.methodRange.moved(by: start))
        arena.append(#"","host":""#)
        let authority = head.target.form == .absolute ? head.target.authority : head.hostField
        arena.append(escaping: stretch.handle, authority.moved(by: start))
        arena.append(#"","target":""#)
        arena.append(escaping: stretch.handle, head.line.target.moved(by: start))
        arena.append(head.version == .http11 ? #"","version":"1.1""# : #"","version":"1.0""#)
        let count = arena.sendCount
        guard let handle = arena.borrow(count) else { return }
        arena.copyUnsent(from: 0, to: handle, at: 0)
        exchanges[x].note = Stretch(handle, 0..<count)
    }

    private func writeLogLine(
        _ exchange: Exchange, duration: Int64, received: UInt64, _ arena: inout BufferArena
    ) {
        guard let log else { return }
        arena.beginSend()
        arena.append(#"{"time":""#)
        arena.append(timestamp: wallClockMicroseconds() - duration)
        arena.append(#"","client":""#)
        let peer = connections[exchange.client].peer
        arena.append(authority: SocketAddress(peer))
        arena.append("\"")
        let listener = log.names.listeners[exchange.listener]
        arena.append(listener.span)
        if exchange.note.isEmpty {
            arena.append(#","method":null,"host":null,"target":null,"version":null"#)
        } else {
            arena.append(copying: exchange.note.handle, exchange.note.range)
        }
        let route = log.names.route(exchange.route)
        arena.append(route.span)
        let endpoint = log.names.endpoint(exchange.endpoint)
        arena.append(endpoint.span)
        appendFigures(exchange, duration: duration, received: received, &arena)
        if let reason = exchange.reason {
            arena.append(#","reason":""#)
            arena.append(reason.token)
            arena.append("\"}\n")
        } else {
            arena.append(",\"reason\":null}\n")
        }
        if !log.ring.write(arena.bytes(.outbound, 0..<arena.sendCount)) {
            counters.add(to: shared.layout.worker(.accessLogDropped))
        }
    }

    private func appendFigures(
        _ exchange: Exchange, duration: Int64, received: UInt64, _ arena: inout BufferArena
    ) {
        arena.append(#","attempts":"#)
        arena.append(decimal: UInt64(exchange.attempts + exchange.staleReplacements))
        arena.append(#","status":"#)
        arena.append(decimal: UInt64(exchange.status))
        arena.append(#","bytes_received":"#)
        arena.append(decimal: received)
        arena.append(#","bytes_sent":"#)
        arena.append(decimal: exchange.bytesSent)
        arena.append(#","response_head_us":"#)
        if exchange.headReceived > 0 {
            arena.append(decimal: UInt64(exchange.headReceived - exchange.started))
        } else {
            arena.append("null")
        }
        arena.append(#","duration_us":"#)
        arena.append(decimal: UInt64(duration))
    }
}

extension BufferArena {
    /// Appends bytes that may stand in a JSON string once quotes and backslashes are escaped: a target, a host.
    fileprivate mutating func append(escaping handle: BufferHandle, _ range: Range<Int>) {
        var start = range.lowerBound
        for index in range {
            let byte = bytes(handle, index..<index + 1)[0]
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            append(copying: handle, start..<index)
            append("\\")
            start = index
        }
        append(copying: handle, start..<range.upperBound)
    }

    /// Appends a time, given as microseconds since 1970, in UTC (RFC 3339).
    mutating func append(timestamp microseconds: Int64) {
        let days = microseconds / 86_400_000_000
        let (year, month, day) = civilDate(days)
        append(UInt64(year), digits: 4)
        append("-")
        append(UInt64(month), digits: 2)
        append("-")
        append(UInt64(day), digits: 2)
        append("T")
        let time = UInt64(microseconds % 86_400_000_000)
        append(time / 3_600_000_000, digits: 2)
        append(":")
        append(time / 60_000_000 % 60, digits: 2)
        append(":")
        append(time / 1_000_000 % 60, digits: 2)
        append(".")
        append(time % 1_000_000, digits: 6)
        append("Z")
    }

    private mutating func append(_ value: UInt64, digits: Int) {
        var divisor: UInt64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
            divisor /= 10
        }
    }
}

/// The date that is `days` after 1970-01-01 in the Gregorian calendar.
///
/// Counts in years that begin in March, so that the leap day is a year's last, and in eras of 400 years, which all
/// have 146,097 days.
func civilDate(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}
