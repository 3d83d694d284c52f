/// How a request ended, as its client saw it.
public enum Outcome: Sendable, Hashable {
    /// An origin's response was passed on.
    case answered(status: Int)
    /// Apus answered by itself.
    case refused(Refusal)
    /// The client has left before (`client_closed`).
    case left

    /// Whether the client got what it came for.
    public var isSuccess: Bool {
        if case .answered(let status) = self { status < 500 } else { false }
    }
}

/// Why Apus answered by itself: the words of its responses, access log and metrics.
public enum Refusal: String, Sendable, CaseIterable {
    case noHealthyEndpoint = "no_healthy_endpoint"
    case poolSaturated = "pool_saturated"
    case breakerOpen = "breaker_open"
    case queueFull = "queue_full"
    case queueTimeout = "queue_timeout"
    case overloaded
    case connectFailed = "connect_failed"
    case connectTimeout = "connect_timeout"
    case upstreamReset = "upstream_reset"
    case upstreamUnreachable = "upstream_unreachable"
    case responseHeadTimeout = "response_head_timeout"
    case routeSaturated = "route_saturated"
    case portLimit = "port_limit"
    case descriptorLimit = "descriptor_limit"
    case memoryLimit = "memory_limit"
    /// The pool's fallback answered.
    case fallback
}
