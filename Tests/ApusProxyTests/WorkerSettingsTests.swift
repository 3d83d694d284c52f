import ApusAddresses
import ApusExchange
import ApusModel
import ApusRouting
import Testing

@testable import ApusProxy

/// What workers read of routes is made again only if something of it has changed.
@Suite struct WorkerSettingsTests {
    private static let snapshot = Snapshot(
        workers: 1, listeners: [Listener(name: "l", bind: SocketAddress(ip: .anyIPv4, port: 0), routes: 0..<2)],
        routes: [
            Route(name: "a", path: .exact([UInt8(ascii: "/")]), pool: 0),
            Route(name: "b", match: RouteMatch(), action: .respond(FixedResponse())),
        ],
        pools: [Pool(name: "p", endpoints: 0..<1)],
        endpoints: [Endpoint(name: "e", address: SocketAddress(ip: .anyIPv4, port: 1), pool: 0)])

    /// Where the tables of routes are: the same places are the same tables.
    private func places(_ settings: WorkerSettings) -> [UnsafeRawPointer?] {
        [
            settings.rules.routes.withUnsafeBytes(\.baseAddress),
            settings.rules.routePaths.withUnsafeBytes(\.baseAddress),
            settings.routeRetries.withUnsafeBytes(\.baseAddress), settings.routeAnswers.withUnsafeBytes(\.baseAddress),
        ]
    }

    @Test func aChangeOfEndpointsKeepsWhatIsSaidOfRoutes() {
        let old = WorkerSettings(Self.snapshot, listenerAddress: [])
        var pools = Self.snapshot.pools
        pools[0].endpoints = 0..<2
        let added = Self.snapshot.replacing(
            pools: pools, endpoints: [Self.snapshot.endpoints[0], Self.snapshot.endpoints[0]])
        let new = WorkerSettings(added, listenerAddress: [], keeping: old)
        #expect(places(new) == places(old) && new.endpointPool == [0, 0])
    }

    /// A reload that removed a route leaves it behind the others, until nobody uses it.
    @Test func whatIsNoMoreIsNoReasonToMakeTheRest() {
        let next = Snapshot(
            workers: 1,
            listeners: [Listener(name: "l", bind: Self.snapshot.listeners[0].bind, routes: 0..<1)],
            routes: [Self.snapshot.routes[0]], pools: Self.snapshot.pools, endpoints: Self.snapshot.endpoints)
        let merged = Succession(from: Self.snapshot, to: next).snapshot
        #expect(merged.routes.map(\.name) == ["a", "b"] && merged.routing !== next.routing)
        let old = WorkerSettings(merged, listenerAddress: [])
        let gone = Succession(from: merged, to: next, census: Census()).snapshot
        #expect(gone.routing === next.routing)
        #expect(places(WorkerSettings(gone, listenerAddress: [], keeping: old)) == places(old))
        // But not the other way round.
        let short = WorkerSettings(next, listenerAddress: [])
        #expect(WorkerSettings(merged, listenerAddress: [], keeping: short).rules.routes.count == 2)
    }

    @Test func whatRoutesLeaveOpenIsFilledInAnew() {
        let snapshot = Self.snapshot
        let old = WorkerSettings(snapshot, listenerAddress: [])
        let slower = Snapshot(
            workers: 1, listeners: snapshot.listeners, routes: snapshot.routes, pools: snapshot.pools,
            endpoints: snapshot.endpoints, timeouts: Timeouts(connect: .seconds(77)), sharing: snapshot)
        #expect(slower.routing === snapshot.routing)
        let new = WorkerSettings(slower, listenerAddress: [], keeping: old)
        #expect(new.rules.routes[0].connect == 77_000_000 && places(new) != places(old))
        var limits = snapshot.limits
        limits.bodyBytes = 1_234
        let narrower = Snapshot(
            workers: 1, listeners: snapshot.listeners, routes: snapshot.routes, pools: snapshot.pools,
            endpoints: snapshot.endpoints, limits: limits, sharing: snapshot)
        #expect(WorkerSettings(narrower, listenerAddress: [], keeping: old).rules.routes[0].bodyLimit == 1_234)
    }
}
