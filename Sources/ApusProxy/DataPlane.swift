public import ApusModel
import ApusTransport
import Synchronization

/// The workers and what they share: made from a snapshot, started, drained, ended.
///
/// Every method may be called from any thread; none but `waitUntilEnded` blocks.
public final class DataPlane: DataPlaneLink {
    public let snapshot: Snapshot
    /// Where each listener is bound, in the order of `snapshot.listeners`: with port 0, the port the system gave.
    public let addresses: [SocketAddress]
    public let facts: AsyncStream<DataPlaneFact>

    /// Binds every listener, once per worker. Accepts nothing before `start`.
    public init(_ snapshot: Snapshot) throws(DataPlaneError) {
        self.snapshot = snapshot
        addresses = snapshot.listeners.map(\.bind)
        facts = AsyncStream { $0.finish() }
    }

    /// Starts one thread per worker.
    public func start() {}

    /// Stops accepting, lets what is in flight finish with `Connection: close`, and ends the workers: at once when
    /// nothing is left, by `snapshot.timeouts.drain` at the latest.
    public func drain() {}

    /// Cuts every connection and ends the workers.
    public func stop() {}

    /// Blocks until every worker has ended.
    public func waitUntilEnded() {}

    public func setEndpoint(_ endpoint: Int, available: Bool) {}

    public func total(_ slot: Int) -> UInt64 { 0 }

    public func value(_ slot: Int, worker: Int) -> UInt64 { 0 }
}

/// Why a data plane could not be made.
public enum DataPlaneError: Error, Equatable, CustomStringConvertible {
    /// A listener's address could not be bound.
    case bind(SocketAddress, errno: Int32)
    /// The access log could not be opened.
    case accessLog(path: String, errno: Int32)
    /// The system refused descriptors or threads that the workers need.
    case system(call: String, errno: Int32)

    public var description: String { "" }
}
