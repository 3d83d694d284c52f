import ApusAddresses
import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// The access log: noting a request when it comes, and writing its line when its exchange has ended. Without a log
/// nothing is noted and nothing is written.
extension Proxy {
    /// Keeps what the log will say of the request: its head is gone when the exchange ends.
    mutating func noteRequest(_ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        exchanges[x].headBytes = hand.head.end
        guard let log = records.log else { return }
        if log.oneIn > 1, records.sampling.next(below: log.oneIn) > 0 {
            exchanges[x].isSampledOut = true
            guard log.alwaysLogsFailures else { return }
        }
        var parts = RequestNote.Parts(
            method: hand.head.line.methodRange,
            host: hand.head.target.form == .absolute ? hand.head.target.authority : hand.head.hostField,
            target: hand.head.line.target)
        parts.find(in: hand.fields, arena.bytes(of: hand.place))
        guard let note = RequestNote.write(parts, of: hand.place, to: &arena) else { return }
        exchanges[x].note = note
    }

    /// Writes the line of an exchange that has ended, if it gets one.
    mutating func writeLogLine(_ x: Int, duration: Int64, _ arena: inout BufferArena) {
        guard let log = records.log else { return }
        var sample = log.oneIn
        if log.oneIn > 1 {
            let isFailure = exchanges[x].state.reason != nil || exchanges[x].state.status >= 500
            if log.alwaysLogsFailures, isFailure {
                sample = 1
            } else if exchanges[x].isSampledOut
                || (exchanges[x].headBytes == 0 && records.sampling.next(below: log.oneIn) > 0)
            {
                return
            }
        }
        let ended = LoggedExchange(
            exchanges[x], peer: SocketAddress(connections[exchanges[x].client].peer),
            identity: identity(of: exchanges[x].client),
            terms: log.line.tellsTerms ? connections.links.terms(connections[exchanges[x].client].link) : nil,
            began: connections.links.wallClock() - duration, duration: duration, end: connectionEnd(x), sample: sample)
        arena.beginSend()
        if !arena.append(ended, log) || !log.ring.write(arena.bytes(.outbound, 0..<arena.sendCount)) {
            records.counters.add(to: shared.layout.worker(.accessLogDropped))
        }
    }
}
