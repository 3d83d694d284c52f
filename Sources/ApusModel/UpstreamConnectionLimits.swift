/// Limits on the connections that each worker keeps to each endpoint of a pool.
public struct UpstreamConnectionLimits: Sendable, Equatable {
    /// Idle connections kept for reuse, per worker and endpoint.
    public var maxIdle: Int
    /// How long a connection may stay idle before it is closed.
    public var idleTimeout: Duration
    /// Connections at most, idle and busy, per worker and endpoint. Beyond it the endpoint is not picked.
    public var max: Int

    public init(maxIdle: Int = 512, idleTimeout: Duration = .seconds(60), max: Int = 8192) {
        self.maxIdle = maxIdle
        self.idleTimeout = idleTimeout
        self.max = max
    }
}
