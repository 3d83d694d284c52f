public import ApusModel

/// Picks an endpoint of one pool for one worker.
///
/// Each worker owns its own pickers; no call locks, and `pick` neither allocates nor counts references. Indices count
/// within the pool, in its configured order.
public struct PoolPicker: Sendable {
    public let balance: Balance
    @usableFromInline var group: GroupPicker

    /// The picker of `pool` (an index into `snapshot.pools`) for one worker.
    public init(pool: Int, of snapshot: Snapshot, worker: Int, seed: UInt64) {
        let pool = snapshot.pools[pool]
        balance = pool.balance
        group = GroupPicker(
            pool.balance, hash: pool.hash,
            members: snapshot.endpoints[pool.endpoints].map { GroupMember(name: $0.name, weight: $0.weight) },
            worker: worker, seed: seed)
    }

    /// Endpoints that may be picked now.
    public var candidateCount: Int { group.endpoints.candidateCount }

    /// Whether so few endpoints are available that all of them are used (`Pool.panicThreshold`).
    public var isPanicking: Bool { false }

    // MARK: Changes

    /// Notes that the endpoint may, or may no longer, be picked.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool, now: Int64) {
        group.setAvailable(index, isAvailable)
    }

    /// Notes the endpoint's weight from now on, 0 to 65,535.
    public mutating func setWeight(_ index: Int, _ weight: Int, now: Int64) {}

    // MARK: Picks

    /// The endpoint for the next attempt of an exchange; nil when none is left.
    ///
    /// Never an endpoint that is saturated; never one that is unavailable unless the pool is panicking; one with
    /// weight 0 only for a session that it has. With nil, `candidateCount` tells why: at 0 the pool has no endpoint;
    /// above it, all candidates are saturated or were tried.
    ///
    /// - Parameters:
    ///   - request: what of the request decides.
    ///   - tried: endpoints that this exchange has already been sent to.
    ///   - orTried: whether one that was tried may be picked when nothing else is left.
    ///   - now: in microseconds of the clock that is used throughout.
    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ request: PickRequest = PickRequest(), load: borrowing Load, excluding tried: TriedEndpoints = TriedEndpoints(),
        orTried: Bool = false, now: Int64
    ) -> Int? {
        if let index = group.pick(hash: request.hash, load: load, excluding: tried, now: now) { return index }
        guard orTried, !tried.isEmpty else { return nil }
        return group.pick(hash: request.hash, load: load, excluding: TriedEndpoints(), now: now)
    }

    // MARK: What became of them

    /// An exchange of this worker has begun on the endpoint. Only asked for where `Balance.looksAtLoad`.
    @inlinable
    public mutating func started(_ index: Int, load: Int) { group.started(index, load: load) }

    /// An exchange of this worker has ended on the endpoint. Only asked for where `Balance.looksAtLoad`.
    @inlinable
    public mutating func ended(_ index: Int, load: Int) { group.ended(index, load: load) }

    /// The endpoint has answered, or failed to. Only asked for where `Balance.looksAtTime`.
    @inlinable
    public mutating func answered(_ index: Int, after microseconds: Int64, now: Int64) {
        group.answered(index, after: microseconds, now: now)
    }
}

/// What of a request decides where it goes, besides the endpoints themselves.
public struct PickRequest: Sendable, BitwiseCopyable {
    /// The hash of its key (`KeyHash`), in pools with `Balance.hash`; nil when it has none.
    public var hash: UInt64?
    /// The endpoint of the session that it belongs to, as an index within the pool; nil for none.
    public var session: Int32?

    @inlinable
    public init(hash: UInt64? = nil, session: Int32? = nil) {
        self.hash = hash
        self.session = session
    }
}
