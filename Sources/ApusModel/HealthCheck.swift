/// How a pool's endpoints are probed.
public struct HealthCheck: Sendable, Equatable {
    public enum Probe: Sendable, Equatable {
        /// No active checks: endpoints are taken to be up.
        case none
        /// Up when a TCP connection is accepted.
        case tcp
        /// Up when a TCP connection is accepted and what is sent is answered as expected.
        case tcpExchange(send: [UInt8], expect: [UInt8])
        /// Up when an HTTP request is answered as expected.
        case http(HTTPProbe)

        /// Up when `GET path` is answered with 200...399.
        public static func http(path: String) -> Probe { .http(HTTPProbe(path: path)) }
    }

    public var probe: Probe
    /// Time between the probes of one endpoint; each is moved by up to a tenth of it so that probes spread out.
    public var interval: Duration
    /// The interval while an endpoint is down, ejected or not known yet; nil for what `pauseWhileDown` says.
    public var downInterval: Duration?
    /// How long a probe may take before it counts as failed.
    public var timeout: Duration
    /// Consecutive successes that bring an endpoint that is down back up.
    public var rise: Int
    /// Consecutive failures that take an endpoint that is up down. Connect failures of requests count too.
    public var fall: Int
    /// Where endpoints are probed, if not where requests are sent.
    public var port: UInt16?
    /// Whether probes speak TLS where the pool does.
    public var speaksTLS = true

    public init(
        probe: Probe = .tcp, interval: Duration = .seconds(5), downInterval: Duration? = nil,
        timeout: Duration = .seconds(2), rise: Int = 2, fall: Int = 3, port: UInt16? = nil
    ) {
        self.probe = probe
        self.interval = interval
        self.downInterval = downInterval
        self.timeout = timeout
        self.rise = rise
        self.fall = fall
        self.port = port
    }
}

extension HealthCheck {
    /// Whether a probe of this check and one of the other say the same of an endpoint.
    public func probesAlike(_ other: HealthCheck) -> Bool {
        probe == other.probe && port == other.port && timeout == other.timeout && speaksTLS == other.speaksTLS
    }

    /// What an endpoint that is ejected is asked, and a few times before it is, to learn whether it answers that. Where a connection is all that the check asks for, an HTTP request comes
    /// with it: the kernel of an origin that hangs or resets requests accepts connections in its name. Any answer will do
    /// that comes within a second, but one of a gateway that does not reach what it needs. A port of the check's own may speak
    /// anything.
    public var ofTheEjected: HealthCheck {
        guard probe == .tcp, port == nil else { return self }
        var check = self
        check.timeout = min(timeout, .seconds(1))
        check.probe = .http(HTTPProbe(method: "HEAD", path: "/", statuses: [100...501, 503...503, 505...999]))
        return check
    }

    /// The time from probe to probe of an endpoint that is out of use, among so many that are probed: half a second, or
    /// what makes a thousand probes a second if all of them are; no more than `interval`.
    public func pauseWhileDown(among count: Int) -> Duration {
        downInterval ?? min(interval, max(.milliseconds(500), .milliseconds(count)))
    }
}

/// The request of an HTTP health check, and which answers are good.
public struct HTTPProbe: Sendable, Equatable {
    public var method: String
    public var path: String
    /// The value of Host; nil for the endpoint's address.
    public var host: String?
    public var headers: [Header]
    /// Statuses that are good.
    public var statuses: [ClosedRange<Int>]
    /// What a good response's body contains, within its first 64 KiB; nil if the body is not looked at.
    public var bodyContains: String?

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(
        method: String = "GET", path: String, host: String? = nil, headers: [Header] = [],
        statuses: [ClosedRange<Int>] = [200...399], bodyContains: String? = nil
    ) {
        self.method = method
        self.path = path
        self.host = host
        self.headers = headers
        self.statuses = statuses
        self.bodyContains = bodyContains
    }
}

/// When an endpoint is taken out of service for how it answers requests, and for how long.
///
/// What a client can provoke by an odd request is no failure: a 501 or 505, or any status below 500.
public struct OutlierRules: Sendable, Equatable {
    /// Failures in a row: a status of 500 or above, gateway errors included; nil: not looked at.
    public var consecutive5xx: Int?
    /// Gateway errors in a row: 502, 504, no connection, no response, no response in time; nil: not looked at.
    public var consecutiveGatewayErrors: Int?
    /// How many standard deviations below the pool's mean an endpoint's success rate may be; nil: not looked at.
    public var successRateDeviations: Double?
    /// How many times the median of the pool's mean latencies an endpoint's may be; nil: not looked at.
    public var latencyFactor: Double?
    /// Endpoints that must have had `minimumVolume` requests in an interval for rates and latencies to be compared.
    public var minimumHosts: Int
    public var minimumVolume: Int
    /// How often rates and latencies are compared.
    public var interval: Duration
    /// The first ejection's length; each further one is longer by as much, up to `maximumEjection`.
    public var baseEjection: Duration
    public var maximumEjection: Duration
    /// Percent of the pool's endpoints that may be ejected at once; one is always left, and one may always be ejected.
    public var maximumEjectedPercent: Int
    /// Whether `rise` successful probes in a row end an ejection early.
    public var returnsOnProbe: Bool

    public init(
        consecutive5xx: Int? = nil, consecutiveGatewayErrors: Int? = 5, successRateDeviations: Double? = nil,
        latencyFactor: Double? = nil, minimumHosts: Int = 5, minimumVolume: Int = 100,
        interval: Duration = .seconds(10), baseEjection: Duration = .seconds(30),
        maximumEjection: Duration = .seconds(300), maximumEjectedPercent: Int = 50, returnsOnProbe: Bool = false
    ) {
        self.consecutive5xx = consecutive5xx
        self.consecutiveGatewayErrors = consecutiveGatewayErrors
        self.successRateDeviations = successRateDeviations
        self.latencyFactor = latencyFactor
        self.minimumHosts = minimumHosts
        self.minimumVolume = minimumVolume
        self.interval = interval
        self.baseEjection = baseEjection
        self.maximumEjection = maximumEjection
        self.maximumEjectedPercent = maximumEjectedPercent
        self.returnsOnProbe = returnsOnProbe
    }
}

/// What answers when a pool has no endpoint for a request.
public enum Fallback: Sendable, Equatable {
    /// Another pool, as an index into `Snapshot.pools`.
    case pool(Int)
    case response(FallbackResponse)
}

/// A response that Apus gives by itself when a pool has no endpoint for a request.
public struct FallbackResponse: Sendable, Equatable {
    /// 200 to 599.
    public var status: Int
    public var contentType: String
    public var body: [UInt8]
    /// Retry-After, in whole seconds; nil for none.
    public var retryAfter: Duration?

    public init(
        status: Int = 503, contentType: String = "text/plain; charset=utf-8", body: [UInt8] = [],
        retryAfter: Duration? = nil
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.retryAfter = retryAfter
    }
}
