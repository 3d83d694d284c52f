/// What every setting may be: one bound each, for configuration files and for snapshots built in code, with the few
/// exceptions that say so.
public enum Bounds {
    public static let workers = 1...1024
    /// Of every time limit, interval and pause that has no bound of its own.
    public static let durations: ClosedRange<Duration> = .milliseconds(1) ... .seconds(24 * 3600)
    /// How long clients are still served while readiness says no.
    public static let drainDelays: ClosedRange<Duration> = .zero ... .seconds(3600)
    /// Retry-After.
    public static let retryAfter: ClosedRange<Duration> = .seconds(1) ... .seconds(24 * 3600)
    public static let ticketRotations: ClosedRange<Duration> = .seconds(60) ... .seconds(7 * 24 * 3600)
    public static let watchIntervals: ClosedRange<Duration> = .milliseconds(100) ... .seconds(3600)
    public static let resolveIntervals: ClosedRange<Duration> = .milliseconds(100) ... .seconds(24 * 3600)
    public static let keptRevisions = 1...1000

    // Limits of the proxy. A head must fit into the buffer that every worker reads into.
    public static let headBytes = 1024...65_536
    public static let headFields = 1...100
    public static let responseFields = 1...256
    public static let targetBytes = 64...65_536
    /// Bytes per second. Beyond a mebibyte it would cut off whoever has a slow line.
    public static let minRates = 1...1 << 20
    static let minRatesInCode = 1...1 << 40
    public static let connectionsPerListener = 1...1_000_000
    /// A worker has room for no more.
    public static let requestsPerWorker = 1...1 << 18
    public static let bufferBytesPerWorker = 1 << 20...1 << 40
    /// In code: one head at least.
    static let bufferBytesInCode = headBytes.upperBound...bufferBytesPerWorker.upperBound

    /// Requests on one connection.
    public static let requestsPerConnection = 1...65_535

    // Endpoints, and how they are picked.
    public static let weights = 0...65_535
    /// Nobody has more kinds of backups.
    public static let tiers = 0...15
    public static let subsetSizes = 1...100_000
    public static let overprovisioning = 100...1000
    public static let aggressions: ClosedRange<Double> = 0.1...10
    public static let loadFactors: ClosedRange<Double> = 1.01...100
    public static let ipv4Prefixes = 1...32
    public static let ipv6Prefixes = 1...128
    /// A year and a month, beyond which browsers keep no cookie.
    public static let sessionLifetimes: ClosedRange<Duration> = .seconds(1) ... .seconds(400 * 24 * 3600)
    public static let learnedSessions = 1...10_000_000

    // Health.
    public static let probesInARow = 1...1000
    public static let ports = 1...65_535
    public static let expectedStatuses = 100...599
    public static let failuresInARow = 1...10_000
    public static let deviations: ClosedRange<Double> = 0.1...10
    public static let latencyFactors: ClosedRange<Double> = 1.1...1000
    public static let comparedHosts = 2...100_000
    public static let volumes = 1...1_000_000
    /// A share of something that there must be some of.
    public static let shares = 1...100
    /// A share that may be nothing.
    public static let percentages = 0...100

    // Protection.
    /// Requests and connections that are counted against a limit.
    public static let counts = 1...1_000_000
    /// The same where none is an answer.
    public static let countsOrNone = 0...1_000_000
    public static let breakerWindows: ClosedRange<Duration> = .seconds(1) ... .seconds(3600)
    public static let trials = 1...1000
    public static let attempts = 1...16
    public static let retriedStatuses = 400...599
    public static let keptBodyBytes = 0...16 << 20
    /// The longest pause before a retry; in code, none is one.
    static let backoffsInCode: ClosedRange<Duration> = .zero...durations.upperBound
    public static let tolerances = 1...1000

    // Answers of Apus's own, and routes.
    public static let answeredStatuses = 200...599
    public static let redirectStatuses = [301, 302, 303, 307, 308]
    public static let answeredBodyBytes = 64 << 10
    /// In code, where it is not a text that somebody has to read.
    static let answeredBodyBytesInCode = 1 << 20
    /// Pools of one route at most.
    public static let poolsPerRoute = 1...16
    /// Origins, or patterns of them, whose pages may read a route's responses.
    public static let crossOrigins = 1...256
    /// Filters of one route.
    static let filtersPerRoute = 0...100
    /// Bytes of a list of methods or headers that pages are told, at most.
    public static let crossOriginListBytes = 4_096
    /// How long browsers may remember a preflight's answer: none does for longer.
    public static let preflightAges: ClosedRange<Duration> = .seconds(1) ... .seconds(24 * 3600)

    // The access log.
    public static let samples = 1...1_000_000
    /// RFC 5424 section 6.2.1.
    public static let syslogFacilities = 0...23
    /// RFC 5424 section 6.2.5.
    public static let syslogTagBytes = 1...48
    /// What the system takes (unix(7)).
    public static let socketPathBytes = 2...107
}
