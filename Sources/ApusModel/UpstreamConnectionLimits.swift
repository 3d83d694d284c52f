/// Limits on the connections that each worker keeps to each endpoint of a pool.
public struct UpstreamConnectionLimits: Sendable, Equatable {
    /// Idle connections kept for reuse, per worker and endpoint.
    public var maxIdle: Int
    /// How long a connection may stay idle before it is closed.
    public var idleTimeout: Duration
    /// Connections at most, idle and busy, per worker and endpoint. Beyond it the endpoint is not picked.
    public var max: Int

    /// How old a connection may become: after that it carries no further request; nil for any age.
    public var maxAge: Duration?
    /// Requests that one connection carries at most; nil for any number.
    public var maxRequests: Int?

    public init(
        maxIdle: Int = 512, idleTimeout: Duration = .seconds(60), max: Int = 8192, maxAge: Duration? = nil,
        maxRequests: Int? = nil
    ) {
        self.maxIdle = maxIdle
        self.idleTimeout = idleTimeout
        self.max = max
        self.maxAge = maxAge
        self.maxRequests = maxRequests
    }
}
