public import ApusModel

/// What an attempt changed that others should know: the control plane, and through it the other workers.
public struct AttemptReport: Sendable {
    /// The endpoint's breaker changed to this, for that cause.
    public var endpointBreaker: BreakerState?
    public var endpointCause: BreakerCause?
    /// The pool's breaker changed to this, for that cause.
    public var poolBreaker: BreakerState?
    public var poolCause: BreakerCause?
    /// The endpoint has failed as often in a row as its pool bears.
    public var failedInARow: (kind: ConsecutiveFailure, count: Int)?
    /// The endpoint has answered, of which was told that it answers nobody in time.
    public var answersAgain = false

    @inlinable
    public init() {}

    @inlinable
    public var isEmpty: Bool {
        endpointBreaker == nil && poolBreaker == nil && failedInARow == nil && !answersAgain
    }
}
