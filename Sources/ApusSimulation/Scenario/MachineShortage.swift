public import ApusModel

/// For some time the balancers' machine has nothing left to open connections with. Those that are open serve on.
public struct MachineShortage: Sendable, Equatable {
    public var shortage: Shortage
    /// The endpoint that cannot be connected to, as an index within the simulated pool, since local ports are counted by the
    /// address that is connected to; nil for all.
    public var endpoint: Int?
    public var at: VirtualTime
    public var until: VirtualTime

    public init(_ shortage: Shortage, endpoint: Int? = nil, at: VirtualTime, until: VirtualTime) {
        self.shortage = shortage
        self.endpoint = endpoint
        self.at = at
        self.until = until
    }

    func holds(_ endpoint: Int, at now: VirtualTime) -> Bool {
        at <= now && now < until && (self.endpoint ?? endpoint) == endpoint
    }

    /// As a line of the timeline says it of the endpoint, or of the pool.
    var text: String { "cannot be connected to for \((until - at).durationText): \(shortage)" }
}

extension Scenario {
    /// What the machine lacks for a connection to the endpoint at that moment.
    func shortage(towards endpoint: Int, at now: VirtualTime) -> Shortage? {
        shortages.first { $0.holds(endpoint, at: now) }?.shortage
    }
}
