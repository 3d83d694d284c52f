/// What a simulation counted.
public struct Statistics: Sendable {
    /// What one endpoint had to do with it, seen from the balancers.
    public struct Endpoint: Sendable {
        /// Attempts that were sent to it.
        public var attempts = 0
        /// Those that it answered with 500 or above, or not at all.
        public var errors = 0
        /// Those after which the request was sent again.
        public var retries = 0
        /// From the beginning of an attempt to the beginning of its response, in microseconds.
        public var latency = Histogram()
    }

    public internal(set) var endpoints: [Endpoint]
    public internal(set) var requests = 0
    /// Requests that ended without an answer below 500.
    public internal(set) var errors = 0
    /// Answers of 500 and above that were passed on.
    public internal(set) var errorAnswers = 0
    public internal(set) var refusals: [Refusal: Int] = [:]
    /// Requests whose clients left before they were answered.
    public internal(set) var left = 0
    public internal(set) var retries = 0
    /// Retries that only the budget forbade.
    public internal(set) var deniedRetries = 0
    public internal(set) var hedges = 0
    public internal(set) var hedgesWon = 0
    /// Requests that waited for an endpoint before they were sent.
    public internal(set) var queued = 0
    /// Attempts that were left since nothing of what was sent was acknowledged.
    public internal(set) var unreachable = 0
    /// Attempts for which this machine lacked something.
    public internal(set) var shortages = 0
    /// Attempts that were sent to an endpoint while the pool panicked.
    public internal(set) var panicPicks = 0
    /// From a request's arrival to its answer, whoever gave it, in microseconds.
    public internal(set) var latency = Histogram()
    public internal(set) var changes: [StateChange] = []
    public internal(set) var series: Series
    /// Events that the simulation went through.
    public internal(set) var events = 0

    init(endpoints: Int, duration: VirtualTime) {
        self.endpoints = Array(repeating: Endpoint(), count: endpoints)
        series = Series(endpoints: endpoints, duration: duration)
    }

    /// Attempts of all endpoints.
    public var attempts: Int { endpoints.reduce(0) { $0 + $1.attempts } }

    mutating func attemptStarted(_ endpoint: Int) {
        endpoints[endpoint].attempts += 1
        series.attemptStarted(endpoint)
    }

    mutating func requestEnded(_ outcome: Outcome, after latency: VirtualTime) {
        self.latency.record(latency)
        series.requestEnded(after: latency, isError: !outcome.isSuccess)
        guard !outcome.isSuccess else { return }
        errors += 1
        switch outcome {
        case .answered: errorAnswers += 1
        case .refused(let refusal): refusals[refusal, default: 0] += 1
        case .left: left += 1
        }
    }
}

/// A line of the timeline: a change of state, or something that was done to an origin.
public struct StateChange: Sendable, Equatable {
    public var at: VirtualTime
    /// The balancer that decided it, from 0; nil for what happened to an origin.
    public var balancer: Int?
    /// The endpoint; nil for the pool.
    public var endpoint: Int?
    public var text: String
}
