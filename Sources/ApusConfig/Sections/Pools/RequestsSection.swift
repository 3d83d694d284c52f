import ApusModel

extension RequestLimits: Keyed {
    static let usual = RequestLimits()

    static let keys: [SectionKey<RequestLimits>] = [
        SectionKey(
            "max_per_endpoint", \.perEndpoint, Kind.integer(in: Bounds.counts).or("unlimited"),
            "Requests in flight on one endpoint."),
        SectionKey(
            "max", \.perPool, Kind.integer(in: Bounds.counts).or("unlimited"), "Requests in flight in the whole pool."),
        SectionKey("queue", \.queue, Kind.switched(example: "{ length: 1000, timeout: 5s }"), "Where requests wait."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if queue != nil, perEndpoint == nil, perPool == nil {
            written.warnOfNoEffect(
                ["queue"], "without a limit that requests wait for; add `max_per_endpoint` or `max`", &findings)
        }
    }
}

extension QueueRules: Keyed {
    static let usual = QueueRules()

    static let keys: [SectionKey<QueueRules>] = [
        SectionKey("length", \.length, Kind.integer(in: Bounds.counts), "Requests that may wait."),
        SectionKey("timeout", \.timeout, Kind.duration(), "How long one may wait."),
        SectionKey("order", \.order, Kind.choice, "Who comes first."),
    ]
}
