/// The time limits of the proxy.
public struct Timeouts: Sendable, Equatable {
    /// From the first byte of a request head to its last (408 after it).
    public var requestHead: Duration
    /// How long a client connection may stay open without a request.
    public var idle: Duration
    /// For a client's TLS handshake, and the header of the PROXY protocol before it, from the accept on.
    public var handshake: Duration
    /// For one attempt to connect to an endpoint, a TLS handshake included.
    public var connect: Duration
    /// From the request's last byte to the response head's last (504 after it).
    public var responseHead: Duration
    /// Without progress of a request or response body.
    public var body: Duration
    /// Between two parts of a response that is a stream of events (`text/event-stream`), which may be silent for long.
    public var stream: Duration
    /// From the signal to stop until connections that are still busy are cut.
    public var drain: Duration
    /// From the signal to stop until no more clients are accepted: meanwhile readiness says no, and whoever sends
    /// clients here has time to notice.
    public var drainDelay: Duration

    public init(
        requestHead: Duration = .seconds(10), idle: Duration = .seconds(75),
        handshake: Duration = .seconds(10), connect: Duration = .seconds(3),
        responseHead: Duration = .seconds(30), body: Duration = .seconds(30), stream: Duration = .seconds(3600),
        drain: Duration = .seconds(30), drainDelay: Duration = .zero
    ) {
        self.requestHead = requestHead
        self.idle = idle
        self.handshake = handshake
        self.connect = connect
        self.responseHead = responseHead
        self.body = body
        self.stream = stream
        self.drain = drain
        self.drainDelay = drainDelay
    }
}
