extension Snapshot {
    /// The same, but for what is given.
    public func replacing(
        workers: Int? = nil, pools: [Pool]? = nil, endpoints: [Endpoint]? = nil, operations: Operations? = nil
    ) -> Snapshot {
        Snapshot(
            workers: workers ?? self.workers, listeners: listeners, routes: routes, pools: pools ?? self.pools,
            endpoints: endpoints ?? self.endpoints, timeouts: timeouts, limits: limits, trustedProxies: trustedProxies,
            clientFields: clientFields, accessLog: accessLog, node: node, zone: zone,
            operations: operations ?? self.operations)
    }
}

extension Snapshot: Equatable {
    /// Whether both say the same, in the same order.
    public static func == (one: Snapshot, other: Snapshot) -> Bool {
        one === other
            || one.workers == other.workers && one.listeners == other.listeners && one.routes == other.routes
                && one.pools == other.pools && one.endpoints == other.endpoints && one.timeouts == other.timeouts
                && one.limits == other.limits && one.trustedProxies == other.trustedProxies
                && one.clientFields == other.clientFields
                && one.accessLog == other.accessLog && one.node == other.node && one.zone == other.zone
                && one.operations == other.operations
    }
}
