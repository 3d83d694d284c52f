import ApusBalancing
import ApusExchange
import ApusModel

/// Watches a simulation as it goes: how the tests check what must always hold. Costs nothing where it is not used.
protocol SimulationObserver: Sendable {
    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime)
}

/// Something that an observer sees. Endpoints are indices within the pool; requests are named by their number.
enum SimulatedMoment: Sendable {
    case arrived(request: Int, balancer: Int, route: Int)
    /// It was let in: what arrived is either this, or ended.
    case letIn(request: Int, balancer: Int)
    case attemptStarted(SimulatedStart)
    case attemptEnded(request: Int, balancer: Int, endpoint: Int, admitted: VirtualTime, wasJudged: Bool)
    /// What became of an attempt, before anybody has drawn conclusions.
    case fact(SimulatedFact)
    /// What was sent to an origin did not get there. Nil: nobody waits for it any more.
    case lost(request: Int?)
    /// What became of a probe; nil for a good one.
    case probed(balancer: Int, endpoint: Int, CheckFailure?)
    /// The client has closed its connection, before it was answered.
    case clientLeft(request: Int, balancer: Int)
    case waits(request: Int, balancer: Int)
    case waitsNoMore(request: Int, balancer: Int)
    /// The budget allowed a retry or a hedge, which is over some time after.
    case budgeted(request: Int, balancer: Int)
    case budgetReturned(request: Int, balancer: Int)
    /// A worker's breaker changed: an endpoint's, or the pool's (nil).
    case breaker(balancer: Int, endpoint: Int?, BreakerState)
    /// A control plane's decisions, all that one fact led to.
    case decided(balancer: Int, [HealthChange])
    /// A worker was told whether an endpoint may be picked.
    case availability(balancer: Int, endpoint: Int, isAvailable: Bool)
    case ended(request: Int, balancer: Int, Outcome)
}

/// The beginning of an attempt, as an observer sees it.
struct SimulatedStart: Sendable {
    var request: Int
    var balancer: Int
    var endpoint: Int
    /// Whether a connection that had gone stale is replaced, at the same endpoint.
    var isReplacement: Bool
    /// Whether the request belongs to a session of the endpoint.
    var isSession: Bool
    /// Whether the worker says that its pool panics.
    var isPanicking: Bool
}

/// What happened to an attempt.
struct SimulatedFact: Sendable {
    enum Kind: Sendable {
        case answered(status: Int)
        case notConnected(ConnectFailure)
        case broke
        /// It had no answer in time, or not by the time at which it was looked at.
        case late
    }

    var kind: Kind
    var request: Int
    var balancer: Int
    var endpoint: Int
    /// The request's route, an index into the simulation's.
    var route: Int
    /// When the request was sent.
    var sent: VirtualTime
}

extension Simulation {
    /// Something happened to the current attempt of the request.
    mutating func observe(_ kind: SimulatedFact.Kind, _ x: SlotHandle) {
        let request = requests[x]
        observer.saw(
            .fact(
                SimulatedFact(
                    kind: kind, request: request.number, balancer: request.balancer,
                    endpoint: Int(request.visit.current.endpoint), route: request.route,
                    sent: request.visit.current.started)), at: now)
    }
}

/// Sees nothing.
struct NoObserver: SimulationObserver {
    @inline(__always)
    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime) {}
}
