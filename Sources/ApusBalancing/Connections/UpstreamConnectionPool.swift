public import ApusModel

/// The connections that one worker keeps to one endpoint: which to reuse, when to open another, which to keep.
///
/// It decides and counts; the worker opens, closes and times. Connections are named by a handle of the worker's choice,
/// which this type only gives back. A connection is counted from the `.connect` that asks for it (as busy) until a
/// method answers `.close` or is told that it is gone; every method says which.
///
/// A lease is a whole connection, or a stream of one: where a connection's protocol carries several exchanges at once
/// (`carries`), others begin on it while it has room.
///
/// The connection used last is reused first: it is the one most likely to be alive, and those that a quiet time makes
/// superfluous stay idle long enough to expire. Nothing is allocated once the idle list has reached its usual length.
public struct UpstreamConnectionPool: Sendable {
    /// How an exchange gets a connection.
    public enum LeaseAction: Sendable, Hashable {
        /// Use this idle connection; it is busy now.
        case reuse(Int32)
        /// Begin another exchange on this busy connection, as a stream of it.
        case share(Int32)
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
        /// Leave it as it is: other exchanges are on it.
        case stays
    }

    /// A connection that is free to be reused.
    private struct Idle: Sendable {
        let handle: Int32
        /// When it was used last, in microseconds of the caller's clock.
        let since: Int64
    }

    /// How long a connection may have been idle, in microseconds, to be trusted with a request that may not be repeated:
    /// the longer, the likelier that its origin is just closing it.
    public static let trustedIdleTime: Int64 = 1_000_000

    /// A busy connection that carries several exchanges at once.
    private struct Shared: Sendable {
        let handle: Int32
        /// Exchanges on it.
        var streams: Int
        /// Exchanges that it may carry; 0 when none is begun on it any more.
        var limit: Int
    }

    public private(set) var limits: UpstreamConnectionLimits
    /// Connections in use by exchanges, and those being opened.
    public private(set) var busyCount = 0
    /// Whether `retire` was called.
    public private(set) var isRetired = false
    /// The one released last is at the end.
    private var idle: [Idle] = []
    /// The oldest first. There are few, since each carries many exchanges.
    private var shared: [Shared] = []

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
    public var isSaturated: Bool {
        isRetired || (idle.isEmpty && busyCount >= limits.max && !shared.contains { $0.streams < $0.limit })
    }

    // MARK: - Leases

    /// A connection for an exchange, one that is open if possible.
    ///
    /// - Parameter since: of those that are idle, only one that was used since then will do, unless there may be no other;
    ///   `.min` for any.
    public mutating func lease(usedSince since: Int64 = .min) -> LeaseAction {
        if !shared.isEmpty, let handle = leaseStream() { return .share(handle) }
        guard !isRetired, let latest = idle.last, latest.since >= since || totalCount >= limits.max else {
            return leaseFresh()
        }
        idle.removeLast()
        busyCount += 1
        return .reuse(latest.handle)
    }

    /// A connection that nobody has used before: for repeating a request that a reused connection has failed.
    public mutating func leaseFresh() -> LeaseAction {
        guard !isRetired, totalCount < limits.max else { return .refuse }
        busyCount += 1
        return .connect
    }

    /// A stream of a connection that has room for one more. The first that has is filled before the next is begun on, so that
    /// those that a quiet time makes superfluous empty.
    @inline(never)
    private mutating func leaseStream() -> Int32? {
        guard !isRetired, let place = shared.firstIndex(where: { $0.streams < $0.limit }) else { return nil }
        shared[place].streams += 1
        return shared[place].handle
    }

    /// A busy connection, on which one exchange is, may carry so many at once: what its protocol or its peer says
    /// (RFC 9113 section 6.5.2, SETTINGS_MAX_CONCURRENT_STREAMS). To be told at each lease of the whole connection, and
    /// when it changes: 0 when no more may be begun on it (RFC 9113 section 6.8, GOAWAY).
    public mutating func carries(_ handle: Int32, streams limit: Int) {
        if let place = shared.firstIndex(where: { $0.handle == handle }) {
            shared[place].limit = limit
        } else {
            shared.append(Shared(handle: handle, streams: 1, limit: limit))
        }
    }

    /// A connection asked for by `.connect` could not be opened, or was given up before it was. It is no longer counted.
    public mutating func connectFailed() {
        endBusy()
    }

    /// The exchange on the connection is over.
    ///
    /// - Parameter isReusable: whether both sides are at the start of a new message and neither asked to close. Of one that
    ///   carries several: whether the connection may be used for another; once it may not, no more are begun on it.
    public mutating func released(_ handle: Int32, isReusable: Bool, now: Int64) -> ReleaseAction {
        var isReusable = isReusable
        if !shared.isEmpty, endStream(on: handle, &isReusable) { return .stays }
        endBusy()
        guard isReusable, !isRetired, idle.count < limits.maxIdle, totalCount < limits.max else { return .close }
        idle.append(Idle(handle: handle, since: now))
        return .keep
    }

    /// - Returns: whether other exchanges are still on the connection.
    @inline(never)
    private mutating func endStream(on handle: Int32, _ isReusable: inout Bool) -> Bool {
        guard let place = shared.firstIndex(where: { $0.handle == handle }) else { return false }
        if !isReusable { shared[place].limit = 0 }
        shared[place].streams -= 1
        guard shared[place].streams == 0 else { return true }
        isReusable = shared[place].limit > 0
        shared.remove(at: place)
        return false
    }

    // MARK: - Endings

    /// The origin closed the connection or it broke, with all exchanges on it. It is no longer counted. Finding an idle one
    /// takes a step for each idle connection.
    public mutating func closed(_ handle: Int32, whileIdle: Bool) {
        guard !whileIdle else { return removeIdle(handle) }
        if !shared.isEmpty { shared.removeAll { $0.handle == handle } }
        endBusy()
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
        return idle.map(\.handle)
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
        return idle.prefix(surplus).map(\.handle)
    }

    /// Ends the use of connections that have been idle since before that time: they are returned to be closed, and no longer
    /// counted.
    public mutating func takeIdle(before time: Int64) -> [Int32] {
        let count = idle.firstIndex { $0.since >= time } ?? idle.count
        defer { idle.removeFirst(count) }
        return idle.prefix(count).map(\.handle)
    }

    /// Ends the use of the connection that has been idle for the longest: it is to be closed, and no longer counted. Nil when
    /// none is idle.
    public mutating func takeOldestIdle() -> Int32? { idle.isEmpty ? nil : idle.removeFirst().handle }

    private mutating func endBusy() {
        precondition(busyCount > 0, "a connection ended that was not busy")
        busyCount -= 1
    }

    private mutating func removeIdle(_ handle: Int32) {
        // From the front: the connections idle longest are there, and they are the ones that end.
        guard let index = idle.firstIndex(where: { $0.handle == handle }) else {
            preconditionFailure("connection \(handle) ended as idle, but was not idle")
        }
        idle.remove(at: index)
    }
}
