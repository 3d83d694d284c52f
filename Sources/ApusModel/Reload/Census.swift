/// What of a snapshot is in use by requests and connections that are under way, as indices into it.
public struct Census: Sendable, Equatable {
    public var listeners: Set<Int>
    public var routes: Set<Int>
    public var pools: Set<Int>
    public var endpoints: Set<Int>

    public init(
        listeners: Set<Int> = [], routes: Set<Int> = [], pools: Set<Int> = [], endpoints: Set<Int> = []
    ) {
        self.listeners = listeners
        self.routes = routes
        self.pools = pools
        self.endpoints = endpoints
    }

    public mutating func add(_ other: Census) {
        listeners.formUnion(other.listeners)
        routes.formUnion(other.routes)
        pools.formUnion(other.pools)
        endpoints.formUnion(other.endpoints)
    }
}
