import Synchronization

/// Whether this balancer accepts clients: set by what runs the data plane, read by the admin server.
public final class ServingState: Sendable {
    public enum Phase: Sendable {
        /// Listeners are bound and accept nothing yet.
        case starting
        case serving
        /// A stop was asked for, and clients are served as before for a while: those who send them here are to notice.
        case leaving
        /// A stop was asked for: no new connections, what is in flight may finish.
        case draining
    }

    private let current = Mutex(Phase.starting)

    public init() {}

    public var phase: Phase {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
