import ApusConfig
import ApusModel

/// Where clients are accepted: the answer to `GET /v1/listeners`.
struct ListenersAnswer: Encodable {
    var listeners: [ListenerAnswer]

    init(_ scene: AdminScene) {
        listeners = scene.names.listeners.map { ListenerAnswer($0, scene) }
    }
}

struct ListenerAnswer: Encodable {
    var name: String
    /// Where it is bound: with port 0 in the configuration, the port that the system gave.
    var address: String
    var routes: Int
    var openConnections: UInt64
    var acceptedConnections: UInt64
    var receivedBytes: UInt64
    var sentBytes: UInt64

    init(_ index: Int, _ scene: AdminScene) {
        let listener = scene.snapshot.listeners[index]
        let addresses = scene.view.addresses
        name = scene.names.listenerNames[index]
        address = "\(addresses.indices.contains(index) ? addresses[index] : listener.bind)"
        routes = listener.routes.count
        openConnections = scene.openConnections(listener: index)
        acceptedConnections = scene.listener(index, .connectionsAccepted)
        receivedBytes = scene.listener(index, .bytesReceived)
        sentBytes = scene.listener(index, .bytesSent)
    }
}

/// Which requests go where, in the order in which they are tried: the answer to `GET /v1/routes`.
struct RoutesAnswer: Encodable {
    var routes: [RouteAnswer]

    struct RouteAnswer: Encodable {
        var listener: String
        var name: String
        /// What it asks for and does, in the words of the configuration: a line for each setting.
        var settings: [String: String]
        /// The pools that its requests go to, with their weights; empty for one that answers by itself.
        var pools: [PoolShare]
        /// Requests that ended, by the class of their status.
        var requests: [String: UInt64]
    }

    struct PoolShare: Encodable {
        var pool: String
        var weight: Int
    }

    init(_ scene: AdminScene) {
        let snapshot = scene.snapshot
        let mask = scene.running.loaded.variables
        routes = scene.names.listeners.flatMap { listener in
            let indices = snapshot.listeners[listener].routes
            let names = SnapshotNames.unique(snapshot.routes[indices].map(\.name))
            return zip(indices, names).map { index, name in
                let route = snapshot.routes[index]
                var counts = [UInt64](repeating: 0, count: CounterLayout.statusClasses)
                for branch in 0..<max(1, route.pools.count) {
                    scene.addRequests(row: scene.layout.row(route: index, branch: branch), to: &counts)
                }
                return RouteAnswer(
                    listener: scene.names.listenerNames[listener], name: name,
                    settings: Dictionary(
                        Settings(route, of: snapshot).words.map { ($0, mask.masked($1)) },
                        uniquingKeysWith: { first, _ in first }),
                    pools: route.pools.map {
                        PoolShare(pool: scene.names.poolNames[$0.pool], weight: $0.weight)
                    },
                    requests: Dictionary(
                        zip(StatusAnswer.RequestsAnswer.classes, counts), uniquingKeysWith: { first, _ in first }))
            }
        }
    }
}

/// Connections of clients and to endpoints, counted: the answer to `GET /v1/connections`.
struct ConnectionsAnswer: Encodable {
    var listeners: [ClientConnections]
    var endpoints: [EndpointConnections]

    struct ClientConnections: Encodable {
        var listener: String
        var open: UInt64
        var accepted: UInt64
        var closed: UInt64
    }

    struct EndpointConnections: Encodable {
        var pool: String
        var endpoint: String
        /// Open now: those that carry a request, and those that wait for one.
        var open: UInt64
        var inUse: UInt64
        var idle: UInt64
        var opened: UInt64
        /// Requests sent on a connection that had served one before.
        var reused: UInt64
        var connectFailures: UInt64
    }

    init(_ scene: AdminScene) {
        listeners = scene.names.listeners.map { index in
            ClientConnections(
                listener: scene.names.listenerNames[index], open: scene.openConnections(listener: index),
                accepted: scene.listener(index, .connectionsAccepted), closed: scene.listener(index, .connectionsClosed)
            )
        }
        endpoints = scene.names.endpoints.map { index in
            let open = scene.openConnections(endpoint: index)
            let inUse = min(open, scene.inFlight(endpoint: index))
            return EndpointConnections(
                pool: scene.names.poolNames[scene.snapshot.endpoints[index].pool],
                endpoint: scene.names.endpointNames[index], open: open, inUse: inUse, idle: open - inUse,
                opened: scene.endpoint(index, .connectionsOpened), reused: scene.endpoint(index, .connectionsReused),
                connectFailures: scene.endpoint(index, .connectFailures))
        }
    }
}
