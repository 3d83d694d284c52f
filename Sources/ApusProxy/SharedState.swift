import ApusModel
import ApusTransport
import Synchronization

/// What all workers of a data plane share: nothing that a request has to wait for.
final class SharedState: Sendable {
    let snapshot: Snapshot
    let layout: CounterLayout
    /// Exchanges in flight per endpoint, for the algorithms that look at load.
    let loads: SharedCounts
    /// Open client connections per listener.
    let clients: SharedCounts
    let facts: AsyncStream<DataPlaneFact>.Continuation

    init(_ snapshot: Snapshot, facts: AsyncStream<DataPlaneFact>.Continuation) {
        self.snapshot = snapshot
        layout = CounterLayout(snapshot)
        loads = SharedCounts(count: snapshot.endpoints.count)
        clients = SharedCounts(count: snapshot.listeners.count)
        self.facts = facts
    }
}

/// What a worker is told from outside.
enum WorkerMessage: Sendable {
    case setEndpoint(Int, available: Bool)
    /// Accept nothing more and end when nothing is left, or in this many microseconds.
    case drain(Int64)
    case stop
}
