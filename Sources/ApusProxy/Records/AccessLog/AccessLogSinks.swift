import ApusModel
import ApusTransport
import Synchronization

/// The access log of a data plane through reloads: the sink in use, and the ones whose last lines are still coming.
///
/// A reload prepares the log of the new snapshot, uses it when the workers are handed their new writers, and ends the
/// sinks before when every worker has taken its own: nobody writes to those any more, so that what they were given is
/// all. May be called from any thread; one reload at a time.
final class AccessLogSinks: Sendable {
    /// What the workers of a snapshot get.
    struct Prepared: Sendable {
        /// By worker; nil without a log.
        let writers: [AccessLogWriter?]
        fileprivate let sink: AccessLogSink?
        /// It was opened for this snapshot.
        fileprivate let isNew: Bool

        /// Nobody was handed what was prepared.
        func discard() {
            guard isNew else { return }
            sink?.stop()
            sink?.join()
        }
    }

    private struct State {
        /// The workers run, and so does every sink from now on.
        var isStarted = false
        var current: AccessLogSink?
        var previous: [AccessLogSink] = []
    }

    private let workers: Int
    private let lostLines = LostLines()
    private let state = Mutex(State())

    private let tell: @Sendable (AccessLogNews) -> Void

    /// - Parameter tell: is told when lines begin to be refused or dropped, and when that is over.
    init(workers: Int, tell: @escaping @Sendable (AccessLogNews) -> Void) {
        self.workers = workers
        self.tell = tell
    }

    /// Lines that were handed over and reached nobody.
    var lost: UInt64 { lostLines.count }

    /// Opens what the first snapshot's log needs. `use` or `discard` must follow.
    func prepare(_ snapshot: Snapshot) throws(DataPlaneError) -> Prepared {
        try prepare(snapshot) { AccessLogNames(snapshot, $0) }
    }

    /// Opens what the log of the succession's snapshot needs, unless it is in use already. `use` or `discard` must follow.
    ///
    /// - Parameter writers: those that the workers have.
    func prepare(_ succession: Succession, succeeding writers: [AccessLogWriter?]) throws(DataPlaneError) -> Prepared {
        let previous = writers.first??.names
        return try prepare(succession.snapshot) { AccessLogNames(succession, $0, keeping: previous) }
    }

    private func prepare(
        _ snapshot: Snapshot, _ makeNames: (AccessLogLine.Style) -> AccessLogNames
    ) throws(DataPlaneError) -> Prepared {
        let log = snapshot.accessLog
        guard let destination = log.destination else {
            return Prepared(writers: Array(repeating: nil, count: workers), sink: nil, isNew: false)
        }
        let (current, isStarted) = state.withLock { ($0.current, $0.isStarted) }
        let sink: AccessLogSink
        if let current, current.reaches(destination) {
            sink = current
        } else {
            sink = try AccessLogSink(destination, workers: workers, lost: lostLines, tell: tell)
            if isStarted { try start(sink) }
        }
        let hasTLS = snapshot.listeners.contains { $0.tls != nil }
        let line = AccessLogLine(log, hasTLS: hasTLS, host: hostName(), process: processNumber())
        let names = makeNames(line.style)
        let writers = sink.rings.map { AccessLogWriter(ring: $0, line: line, names: names, log: log) }
        return Prepared(writers: writers, sink: sink, isNew: sink !== current)
    }

    /// Starts the sink in use. Call once, before the workers start.
    func start() throws(DataPlaneError) {
        let current = state.withLock { state in
            state.isStarted = true
            return state.current
        }
        if let current { try start(current) }
    }

    private func start(_ sink: AccessLogSink) throws(DataPlaneError) {
        do {
            try sink.start()
        } catch {
            sink.join()
            throw .system(call: error.call, errno: error.errno)
        }
    }

    /// The workers are handed what was prepared. The sink before goes on until `endPrevious`.
    func use(_ prepared: Prepared) {
        state.withLock { state in
            if let old = state.current, old !== prepared.sink { state.previous.append(old) }
            state.current = prepared.sink
        }
    }

    /// No worker writes to the sinks before the one in use any more: they write what is left, and end. Blocks until then.
    func endPrevious() {
        let sinks = state.withLock { state in
            defer { state.previous = [] }
            return state.previous
        }
        for sink in sinks { sink.stop() }
        for sink in sinks { sink.join() }
    }

    /// Opens the file behind the log anew, for whoever moved it away. When that fails the old one stays in use.
    func reopen() throws(DataPlaneError) {
        // Under the lock: a reload may end the sink meanwhile, and what has its descriptor then is anybody's connection.
        try state.withLock { state throws(DataPlaneError) in try state.current?.reopen() }
    }

    /// Writes what is left and ends. Blocks until done.
    func stop() {
        state.withLock { state in
            if let current = state.current { state.previous.append(current) }
            state.current = nil
        }
        endPrevious()
    }
}
