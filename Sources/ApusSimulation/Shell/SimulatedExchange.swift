import ApusExchange
import ApusHTTP

/// A request on its way through one balancer: what a worker keeps of an exchange.
struct SimulatedRequest: Sendable {
    /// Its place in the order of arrivals, from 0.
    let number: Int
    let balancer: Int
    let client: Int
    let arrivedAt: VirtualTime
    /// The work that it is, for an origin as fast as usual, in microseconds.
    let demand: VirtualTime
    /// Its route, an index into the simulation's.
    let route: Int
    /// What is known of it, and what follows from facts.
    var state: ExchangeState
    /// It counts among its route's requests in flight.
    var isCountedOnRoute = false
    /// When a response must have begun; `.max` while nothing was sent.
    var headDue = VirtualTime.max
    /// When the attempt is looked at, if it is not answered by then.
    var lookDue = VirtualTime.max

    /// Its stay in the pool.
    var visit: PoolVisit {
        get { state.visit }
        _modify { yield &state.visit }
    }

    var visitRequest: PoolVisit.Request {
        PoolVisit.Request(
            isSafe: state.method.isSafe, isRepeatable: state.isRepeatable, isReplayable: state.isReplayable,
            isKept: true)
    }
}

/// One sending of a request to an endpoint, as far as the origin has to do with it.
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
    let demand: VirtualTime
    /// Above 0 and up to 1; an origin that answers a share of requests with errors looks at it.
    let luck: Double
    var isConnecting: Bool
    /// When the connection must have been made.
    var connectDue = VirtualTime.max
    /// What became of it at the origin.
    var fate = Fate.pending
    /// What was sent did not get there: nothing acknowledges it.
    var isLost = false
    /// The balancer waits for it no more.
    var isAbandoned = false
}

/// A connection of one balancer to one origin.
struct SimulatedConnection: Sendable {
    let balancer: Int
    let endpoint: Int
    /// What it is used by, or was last.
    var attempt: SlotHandle?
    var isIdle = false
    /// Whether an exchange has ended on it.
    var wasUsed = false
    /// The origin's process that it led to is gone.
    var isDead = false
}
