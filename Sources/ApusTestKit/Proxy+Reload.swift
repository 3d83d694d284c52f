public import ApusAddresses
public import ApusModel
import ApusProxy

extension Proxy {
    /// Goes over to what `change` makes of the present snapshot, as a control plane would; returns when all workers have.
    ///
    /// Endpoints keep their addresses; `dataPlane.snapshot` has what is retired as well, which `change` does not see.
    @discardableResult
    public func reload(
        shields: Shields? = nil, _ change: (inout Draft) -> Void
    ) async throws -> Succession {
        var draft = Draft(dataPlane.snapshot)
        change(&draft)
        return try await reload(to: draft.snapshot, shields: shields)
    }

    @discardableResult
    public func reload(to snapshot: Snapshot, shields: Shields? = nil) async throws -> Succession {
        let census = await dataPlane.census()
        let succession = Succession(from: dataPlane.snapshot, to: snapshot, census: census)
        let prepared = try dataPlane.prepare(succession, shields: try shields?.make(succession.snapshot))
        guard dataPlane.handOver(prepared) else {
            prepared.cancel()
            throw KitError.peerGone
        }
        await dataPlane.finish(prepared)
        return succession
    }

    /// A configuration that can be changed: what a snapshot says, without what is retired.
    public struct Draft: Sendable {
        public struct PoolDraft: Sendable {
            public var pool: Pool
            public var endpoints: [Endpoint]

            public init(_ name: String, _ addresses: [SocketAddress]) {
                pool = Pool(name: name, health: HealthCheck(probe: .none), endpoints: 0..<0)
                endpoints = addresses.map { Endpoint(name: "127.0.0.1:\($0.port)", address: $0, pool: 0) }
            }

            init(_ pool: Pool, _ endpoints: [Endpoint]) {
                self.pool = pool
                self.endpoints = endpoints
            }
        }

        public struct ListenerDraft: Sendable {
            public var listener: Listener
            public var routes: [Route]

            public init(_ listener: Listener, _ routes: [Route]) {
                self.listener = listener
                self.routes = routes
            }
        }

        private let base: Snapshot
        public var listeners: [ListenerDraft]
        public var pools: [PoolDraft]
        public var timeouts: Timeouts
        public var limits: Limits
        public var trustedProxies: [Network]
        public var clientFields: ClientFields
        public var accessLog: AccessLog

        init(_ snapshot: Snapshot) {
            base = snapshot
            timeouts = snapshot.timeouts
            limits = snapshot.limits
            trustedProxies = snapshot.trustedProxies
            clientFields = snapshot.clientFields
            accessLog = snapshot.accessLog
            listeners = snapshot.listeners.filter { !$0.isRetired }.map {
                ListenerDraft($0, Array(snapshot.routes[$0.routes]))
            }
            pools = snapshot.pools.filter { !$0.isRetired }.map { pool in
                PoolDraft(pool, snapshot.endpoints[pool.endpoints].filter { !$0.isRetired })
            }
        }

        var snapshot: Snapshot {
            var all: [Endpoint] = []
            var ready: [Pool] = []
            for (index, draft) in pools.enumerated() {
                var pool = draft.pool
                pool.endpoints = all.count..<all.count + draft.endpoints.count
                all += draft.endpoints.map { endpoint in
                    var endpoint = endpoint
                    endpoint.pool = index
                    return endpoint
                }
                ready.append(pool)
            }
            var routes: [Route] = []
            let bound = listeners.map { draft in
                var listener = draft.listener
                listener.routes = routes.count..<routes.count + draft.routes.count
                routes += draft.routes
                return listener
            }
            return Snapshot(
                workers: base.workers, listeners: bound, routes: routes, pools: ready, endpoints: all,
                timeouts: timeouts, limits: limits, trustedProxies: trustedProxies, clientFields: clientFields,
                accessLog: accessLog, node: base.node, zone: base.zone)
        }
    }
}
