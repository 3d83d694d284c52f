import ApusExchange
public import ApusModel

/// A route of which a share of the requests are.
public struct RouteShare: Sendable, Equatable {
    public var route: Route
    /// 0 to 1.
    public var share: Double
    /// How many times the work its requests are to an origin.
    public var work: Double

    public init(_ route: Route, share: Double, work: Double = 1) {
        self.route = route
        self.share = share
        self.work = work
    }
}

/// Clients that do not wait for ever.
public struct Impatience: Sendable, Equatable {
    /// After so many microseconds without an answer they leave.
    public var time: VirtualTime
    /// The share of requests that are theirs, 0 to 1.
    public var share: Double

    public init(time: VirtualTime, share: Double = 1) {
        self.time = time
        self.share = share
    }
}

/// A route as the simulation has it: what a worker knows of it.
struct SimulatedRoute: Sendable {
    let settings: RouteSettings
    /// Nil where the pool's hold.
    let retries: RouteRetries?
    let work: Double
    /// The shares up to and with this one's.
    let end: Double

    /// The routes of a scenario. The first is one that says nothing of its own, and has the requests that no other has.
    static func all(of scenario: Scenario) -> [SimulatedRoute] {
        var parts = RouteParts()
        var end = 0.0
        let plain = RouteShare(Route(name: "*", pool: 0), share: 0)
        return ([plain] + scenario.routes).map { one in
            end += one.share
            return SimulatedRoute(
                settings: RouteSettings(one.route, of: scenario.snapshot, adding: &parts),
                retries: one.route.retries.map(RouteRetries.init), work: one.work, end: end)
        }
    }
}
