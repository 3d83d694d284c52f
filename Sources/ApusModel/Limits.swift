/// The size limits of the proxy.
public struct Limits: Sendable, Equatable {
    /// Bytes of a request or response head, its final blank line included (431, or 502 for an origin). At most 64 KiB.
    public var headBytes: Int
    /// Field lines of a request's head or of its trailers (431). At most 100.
    public var headFields: Int
    /// Field lines of a response's head or of its trailers (502). At most 256.
    public var responseFields: Int
    /// Bytes of a request target (414).
    public var targetBytes: Int
    /// Bytes of a request body, without its framing (413); nil for no limit.
    public var bodyBytes: Int?
    /// Bytes per second that a body must make on average over `rateWindow`, while it waits for a client, or for an origin
    /// that has said how long it is; nil for any.
    public var minRate: Int?
    public var rateWindow: Duration
    /// Open client connections per listener, over all workers. Beyond it new ones are answered 503 and closed.
    public var connectionsPerListener: Int
    /// Requests under way at one worker, whatever connections they came on. Beyond it new ones are answered 503.
    public var requestsPerWorker: Int
    /// How old a client's connection may become: the response after that ends it; nil for any age.
    public var connectionAge: Duration?
    /// Requests on one client's connection at most: the last response ends it; nil for any number.
    public var connectionRequests: Int?
    /// Bytes of buffers that one worker may have in use. Beyond it new requests are answered 503.
    public var bufferBytesPerWorker: Int

    public init(
        headBytes: Int = 65_536, headFields: Int = 100, responseFields: Int = 256, targetBytes: Int = 8_192,
        bodyBytes: Int? = nil, minRate: Int? = 240, rateWindow: Duration = .seconds(60),
        connectionsPerListener: Int = 10_000, requestsPerWorker: Int = 100_000,
        connectionAge: Duration? = nil, connectionRequests: Int? = nil, bufferBytesPerWorker: Int = 256 << 20
    ) {
        self.headBytes = headBytes
        self.headFields = headFields
        self.responseFields = responseFields
        self.targetBytes = targetBytes
        self.bodyBytes = bodyBytes
        self.minRate = minRate
        self.rateWindow = rateWindow
        self.connectionsPerListener = connectionsPerListener
        self.requestsPerWorker = requestsPerWorker
        self.connectionAge = connectionAge
        self.connectionRequests = connectionRequests
        self.bufferBytesPerWorker = bufferBytesPerWorker
    }
}
