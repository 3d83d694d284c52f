import ApusHTTP
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

    /// Endpoints have other indices now.
    mutating func forget() { notes = [:] }
}

extension Prober {
    func log(_ endpoint: Int, gaveNoResponseTo count: Int, _ reason: Reason) {
        let requests = count == 1 ? "a request" : "\(count) requests"
        logger.warning("\(name(endpoint)) gave \(requests) no response: \(reason.token)")
    }
}
