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
    let shields: (any LinkShields)?
    let counterMoves: CounterMoves
    /// By worker: where it counts from then on, which may be where it does.
    let banks: [CounterBank]
    /// By worker: for the listeners that are new, as indices into the new snapshot.
    let sockets: [[ListeningSocket]]
    /// By new pool: where its endpoints were; nil for one that is unchanged.
    let members: [Renaming?]
    /// By worker: of the pools that have changed, in ascending order.
    private let dispatchers: Mutex<[[FreshDispatcher]]>
    /// What was made for the reload.
    let effort: ReloadEffort
    /// By worker; nil for no access log.
    let logs: [AccessLogWriter?]
    let arrivals: Countdown

    init(
        _ succession: Succession, shared: SharedState, settings: WorkerSettings,
        shields: (any LinkShields)? = nil, banks: [CounterBank], sockets: [[ListeningSocket]], logs: [AccessLogWriter?],
        seed: UInt64 = .seed, now: Int64
    ) {
        self.succession = succession
        self.shared = shared
        self.settings = settings
        self.shields = shields
        self.sockets = sockets
        self.logs = logs
        let snapshot = succession.snapshot
        let workers = 0..<snapshot.workers
        let moves = CounterMoves(succession)
        counterMoves = moves
        let room = snapshot.counterRoom
        self.banks =
            room === succession.previous.counterRoom
            ? banks : workers.map { _ in CounterBank(count: room.slots) }
        let changed = succession.changedPools
        var members = [Renaming?](repeating: nil, count: snapshot.pools.count)
        for pool in changed { members[pool] = succession.members(ofPool: pool) }
        self.members = members
        dispatchers = Mutex(
            workers.map { worker in
                changed.map { pool in
                    FreshDispatcher(
                        pool: pool,
                        dispatcher: PoolDispatcher(pool: pool, of: snapshot, worker: worker, seed: seed, now: now))
                }
            })
        arrivals = Countdown(workers.count)
        effort = ReloadEffort(
            routeTables: snapshot.routing === succession.previous.routing ? 0 : 1,
            routes: settings.madeRoutes, pools: settings.madePools, dispatchers: changed.count * workers.count,
            counters: moves.count, stretches: moves.moves.count)
    }

    /// The worker's dispatchers, which are its own from then on: nobody else holds them, so that none is copied.
    func takeDispatchers(worker: Int) -> [FreshDispatcher] {
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

/// The dispatcher of a pool that has changed: an index into the new snapshot.
struct FreshDispatcher {
    let pool: Int
    var dispatcher: PoolDispatcher
}

/// How much was made for a reload, and how much moves in each worker: what it costs, but for what it copies as it is.
struct ReloadEffort: Equatable {
    /// Tables that find a request's route.
    var routeTables = 0
    /// Routes and pools whose settings were made.
    var routes = 0
    var pools = 0
    /// Dispatchers, over all workers.
    var dispatchers = 0
    /// Counters that move, and in how many stretches.
    var counters = 0
    var stretches = 0
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
