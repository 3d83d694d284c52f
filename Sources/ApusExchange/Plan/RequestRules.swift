public import ApusAddresses
public import ApusHTTP
public import ApusModel
public import ApusRouting

/// What a configuration says of requests before a pool sees them, laid out for the request path: the worker, `apus
/// explain` and `apus test` all ask it.
public struct RequestRules: Sendable {
    public let snapshot: Snapshot
    public let headLimits: HeadLimits
    public let clientFields: ClientFieldRules
    public let trustedProxies: [Network]
    public let routes: [RouteSettings]
    public let parts: RouteParts
    /// By route: what fills its captures in.
    public let routePaths: [PathPattern]
    /// By listener.
    public let listenerPaths: [PathRule]
    public let saysVia: Bool
    /// The mark by which a request is known that comes back; nil for none.
    public let mark: LoopMark?

    /// - Parameters:
    ///   - headCapacity: bytes of a head that whoever reads it can hold.
    ///   - mark: the mark of who carries the rules out, by which it knows a request that comes back; nil for none.
    ///   - previous: those of the snapshot before: what is said of routes is kept if it is the same.
    public init(
        _ snapshot: Snapshot, headCapacity: Int = .max, mark: LoopMark? = nil, keeping previous: RequestRules? = nil
    ) {
        self.snapshot = snapshot
        self.mark = mark
        saysVia = snapshot.clientFields.saysVia
        let limits = snapshot.limits
        headLimits = HeadLimits(
            bytes: min(limits.headBytes, headCapacity), fields: limits.headFields, targetBytes: limits.targetBytes)
        clientFields = snapshot.clientFieldRules
        trustedProxies = snapshot.trustedProxies
        listenerPaths = snapshot.listeners.map(\.paths)
        if let previous, previous.sayTheSameOfRoutes(as: snapshot) {
            routes = previous.routes
            parts = previous.parts
            routePaths = previous.routePaths
        } else {
            var parts = RouteParts()
            routes = snapshot.routes.map { RouteSettings($0, of: snapshot, adding: &parts) }
            self.parts = parts
            routePaths = snapshot.routes.map(\.match.path)
        }
    }

    /// Whether a snapshot says the same of routes: what one leaves open, its timeouts and limits fill in. Routes that were
    /// retired, and are no more, nobody asks about.
    public func sayTheSameOfRoutes(as other: Snapshot) -> Bool {
        other.routing.isBeginning(of: snapshot.routing) && snapshot.timeouts == other.timeouts
            && snapshot.limits == other.limits
    }
}
