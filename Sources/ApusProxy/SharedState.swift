import ApusModel
import ApusTransport
import Synchronization

/// What all workers of a data plane share: nothing that a request has to wait for.
final class SharedState: Sendable {
    let snapshot: Snapshot
    let layout: CounterLayout
    /// Exchanges in flight per endpoint, for the algorithms that look at load.
    let loads: SharedCounts
    /// Exchanges in flight per pool, where there is a limit to them, and requests that wait in its queue.
    let poolLoads: SharedCounts
    let waiting: SharedCounts
    /// Open client connections per listener.
    let clients: SharedCounts
    let facts: AsyncStream<ReportedFact>.Continuation
    private let running: Atomic<Int>

    init(_ snapshot: Snapshot, facts: AsyncStream<ReportedFact>.Continuation) {
        self.snapshot = snapshot
        layout = CounterLayout(snapshot)
        loads = SharedCounts(count: snapshot.endpoints.count)
        poolLoads = SharedCounts(count: snapshot.pools.count)
        waiting = SharedCounts(count: snapshot.pools.count)
        clients = SharedCounts(count: snapshot.listeners.count)
        self.facts = facts
        running = Atomic(snapshot.workers)
    }

    /// Tells the control plane what a worker saw.
    func report(_ fact: DataPlaneFact) { facts.yield(ReportedFact(epoch: 0, fact)) }

    /// A worker has ended. With the last one the facts end too.
    func workerEnded() {
        if running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { facts.finish() }
    }
}

/// What a worker is told from outside.
enum WorkerMessage: Sendable {
    case setEndpoint(Int, available: Bool)
    case setWeight(Int, Int)
    case setBreaker(BreakerName, BreakerState)
    /// An exchange of this pool has ended at another worker, which has no request that waits.
    case roomInPool(Int)
    /// Another worker saw a session of this pool begin at this endpoint of it.
    case sessionLearned(pool: Int, session: UInt64, endpoint: Int32)
    /// Accept nothing more and end when nothing is left, or in this many microseconds.
    case drain(Int64)
    case stop
}
