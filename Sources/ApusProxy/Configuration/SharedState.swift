import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport
import Synchronization

/// What all workers of a data plane share: nothing that a request has to wait for.
///
/// There is one for each snapshot; at a reload each worker goes over to the next by itself and counts what it has there.
final class SharedState: Sendable {
    /// How many reloads there were before.
    let epoch: Int
    let snapshot: Snapshot
    let layout: CounterLayout
    /// Exchanges in flight per endpoint, for the algorithms that look at load.
    let loads: SharedCounts
    /// Exchanges in flight per pool, where there is a limit to them, and requests that wait in its queue.
    let poolLoads: SharedCounts
    let waiting: SharedCounts
    /// Requests in flight per route, where there is a limit to them.
    let routeLoads: SharedCounts
    /// Open client connections per listener.
    let clients: SharedCounts
    private let lifetime: Lifetime

    init(_ snapshot: Snapshot, epoch: Int, lifetime: Lifetime) {
        self.epoch = epoch
        self.snapshot = snapshot
        layout = snapshot.counterLayout
        loads = SharedCounts(count: snapshot.endpoints.count)
        poolLoads = SharedCounts(count: snapshot.pools.count)
        waiting = SharedCounts(count: snapshot.pools.count)
        routeLoads = SharedCounts(count: snapshot.routes.count)
        clients = SharedCounts(count: snapshot.listeners.count)
        self.lifetime = lifetime
    }

    /// Tells the control plane what a worker saw.
    func report(_ fact: DataPlaneFact) { lifetime.facts.yield(ReportedFact(epoch: epoch, fact)) }

    /// Tells the control plane what an attempt has changed, which tells the other workers.
    @inline(never)
    func pass(_ report: AttemptReport, _ pool: Int, _ endpoint: Int, worker: Int) {
        if let state = report.endpointBreaker {
            self.report(.breakerChanged(.endpoint(endpoint), state, report.endpointCause, worker: worker))
        }
        if let state = report.poolBreaker {
            self.report(.breakerChanged(.pool(pool), state, report.poolCause, worker: worker))
        }
        if let failures = report.failedInARow {
            self.report(.failedInARow(endpoint: endpoint, failures.kind, count: failures.count))
        }
        if report.answersAgain { self.report(.answersAgain(endpoint: endpoint)) }
    }

    func workerEnded() { lifetime.workerEnded() }
}

/// Counts that all workers change, as a worker's `Origins` have them.
struct CountsOfAll: LoadCounts {
    private let counts: SharedCounts

    init(_ counts: SharedCounts) { self.counts = counts }

    @inline(__always)
    func value(_ index: Int) -> Int { counts.value(index) }

    @inline(__always)
    func add(_ amount: Int, to index: Int) -> Int { counts.add(amount, to: index) }
}

/// What lasts from the first snapshot to the last.
final class Lifetime: Sendable {
    let facts: AsyncStream<ReportedFact>.Continuation
    /// By what requests are known that were forwarded before. It says nothing to anybody else.
    let mark = UInt32.random(in: .min ... .max)
    private let running: Atomic<Int>

    init(workers: Int, facts: AsyncStream<ReportedFact>.Continuation) {
        self.facts = facts
        running = Atomic(workers)
    }

    /// A worker has ended. With the last one the facts end too.
    ///
    /// - Parameter finish: what the last one does before.
    func workerEnded(finish: () -> Void = {}) {
        guard running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        finish()
        facts.finish()
    }
}

/// What a worker is told from outside.
enum WorkerMessage: Sendable {
    /// Something about pools and endpoints.
    case origins(OriginsMessage)
    /// Go over to another snapshot.
    case adopt(Adoption)
    /// Tell what is in use.
    case census(CensusTaking)
    /// Accept nothing more and end when nothing is left, or in this many microseconds. Whoever waits to be accepted is
    /// left to another process that has the same sockets, or accepted first.
    case drain(Int64, isHandingOver: Bool)
    /// A filter has decided, later than it was asked, about an exchange (`SlabHandle.token`).
    case decided(FilterDecision, exchange: UInt64, number: UInt16)
    /// What a connection's handshake waited for is there (`SlabHandle.token`).
    case shake(UInt64)
    /// Close idle connections to origins: this process lacks descriptors.
    case giveUpIdle
    /// Say that this worker's loop turns.
    case answer(Countdown)
    case stop
}

/// What the control plane and the other workers tell of pools and endpoints, by index.
enum OriginsMessage: Sendable {
    case setEndpoint(Int, available: Bool)
    case setWeight(Int, Int)
    case setBreaker(BreakerName, BreakerState)
    /// An exchange of this pool has ended at another worker, which has no request that waits.
    case roomInPool(Int, epoch: Int)
    /// Another worker saw a session of this pool begin at this endpoint of it.
    case sessionLearned(pool: Int, session: UInt64, endpoint: Int32, epoch: Int)
}
