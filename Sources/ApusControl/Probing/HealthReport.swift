public import ApusBalancing
public import ApusModel

/// What is known about the health of every pool at one moment, for the admin server and the metrics.
public struct HealthReport: Sendable {
    /// What it is about. Just after a reload it may be one that counters are not there of yet, or the other way round.
    public let snapshot: Snapshot
    /// By index into `snapshot.pools`. Endpoints that are retired come last, and are `draining (removed)`.
    public let pools: [PoolHealth]
    /// What is the matter with the access log; nil for nothing.
    let logTrouble: LogTrouble?
    /// When it was made, by the clock of its times.
    public let now: Int64
    /// Reads its times.
    public let clock: WallClock

    public init(snapshot: Snapshot, pools: [PoolHealth], now: Int64, clock: WallClock) {
        self.init(snapshot: snapshot, pools: pools, logTrouble: nil, now: now, clock: clock)
    }

    init(snapshot: Snapshot, pools: [PoolHealth], logTrouble: LogTrouble?, now: Int64, clock: WallClock) {
        self.snapshot = snapshot
        self.pools = pools
        self.logTrouble = logTrouble
        self.now = now
        self.clock = clock
    }
}

extension EndpointState.Kind {
    /// The value of the label `state` in metrics. Those of 0.1 stay as they were.
    var label: String {
        switch self {
        case .unknown: "unknown"
        case .healthy: "up"
        case .unhealthy: "down"
        case .ejected: "ejected"
        case .draining: "draining"
        }
    }
}
