import ApusBalancing

/// A request on its way through one balancer: what a worker keeps of an exchange.
struct SimulatedRequest: Sendable {
    /// Its place in the order of arrivals, from 0.
    let number: Int
    let balancer: Int
    let client: Int
    let arrivedAt: VirtualTime
    /// The work that it is, for an origin as fast as usual, in microseconds.
    let demand: VirtualTime
    let isIdempotent: Bool
    let pick: PickRequest

    var isAdmitted = false
    var tried = TriedEndpoints()
    var attempts = 0
    var staleReplacements = 0
    /// Whether an endpoint that was tried will do for the next attempt.
    var mayReturn = false
    /// Whether an attempt was allowed by the budget, which it must be given back to.
    var holdsBudget = false
    var isQueued = false
    /// The attempts in flight: none, one, or two when it is hedged.
    var first: SlotHandle?
    var hedge: SlotHandle?
    /// When it was last sent to an endpoint.
    var lastSent: VirtualTime = 0
    var lastFailure: Refusal?

    var isInFlight: Bool { first != nil || hedge != nil }

    /// - Parameter wasSent: whether the attempt that failed had been sent.
    func progress(wasSent: Bool) -> RetryPolicy.Progress {
        RetryPolicy.Progress(
            isIdempotent: isIdempotent, wasSent: wasSent, isReplayable: true, attempts: max(1, attempts),
            staleReplacements: staleReplacements)
    }
}

/// One sending of a request to an endpoint.
struct SimulatedAttempt: Sendable {
    enum Fate: Sendable, BitwiseCopyable {
        case pending
        case answered(status: Int)
        case refused
        case reset
    }

    let request: SlotHandle
    let balancer: Int
    let endpoint: Int
    let connection: SlotHandle
    let admitted: VirtualTime
    let demand: VirtualTime
    /// Above 0 and up to 1; an origin that answers a share of requests with errors looks at it.
    let luck: Double
    let isHedge: Bool
    var isConnecting: Bool
    /// When the request was sent, over a connection that was open.
    var sentAt: VirtualTime
    /// Whether the dispatcher was told how it went.
    var isJudged = false
    /// What became of it at the origin.
    var fate = Fate.pending
    /// The balancer waits for it no more.
    var isAbandoned = false
}

/// A connection of one balancer to one origin.
struct SimulatedConnection: Sendable {
    let balancer: Int
    let endpoint: Int
    var isIdle = false
    /// Whether an exchange has ended on it.
    var wasUsed = false
    /// The origin's process that it led to is gone.
    var isDead = false
}
