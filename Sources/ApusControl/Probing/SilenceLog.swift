import ApusHTTP
import ApusModel
import Logging

/// The log's lines about endpoints that give requests no response: one in a while for each endpoint.
struct SilenceLog {
    /// The least time between two lines about one endpoint, in microseconds.
    static let pause: Int64 = 10_000_000

    private var notes: [Int: Note] = [:]

    private struct Note {
        var count = 0
        var loggedAt: Int64?
    }

    /// So many more requests had no response from the endpoint.
    ///
    /// - Returns: how many there were since the last line, if it is time for another.
    mutating func note(_ endpoint: Int, count: Int, now: Int64) -> Int? {
        var note = notes[endpoint] ?? Note()
        note.count += count
        let isDue = note.loggedAt.map { now - $0 >= Self.pause } ?? true
        notes[endpoint] = isDue ? Note(loggedAt: now) : note
        return isDue ? note.count : nil
    }

    /// How many requests had no response since the last line about the endpoint: another line tells of them.
    mutating func takeUntold(_ endpoint: Int) -> Int {
        defer { notes[endpoint]?.count = 0 }
        return notes[endpoint]?.count ?? 0
    }

    /// Endpoints have other indices now.
    mutating func adopt(_ endpoints: Renaming) {
        guard !endpoints.isIdentity else { return }
        let carried = notes.compactMap { old, note in endpoints.toNew[old].map { ($0, note) } }
        notes = Dictionary(uniqueKeysWithValues: carried)
    }
}

extension Prober {
    func log(_ endpoint: Int, gaveNoResponseTo count: Int, _ reason: Reason) {
        let requests = count == 1 ? "a request" : "\(count) requests"
        logger.warning("\(name(endpoint)) gave \(requests) no response: \(reason.token)")
    }
}
