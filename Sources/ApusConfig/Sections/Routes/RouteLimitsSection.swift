import ApusModel

extension RouteTimeouts: Keyed {
    static let usual = RouteTimeouts()

    static let keys: [SectionKey<RouteTimeouts>] = [
        SectionKey(
            "connect", \.connect, Kind.duration().ifWritten, "One attempt to connect to an endpoint.",
            usually: "what `timeouts` says"),
        SectionKey(
            "response_head", \.responseHead, Kind.duration().ifWritten, "Until the response's head is complete.",
            usually: "what `timeouts` says"),
        SectionKey(
            "body", \.body, Kind.duration().ifWritten, "How long a body may make no progress.",
            usually: "what `timeouts` says"),
        SectionKey(
            "stream", \.stream, Kind.duration().ifWritten, "How long a stream of events may be silent.",
            usually: "what `timeouts` says"),
    ]
}

extension RouteLimits: Keyed {
    static let usual = RouteLimits()

    static let keys: [SectionKey<RouteLimits>] = [
        SectionKey(
            "body", \.bodyBytes, LimitsSection.bodyBytes.or("unlimited", meaning: .max).ifWritten,
            "Bytes of a request's body.", usually: "what `limits` says"),
        SectionKey(
            "min_rate", \.minRate, LimitsSection.rate.or("off", meaning: 0).ifWritten,
            "Bytes per second that a body makes at least.", usually: "what `limits` says"),
        SectionKey(
            "requests", \.requests, Kind.integer(in: Bounds.counts).or("unlimited"), "Requests in flight.",
            usually: "unlimited"
        ).told { $0.requests != nil },
    ]
}
