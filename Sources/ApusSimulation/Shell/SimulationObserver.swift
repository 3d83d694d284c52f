import ApusBalancing
import ApusModel

/// Watches a simulation as it goes: how the tests check what must always hold. Costs nothing where it is not used.
protocol SimulationObserver: Sendable {
    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime)
}

/// Something that an observer sees. Endpoints are indices within the pool; requests are named by their number.
enum SimulatedMoment: Sendable {
    case arrived(request: Int, balancer: Int)
    /// The balancer's worker was told whether the endpoint may be picked.
    case availability(balancer: Int, endpoint: Int, isAvailable: Bool)
    /// The control plane has so many endpoints ejected.
    case ejected(balancer: Int, count: Int)
    /// `isSession`: the request belongs to a session of this endpoint. `isReturning`: it had been tried before.
    case chosen(request: Int, balancer: Int, endpoint: Int, isPanicking: Bool, isSession: Bool)
    /// So many attempts of the balancer are in flight on the endpoint, this one included.
    case attemptStarted(request: Int, balancer: Int, endpoint: Int, inFlight: Int, isBudgeted: Bool, isFirst: Bool)
    case attemptEnded(request: Int, balancer: Int, endpoint: Int, isBudgeted: Bool)
    case waits(request: Int, balancer: Int)
    case waitedEnough(request: Int, balancer: Int)
    case breaker(balancer: Int, endpoint: Int?, BreakerState)
    case ended(request: Int, balancer: Int, Outcome)
}

/// Sees nothing.
struct NoObserver: SimulationObserver {
    @inline(__always)
    mutating func saw(_ moment: SimulatedMoment, at now: VirtualTime) {}
}
