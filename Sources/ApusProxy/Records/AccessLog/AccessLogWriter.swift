import ApusModel
import ApusTransport

/// What one worker needs to log: where its lines go and what they look like. Exchanged as a whole when a reload changes
/// either.
final class AccessLogWriter: Sendable {
    let ring: ByteRing
    let line: AccessLogLine
    let names: AccessLogNames
    /// Of so many requests one is logged.
    let oneIn: Int
    let alwaysLogsFailures: Bool
    /// Bytes that a line is at most, without what clients chose.
    let reserve: Int

    init(ring: ByteRing, line: AccessLogLine, names: AccessLogNames, log: AccessLog) {
        self.ring = ring
        self.line = line
        self.names = names
        oneIn = max(1, log.oneIn)
        alwaysLogsFailures = log.alwaysLogsFailures
        // No number, time, address or word of Apus's own is longer than 64 bytes.
        reserve = line.texts.count + line.steps.count * max(64, names.longest)
    }
}

/// The parts of log lines that only depend on the configuration, as they are written.
struct AccessLogNames: Sendable {
    let listeners: [[UInt8]]
    private let routes: [[UInt8]]
    private let pools: [[UInt8]]
    /// Per route the pools that its requests may go to, behind one another, and where each route's begin.
    private let routePools: [Int]
    private let firstPools: [Int]
    private var endpoints: [[UInt8]]
    /// No name has more bytes.
    private(set) var longest: Int
    private let style: AccessLogLine.Style

    init(_ snapshot: Snapshot, _ style: AccessLogLine.Style) {
        listeners = snapshot.listeners.map { style.written($0.name) }
        routes = snapshot.routes.map { style.written($0.name) } + [style.written(nil)]
        pools = snapshot.pools.map { style.written($0.name) } + [style.written(nil)]
        endpoints = snapshot.endpoints.map { style.written($0.name) } + [style.written(nil)]
        routePools = snapshot.routes.flatMap { $0.pools.isEmpty ? [-1] : $0.pools.map(\.pool) } + [-1]
        var next = 0
        firstPools =
            snapshot.routes.map { route in
                defer { next += max(1, route.pools.count) }
                return next
            } + [next]
        longest = [listeners, routes, pools, endpoints].joined().lazy.map(\.count).max() ?? 0
        self.style = style
    }

    /// Those of the succession's snapshot, made of those of the one before where only pools have changed.
    init(_ succession: Succession, _ style: AccessLogLine.Style, keeping previous: AccessLogNames?) {
        let snapshot = succession.snapshot
        guard let previous, previous.style == style, succession.pools.isIdentity,
            snapshot.routing === succession.previous.routing
        else {
            self.init(snapshot, style)
            return
        }
        self = previous
        let none = endpoints.removeLast()
        succession.endpoints.carry(&endpoints) { _ in [] }
        for endpoint in succession.changedPools.lazy.flatMap({ snapshot.pools[$0].endpoints }) {
            endpoints[endpoint] = style.written(snapshot.endpoints[endpoint].name)
            longest = max(longest, endpoints[endpoint].count)
        }
        endpoints.append(none)
    }

    // For -1, what stands for none.

    func route(_ index: Int) -> [UInt8] { routes[index < 0 ? routes.count - 1 : index] }
    func pool(of route: Int, branch: Int) -> [UInt8] {
        let pool = routePools[firstPools[route < 0 ? firstPools.count - 1 : route] + branch]
        return pools[pool < 0 ? pools.count - 1 : pool]
    }
    func endpoint(_ index: Int) -> [UInt8] { endpoints[index < 0 ? endpoints.count - 1 : index] }
}
