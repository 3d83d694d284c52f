/// What the control plane sees of the data plane: facts that come out, decisions that go in, counters to read.
///
/// Calls may come from any thread and never block.
public protocol DataPlaneLink: Sendable {
    /// Facts the workers observed, each reported once, in the order of each worker. Ends when the workers have ended.
    var facts: AsyncStream<DataPlaneFact> { get }

    /// Tells every worker whether `endpoint` (an index into `Snapshot.endpoints`) may be picked.
    func setEndpoint(_ endpoint: Int, available: Bool)

    /// The sum over all workers of the counter in `slot` (see `CounterLayout`).
    func total(_ slot: Int) -> UInt64

    /// The counter in `slot` of one worker.
    func value(_ slot: Int, worker: Int) -> UInt64
}

/// Something that a worker saw and the control plane should know at once.
public enum DataPlaneFact: Sendable, Equatable {
    /// A connection to an endpoint (an index into `Snapshot.endpoints`) was refused, timed out or was unreachable.
    case connectFailed(endpoint: Int, errno: Int32)
    /// A connection to an endpoint was established, after at least one failed.
    case connectSucceeded(endpoint: Int)
}
