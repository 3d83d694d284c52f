import ApusModel

extension UpstreamConnectionLimits: Keyed {
    static let usual = UpstreamConnectionLimits()

    static let keys: [SectionKey<UpstreamConnectionLimits>] = [
        SectionKey(
            "max_idle", \.maxIdle, Kind.integer(in: Bounds.countsOrNone),
            "Idle connections that each worker keeps to each endpoint."),
        SectionKey("idle", \.idleTimeout, Kind.duration(), "How long a connection may stay idle."),
        SectionKey("max", \.max, Kind.integer(in: Bounds.counts), "Connections of each worker to each endpoint."),
        SectionKey(
            "max_age", \.maxAge, Kind.duration().or("unlimited"),
            "How old a connection may become until it carries no further request."),
        SectionKey(
            "max_requests", \.maxRequests, Kind.integer(in: Bounds.requestsPerConnection).or("unlimited"),
            "Requests that one connection carries."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if let field = written["max_idle"], maxIdle > max {
            findings.warning(
                "`max_idle` is \(maxIdle), but never more than `max` (\(max)) connections are open", at: field.position)
        }
        maxIdle = Swift.min(maxIdle, max)
        if maxIdle == 0 {
            written.warnOfNoEffect(
                ["idle", "max_age", "max_requests"], "with `max_idle: 0`: no connection stays idle", &findings)
        }
    }
}
