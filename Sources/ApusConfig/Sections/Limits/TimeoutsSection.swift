import ApusModel

extension Timeouts: Keyed {
    static let usual = Timeouts()

    static let keys: [SectionKey<Timeouts>] = [
        SectionKey("request_head", \.requestHead, Kind.duration(), "A request's head."),
        SectionKey("idle", \.idle, Kind.duration(), "A client's connection without a request."),
        SectionKey("handshake", \.handshake, Kind.duration(), "A client's PROXY header and TLS handshake."),
        SectionKey("connect", \.connect, Kind.duration(), "One attempt to connect to an endpoint, TLS included."),
        SectionKey("response_head", \.responseHead, Kind.duration(), "Until a response's head is complete."),
        SectionKey("body", \.body, Kind.duration(), "How long a body may make no progress."),
        SectionKey(
            "stream", \.stream, Kind.duration(), "How long a stream of events (`text/event-stream`) may be silent."),
        SectionKey("drain", \.drain, Kind.duration(), "How long requests in flight get when Apus stops."),
        SectionKey(
            "drain_delay", \.drainDelay, Kind.duration(in: Bounds.drainDelays),
            "How long clients are still accepted after the signal to stop, while readiness says no."),
    ]
}
