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
    /// By listener: what clients must show for which name; nil where that is the same for all.
    @usableFromInline let hostPolicies: [CertificateNames?]
    /// By route: the mark by which a request is known that comes back to it; empty where nothing is marked.
    @usableFromInline let marks: [LoopMark]

    /// - Parameters:
    ///   - headCapacity: bytes of a head that whoever reads it can hold.
    ///   - mark: what those who carry the rules out have in common, and nobody else: from it and from a route's name come the
    ///     marks by which they know a request that comes back; nil for none.
    ///   - previous: those of the snapshot before: what is said of routes is kept if it is the same.
    public init(
        _ snapshot: Snapshot, headCapacity: Int = .max, mark: UInt32? = nil, keeping previous: RequestRules? = nil
    ) {
        self.snapshot = snapshot
        marks = mark.map { snapshot.loopMarks($0) } ?? []
        saysVia = snapshot.clientFields.saysVia
        hostPolicies = snapshot.listeners.map { listener in
            listener.tls.flatMap { $0.policies.count > 1 ? CertificateNames($0) : nil }
        }
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

    /// Whether what clients must show depends on the name that they ask a listener for.
    public func hasPolicies(_ listener: Int) -> Bool { hostPolicies[listener] != nil }

    /// What requests that the route sends on are marked with; nil for nothing.
    @inlinable @inline(__always)
    public func mark(of route: Int) -> LoopMark? { marks.isEmpty ? nil : marks[route] }

    /// Whether a snapshot says the same of routes: what one leaves open, its timeouts and limits fill in. Routes that were
    /// retired, and are no more, nobody asks about.
    public func sayTheSameOfRoutes(as other: Snapshot) -> Bool {
        other.routing.isBeginning(of: snapshot.routing) && snapshot.timeouts == other.timeouts
            && snapshot.limits == other.limits
    }
}

extension Snapshot {
    /// A mark for each route. Of the same process and the same names it is the same after a reload.
    fileprivate func loopMarks(_ process: UInt32) -> [LoopMark] {
        var marks = Array(repeating: LoopMark(process), count: routes.count)
        for listener in listeners {
            for route in listener.routes {
                // FNV-1a, in 32 bits.
                var hash: UInt32 = 0x811c_9dc5
                for byte in listener.name.utf8 + [0] + routes[route].name.utf8 {
                    hash = (hash ^ UInt32(byte)) &* 0x0100_0193
                }
                marks[route] = LoopMark(process ^ hash)
            }
        }
        return marks
    }
}
