import ApusAddresses
import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// The access log: noting a request when it comes, and writing its line when its exchange has ended. Without a log
/// nothing is noted and nothing is written.
extension Worker {
    /// Keeps what the log will say of the request: its head is gone when the exchange ends.
    mutating func noteRequest(_ x: Int, _ head: RequestHead, _ stretch: Stretch, _ arena: inout BufferArena) {
        exchanges[x].headBytes = head.end
        guard let log else { return }
        if log.oneIn > 1, sampling.next(below: log.oneIn) > 0 {
            exchanges[x].isSampledOut = true
            guard log.alwaysLogsFailures else { return }
        }
        var parts = RequestNote.Parts(
            method: head.line.methodRange,
            host: head.target.form == .absolute ? head.target.authority : head.hostField, target: head.line.target)
        findFields(&parts, arena.bytes(stretch.handle, stretch.range))
        guard let note = RequestNote.write(parts, of: stretch, to: &arena) else { return }
        exchanges[x].note = note
    }

    /// The fields of the head that the log tells of; of a repeated one, the first.
    private mutating func findFields(_ parts: inout RequestNote.Parts, _ head: Span<UInt8>) {
        for index in 0..<fields.count where fields[index].field == .other {
            let field = fields[index]
            switch field.name.count {
            case 7 where parts.referer == nil && head.equalsIgnoringCase(field.name, "referer"):
                parts.referer = field.value.prefix(RequestNote.fieldLimit)
            case 10 where parts.userAgent == nil && head.equalsIgnoringCase(field.name, "user-agent"):
                parts.userAgent = field.value.prefix(RequestNote.fieldLimit)
            case 12 where parts.requestID == nil && head.equalsIgnoringCase(field.name, "x-request-id"):
                parts.requestID = field.value.prefix(RequestNote.requestIDLimit)
            default: continue
            }
        }
    }

    /// Writes the line of an exchange that has ended, if it gets one.
    mutating func writeLogLine(_ x: Int, duration: Int64, _ arena: inout BufferArena) {
        guard let log else { return }
        var sample = log.oneIn
        if log.oneIn > 1 {
            let isFailure = exchanges[x].reason != nil || exchanges[x].status >= 500
            if log.alwaysLogsFailures, isFailure {
                sample = 1
            } else if exchanges[x].isSampledOut
                || (exchanges[x].headBytes == 0 && sampling.next(below: log.oneIn) > 0)
            {
                return
            }
        }
        let ended = LoggedExchange(
            exchanges[x], peer: SocketAddress(connections[exchanges[x].client].peer),
            began: wallClockMicroseconds() - duration, duration: duration, end: connectionEnd(x), sample: sample)
        arena.beginSend()
        if !arena.append(ended, log) || !log.ring.write(arena.bytes(.outbound, 0..<arena.sendCount)) {
            counters.add(to: shared.layout.worker(.accessLogDropped))
        }
    }
}
