import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// What a worker reads of the snapshot on the request path, as plain numbers: times in microseconds of its clock.
struct WorkerSettings {
    let requestHead: Int64
    let idle: Int64
    let connect: Int64
    let responseHead: Int64
    let body: Int64
    /// How long a client may take to read the last response before its connection is closed under it.
    let linger: Int64 = 2_000_000
    let headLimits: HeadLimits
    let bodyLimit: UInt64
    let connectionsPerListener: Int
    let trustedProxies: [Network]
    let routePool: [Int]
    let routePriority: [Priority]
    let pools: [PoolSettings]
    let keys: [PoolKeys]
    let endpointPool: [Int]
    let endpointAddress: [WireAddress]
    let endpointIdle: [Int64]
    let listenerAddress: [SocketAddress]
    /// Whether a reload removed it.
    let listenerIsRetired: [Bool]
    let latencyBounds = CounterLayout.latencyBounds
    /// The path of a target that has none.
    let rootPath: [UInt8] = [UInt8(ascii: "/")]

    init(_ snapshot: Snapshot, listenerAddress: [SocketAddress]) {
        requestHead = snapshot.timeouts.requestHead.inMicroseconds
        idle = snapshot.timeouts.idle.inMicroseconds
        connect = snapshot.timeouts.connect.inMicroseconds
        responseHead = snapshot.timeouts.responseHead.inMicroseconds
        body = snapshot.timeouts.body.inMicroseconds
        let limits = snapshot.limits
        headLimits = HeadLimits(
            bytes: min(limits.headBytes, BufferArena.inboundCapacity), fields: limits.headFields,
            targetBytes: limits.targetBytes)
        bodyLimit = limits.bodyBytes.map(UInt64.init) ?? .max
        connectionsPerListener = limits.connectionsPerListener
        trustedProxies = snapshot.trustedProxies
        routePool = snapshot.routes.map { $0.pools.first?.pool ?? -1 }
        routePriority = snapshot.routes.map(\.priority)
        pools = snapshot.pools.map(PoolSettings.init)
        keys = snapshot.pools.map { PoolKeys($0, of: snapshot) }
        endpointPool = snapshot.endpoints.map(\.pool)
        endpointAddress = snapshot.endpoints.map { WireAddress($0.address) }
        endpointIdle = snapshot.endpoints.map { snapshot.pools[$0.pool].connections.idleTimeout.inMicroseconds }
        self.listenerAddress = listenerAddress
        listenerIsRetired = snapshot.listeners.map(\.isRetired)
    }
}

extension WireAddress {
    init(_ address: SocketAddress) {
        self.init(high: address.ip.high, low: address.ip.low, port: address.port)
    }
}

extension SocketAddress {
    init(_ address: WireAddress) {
        self.init(ip: IPAddress(high: address.high, low: address.low), port: address.port)
    }
}
