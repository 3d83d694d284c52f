/// When so few endpoints of a pool are available that all of them are used.
///
/// A balancer that trusts its health checks to the last endpoint sends it the traffic of the whole pool, and it falls
/// too; and when nearly everything looks down, the checks are more likely wrong than the pool is dead. Envoy does the
/// same under the same name. The data plane and the control plane ask the same rule, so that they always agree.
public struct PanicThreshold: Sendable, Hashable {
    /// Percent of the pool's endpoints, 0 to 100; 0: never.
    public let percent: Int

    public init(percent: Int) { self.percent = percent }

    /// Whether a pool panics of whose `total` endpoints with a weight above 0 so many are available. A pool without such
    /// endpoints never does.
    public func isPanicking(available: Int, of total: Int) -> Bool {
        available * 100 < percent * total
    }
}
