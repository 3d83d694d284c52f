extension Snapshot {
    /// The same, but for what is given. A half of which nothing is given is kept.
    public func replacing(
        workers: Int? = nil, pools: [Pool]? = nil, endpoints: [Endpoint]? = nil, operations: Operations? = nil
    ) -> Snapshot {
        let isKept = pools == nil && endpoints == nil
        let upstreams =
            isKept
            ? upstreams
            : Upstreams(pools: pools ?? self.pools, endpoints: endpoints ?? self.endpoints, sharing: upstreams)
        return replacing(routing, upstreams, workers: workers, operations: operations)
    }

    /// The same with other endpoints of one pool, an index into `pools`. What is said of the other pools is not looked at.
    public func replacing(endpoints: [Endpoint], ofPool pool: Int) -> Snapshot {
        replacing(routing, upstreams.replacing(endpoints: endpoints, ofPool: pool))
    }

    /// The same with another access log.
    public func replacing(accessLog: AccessLog) -> Snapshot { replacing(routing, upstreams, accessLog: accessLog) }

    /// The same with other halves.
    func replacing(
        _ routing: Routing, _ upstreams: Upstreams, workers: Int? = nil, accessLog: AccessLog? = nil,
        operations: Operations? = nil
    ) -> Snapshot {
        Snapshot(
            routing, upstreams, workers: workers ?? self.workers, timeouts: timeouts, limits: limits,
            trustedProxies: trustedProxies, clientFields: clientFields, accessLog: accessLog ?? self.accessLog,
            node: node, zone: zone,
            operations: operations ?? self.operations)
    }
}

extension Snapshot: Equatable {
    /// Whether both say the same, in the same order.
    public static func == (one: Snapshot, other: Snapshot) -> Bool {
        one === other
            || one.workers == other.workers && one.routing.isAlike(other.routing)
                && one.upstreams.isAlike(other.upstreams) && one.timeouts == other.timeouts
                && one.limits == other.limits && one.trustedProxies == other.trustedProxies
                && one.clientFields == other.clientFields
                && one.accessLog == other.accessLog && one.node == other.node && one.zone == other.zone
                && one.operations == other.operations
    }
}
