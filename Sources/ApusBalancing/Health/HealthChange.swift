/// Something that changed in the health of a pool: each is returned exactly once, by the fact that caused it.
public enum HealthChange: Sendable, Hashable {
    case endpoint(EndpointChange)
    case breaker(BreakerTransition)
    case panic(PanicChange)
}

/// An endpoint's state, or whether it may be picked, has changed.
public struct EndpointChange: Sendable, Hashable {
    /// Its index within the pool.
    public let endpoint: Int
    public let before: EndpointState
    public let after: EndpointState
    public let wasAvailable: Bool
    public let isAvailable: Bool
    public let cause: HealthCause

    /// Whether workers must be told.
    public var changesAvailability: Bool { wasAvailable != isAvailable }
    /// It stays out for longer, which is not worth a line.
    public var isExtension: Bool { before.kind == .ejected && after.kind == .ejected }
}

/// Why an endpoint's state changed.
public enum HealthCause: Sendable, Hashable {
    case failures(DownCause)
    case ejection(EjectionCause)
    /// This many probes in a row passed.
    case probesPassed(Int)
    /// A request connected, where nothing is probed.
    case connected
    /// It has answered a request, where it had answered none in time.
    case answered
    /// Its ejection, or without probes its time out of service, is over.
    case timeIsOver
    /// Its ejection ended because the pool had no other endpoint left.
    case nothingElseLeft
    case weight(Int)
    case reload
}

extension HealthCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .failures(let cause): cause.description
        case .ejection(let cause): cause.description
        case .probesPassed(1): "a probe passed"
        case .probesPassed(let count): "\(count) of \(count) probes passed"
        case .connected: "a request connected"
        case .answered: "it answers again"
        case .timeIsOver: "its time out of service is over, and requests will tell"
        case .nothingElseLeft: "no other endpoint of the pool is left"
        case .weight(let weight): "weight \(weight)"
        case .reload: "the configuration has changed"
        }
    }
}

/// A circuit breaker has changed: for the log, and for the workers that have not seen it themselves.
public struct BreakerTransition: Sendable, Hashable {
    public let owner: BreakerOwner
    public let before: BreakerStatus
    public let after: BreakerStatus

    /// Whether it has only been found to stay open for longer: of interest to the workers, and no news to people.
    public var isExtension: Bool { before.kind == .open && before.openings == after.openings && after.kind == .open }
}

/// Whose circuit breaker, within a pool.
public enum BreakerOwner: Sendable, Hashable {
    /// An endpoint's, by its index within the pool.
    case endpoint(Int)
    case pool
}

/// The pool has begun or ceased to use all of its endpoints, whatever their health.
public struct PanicChange: Sendable, Hashable {
    public let isPanicking: Bool
    /// Endpoints with a weight above 0 that are available, and all of them.
    public let available: Int
    public let total: Int
}
