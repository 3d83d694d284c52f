public import ApusRouting

/// The listeners with their routes, and the table that finds a request's route: the half of a snapshot that a change of
/// endpoints leaves alone. Snapshots whose listeners and routes are the same share it.
public final class Routing: Sendable {
    public let listeners: [Listener]
    /// The routes of all listeners, each listener's in the order in which they are tried.
    public let routes: [Route]
    public let table: RouteTable
    /// The names of fields that routes look at or write.
    let namedFields: Set<String>
    /// What was configured, if what reloads have removed stands behind it here.
    private let configured: Routing?

    public init(listeners: [Listener], routes: [Route]) {
        self.listeners = listeners
        self.routes = routes
        // A range that leads beyond them is one of `problems`, with which nothing is run.
        table = RouteTable(
            routes.map(\.match), listeners: listeners.map { $0.routes.clamped(to: routes.indices) })
        namedFields = Self.namedFields(of: routes)
        configured = nil
    }

    /// The configured one, and behind it what is retired: listeners that have no routes any more, and routes that no
    /// listener has. No request looks for those, so that the table serves as it is.
    init(_ configured: Routing, retiredListeners: [Listener], retiredRoutes: [Route]) {
        listeners = configured.listeners + retiredListeners
        routes = configured.routes + retiredRoutes
        table = configured.table.adding(emptyListeners: retiredListeners.count)
        namedFields = configured.namedFields.union(Self.namedFields(of: retiredRoutes))
        self.configured = configured
    }

    /// Whether the other's listeners and routes begin with all of these.
    public func isBeginning(of other: Routing) -> Bool { self === other || self === other.configured }

    /// Whether both begin with the same configuration, whatever is retired behind it.
    func hasSameConfiguration(as other: Routing) -> Bool { (configured ?? self) === (other.configured ?? other) }

    /// Whether both say the same.
    func isAlike(_ other: Routing) -> Bool {
        self === other || listeners == other.listeners && routes == other.routes
    }
}
