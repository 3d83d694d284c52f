public import ApusModel

/// The connections that one worker keeps to one endpoint: which to reuse, when to open another, which to keep.
///
/// It decides and counts; the worker opens, closes and times. Connections are named by a handle of the worker's choice,
/// which this type only gives back. A connection is counted from the `.connect` that asks for it (as busy) until a
/// method answers `.close` or is told that it is gone; every method says which.
///
/// The connection used last is reused first: it is the one most likely to be alive, and those that a quiet time makes
/// superfluous stay idle long enough to expire. Nothing is allocated once the idle list has reached its usual length.
public struct UpstreamConnectionPool: Sendable {
    /// How an exchange gets a connection.
    public enum LeaseAction: Sendable, Hashable {
        /// Use this idle connection; it is busy now.
        case reuse(Int32)
        /// Open one; it counts as busy already. If that fails, say `connectFailed`.
        case connect
        /// Nothing: the limit is reached, or the endpoint is being retired.
        case refuse
    }

    /// What becomes of a connection whose exchange is over.
    public enum ReleaseAction: Sendable, Hashable {
        /// Keep it open; it is idle now. Its idle time begins.
        case keep
        /// Close it; it is no longer counted.
        case close
    }

    public private(set) var limits: UpstreamConnectionLimits
    /// Connections in use by exchanges, and those being opened.
    public private(set) var busyCount = 0
    /// Whether `retire` was called.
    public private(set) var isRetired = false
    /// The one released last is at the end.
    private var idle: [Int32] = []

    public init(_ limits: UpstreamConnectionLimits) {
        self.limits = limits
        // A busy endpoint's list grows to its length once; one that never sees traffic should not pay for it.
        idle.reserveCapacity(min(limits.maxIdle, 16))
    }

    /// Connections open and free to be reused.
    public var idleCount: Int { idle.count }
    /// Connections open or being opened.
    public var totalCount: Int { busyCount + idle.count }
    /// Whether `lease` would refuse.
    public var isSaturated: Bool { isRetired || (idle.isEmpty && busyCount >= limits.max) }

    // MARK: - Leases

    /// A connection for an exchange, one that is open if possible.
    public mutating func lease() -> LeaseAction {
        guard !isRetired, let handle = idle.popLast() else { return leaseFresh() }
        busyCount += 1
        return .reuse(handle)
    }

    /// A connection that nobody has used before: for repeating a request that a reused connection has failed.
    public mutating func leaseFresh() -> LeaseAction {
        guard !isRetired, totalCount < limits.max else { return .refuse }
        busyCount += 1
        return .connect
    }

    /// A connection asked for by `.connect` could not be opened. It is no longer counted.
    public mutating func connectFailed() {
        endBusy()
    }

    /// The exchange on the connection is over.
    ///
    /// - Parameter isReusable: whether both sides are at the start of a new message and neither asked to close.
    public mutating func released(_ handle: Int32, isReusable: Bool) -> ReleaseAction {
        endBusy()
        guard isReusable, !isRetired, idle.count < limits.maxIdle, totalCount < limits.max else { return .close }
        idle.append(handle)
        return .keep
    }

    // MARK: - Endings

    /// The connection is gone: closed by the origin or broken. It is no longer counted. Looking for one that was idle
    /// costs a step per idle connection.
    public mutating func closed(_ handle: Int32, whileIdle: Bool) {
        guard whileIdle else { return endBusy() }
        removeIdle(handle)
    }

    /// The idle time-out of the connection has passed: close it. It is no longer counted.
    public mutating func idleExpired(_ handle: Int32) {
        removeIdle(handle)
    }

    /// Ends the endpoint's use: the idle connections are returned to be closed and no longer counted; busy ones are
    /// closed as they are released; no lease is given from now on.
    public mutating func retire() -> [Int32] {
        isRetired = true
        defer { idle = [] }
        return idle
    }

    /// Goes by other limits from now on. One that was retired is in use again.
    ///
    /// - Returns: the idle connections that are too many now, those first that have been idle for the longest: to be
    ///   closed, and no longer counted. Busy ones are closed as they are released where they are too many.
    public mutating func adopt(_ limits: UpstreamConnectionLimits) -> [Int32] {
        self.limits = limits
        isRetired = false
        let surplus = max(idle.count - limits.maxIdle, min(idle.count, totalCount - limits.max), 0)
        defer { idle.removeFirst(surplus) }
        return Array(idle.prefix(surplus))
    }

    private mutating func endBusy() {
        precondition(busyCount > 0, "a connection ended that was not busy")
        busyCount -= 1
    }

    private mutating func removeIdle(_ handle: Int32) {
        // From the front: the connections idle longest are there, and they are the ones that end.
        guard let index = idle.firstIndex(of: handle) else {
            preconditionFailure("connection \(handle) ended as idle, but was not idle")
        }
        idle.remove(at: index)
    }
}
