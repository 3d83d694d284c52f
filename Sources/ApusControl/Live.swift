public import ApusAddresses
public import ApusModel
import Synchronization

/// What runs now: the snapshot and its counters, exchanged together when a reload has reached every worker.
///
/// Whoever answers a question takes `view` once and answers from that: snapshot and counters belong together.
public final class Live: Sendable {
    public struct View: Sendable {
        public var snapshot: Snapshot
        public var counters: any CounterSource
        /// Where each listener is bound, in the order of `snapshot.listeners`: with port 0, the port the system gave.
        public var addresses: [SocketAddress]

        public init(snapshot: Snapshot, counters: any CounterSource, addresses: [SocketAddress]) {
            self.snapshot = snapshot
            self.counters = counters
            self.addresses = addresses
        }
    }

    private let state: Mutex<View>

    public init(_ view: View) { state = Mutex(view) }

    public var view: View {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// What carries a checked configuration to the workers.
public protocol SnapshotAdopter: Sendable {
    /// Has every worker and the prober go over to `snapshot`; returns when they have. One call at a time.
    ///
    /// Throws what kept it from being used, such as an address that could not be bound; nothing has changed then.
    func adopt(_ snapshot: Snapshot) async throws

    /// Gives an endpoint of a pool another weight at once, 0 to 65,535; 0 drains it. One that is not there is nobody's
    /// mistake: it has gone meanwhile.
    func setWeight(pool: String, endpoint: SocketAddress, weight: Int) async
}
