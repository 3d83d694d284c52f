import ApusBalancing
import ApusModel
import ApusTransport
import Synchronization

/// What the workers are given at a reload: all that can be made beforehand, so that a worker only has to go over.
///
/// Each worker takes it between two events. What it has under way goes on under the new indices.
final class Adoption: Sendable {
    let succession: Succession
    let shared: SharedState
    let settings: WorkerSettings
    let counterMoves: CounterMoves
    /// By worker.
    let banks: [CounterBank]
    /// By worker: for the listeners that are new, as indices into the new snapshot.
    let sockets: [[ListeningSocket]]
    /// By new pool: where its endpoints were.
    let members: [Renaming]
    /// By worker and new pool; nil for those whose dispatcher goes on as it is.
    private let dispatchers: Mutex<[[PoolDispatcher?]]>
    /// By worker; nil for no access log.
    let logs: [AccessLogWriter?]
    let arrivals: Countdown

    init(
        _ succession: Succession, shared: SharedState, settings: WorkerSettings, sockets: [[ListeningSocket]],
        from old: CounterLayout, logs: [AccessLogWriter?], seed: UInt64 = .seed, now: Int64
    ) {
        self.succession = succession
        self.shared = shared
        self.settings = settings
        self.sockets = sockets
        self.logs = logs
        let snapshot = succession.snapshot
        let layout = shared.layout
        let workers = 0..<snapshot.workers
        counterMoves = CounterMoves(succession, from: old, to: layout)
        banks = workers.map { _ in CounterBank(count: layout.count) }
        members = snapshot.pools.indices.map { succession.members(ofPool: $0) }
        dispatchers = Mutex(
            workers.map { worker in
                snapshot.pools.indices.map { pool in
                    guard !succession.unchangedPools[pool] else { return nil }
                    return PoolDispatcher(pool: pool, of: snapshot, worker: worker, seed: seed, now: now)
                }
            })
        arrivals = Countdown(workers.count)
    }

    /// The worker's dispatchers, which are its own from then on: nobody else holds them, so that none is copied.
    func takeDispatchers(worker: Int) -> [PoolDispatcher?] {
        dispatchers.withLock { dispatchers in
            defer { dispatchers[worker] = [] }
            return dispatchers[worker]
        }
    }

    /// It is not handed over after all.
    func cancel() {
        for socket in sockets.joined() { socket.socket.close() }
    }
}

extension UInt64 {
    /// For what is left to chance.
    static var seed: UInt64 { UInt64(truncatingIfNeeded: wallClockMicroseconds()) }
}

/// A socket on which one worker accepts, and for which listener (an index into the snapshot).
struct ListeningSocket: Sendable {
    let socket: Socket
    var listener: Int
}
