import ApusHTTP
import ApusModel
import Logging

/// The log's lines about connections that were turned away and requests that came back: one a minute for each cause.
struct RefusalLog {
    /// The least time between two lines about one cause, in microseconds.
    static let pause: Int64 = 60_000_000

    private var notes: [Cause: Note] = [:]

    private enum Cause: Hashable {
        case turnedAway(Reason, listener: String)
        case cameBack(route: String, listener: String)
    }

    private struct Note {
        var count = 0
        var loggedAt: Int64?
    }

    /// A worker has told of it.
    ///
    /// - Returns: how many there were since the last line about its cause, if it is time for another.
    mutating func note(_ refusal: RefusalNews, now: Int64) -> Int? {
        let (cause, count) =
            switch refusal.event {
            case .turnedAway(let reason, let count): (Cause.turnedAway(reason, listener: refusal.listener), count)
            case .cameBack(let route, _, let count): (Cause.cameBack(route: route, listener: refusal.listener), count)
            }
        var note = notes[cause] ?? Note()
        note.count += count
        let isDue = note.loggedAt.map { now - $0 >= Self.pause } ?? true
        guard isDue else {
            notes[cause] = note
            return nil
        }
        // Reloads bring other listeners and routes: what is as good as new need not be kept.
        notes = notes.filter { $0.value.count > 0 || now - ($0.value.loggedAt ?? 0) < Self.pause }
        notes[cause] = Note(loggedAt: now)
        return note.count
    }
}

extension Prober {
    /// - Parameter count: how many there were since the last line about this cause.
    func log(_ refusal: RefusalNews, count: Int) {
        switch refusal.event {
        case .turnedAway(let reason, _):
            let connections = count == 1 ? "a client's connection" : "\(count) clients' connections"
            logger.error(
                """
                listener \(refusal.listener) turned \(connections) away: \(reason.token); \(advice(reason)); told once a \
                minute
                """)
        case .cameBack(let route, let peer, _):
            let requests = count == 1 ? "a request" : "\(count) requests"
            logger.warning(
                """
                route \(route) of listener \(refusal.listener) was sent \(requests) that it had forwarded before, the latest \
                by \(peer), and answered 508 (loop_detected): an endpoint of its pool leads back here; told once a minute
                """)
        }
    }

    private func advice(_ reason: Reason) -> String {
        switch reason {
        case .descriptorLimit:
            "raise the limit of open files of this process (LimitNOFILE, ulimit -n), or find out who keeps so many "
                + "connections (limits.connections bounds those of a listener)"
        case .connectionLimit:
            "it has limits.connections (\(snapshot.limits.connectionsPerListener)) already: raise that, or find out who "
                + "opens so many"
        default: "see docs/reasons.md"
        }
    }
}
